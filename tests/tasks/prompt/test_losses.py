"""The loss of masks: the release's formula on random input, and what MONAI makes of the same call."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.prompt.losses import mask_losses, soft_dice_loss

SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed: int, most: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(3, 5, 6, generator=generator, dtype=torch.float64)
    return logits, torch.randint(0, most + 1, (3, 5, 6), generator=generator)


def released(logits: torch.Tensor, targets: torch.Tensor) -> float:
    """1 - (2 sum(p t) + 1e-5) / (sum(p^2) + sum(t^2) + 1e-5), p sigmoid, per image, mean over the batch."""
    losses = []
    for image, target in zip(logits.tolist(), targets.tolist(), strict=True):
        pairs = [
            (1 / (1 + math.exp(-x)), t)
            for row, truth in zip(image, target, strict=True)
            for x, t in zip(row, truth, strict=True)
        ]
        both = sum(p * t for p, t in pairs)
        squares = sum(p * p for p, _ in pairs) + sum(t * t for _, t in pairs)
        losses.append(1 - (2 * both + 1e-5) / (squares + 1e-5))
    return sum(losses) / len(losses)


@settings(deadline=None)
@given(SEEDS, st.sampled_from([0, 1, 7]))
def test_soft_dice_is_the_release_s_on_masks_and_on_labels_as_they_are(
    seed: int, most: int
) -> None:
    logits, labels = drawn(seed, most)
    assert float(soft_dice_loss(logits, labels)) == pytest.approx(
        released(logits, labels), abs=1e-12
    )
    losses = mask_losses(logits, labels, targets="labels")
    assert list(losses) == ["loss_dice"], "no cross-entropy"
    assert float(losses["loss_dice"]) == pytest.approx(released(logits, labels), abs=1e-12)
    binary = mask_losses(logits, labels)
    assert float(binary["loss_dice"]) == pytest.approx(released(logits, labels > 0), abs=1e-12)


def test_unbinarised_labels_pull_the_loss_below_what_a_right_mask_has() -> None:
    labels = torch.full((1, 4, 4), 7)
    loss = mask_losses(torch.full((1, 4, 4), 40.0), labels, targets="labels")["loss_dice"]
    assert float(loss) == pytest.approx(1 - 2 * 7 / (1 + 49), abs=1e-4)
    assert float(mask_losses(torch.full((1, 4, 4), 40.0), labels)["loss_dice"]) < 1e-4


@settings(deadline=None)
@given(SEEDS)
def test_a_cross_entropy_is_the_mean_over_pixels_if_it_is_asked_for(seed: int) -> None:
    logits, labels = drawn(seed, 3)
    p, t = logits.sigmoid().numpy(), (labels > 0).numpy()
    expected = -np.log(np.where(t, p, 1 - p)).mean()
    losses = mask_losses(logits, labels, cross_entropy=0.5)
    assert float(losses["loss_bce"]) == pytest.approx(expected / 2, rel=1e-9)


@settings(deadline=None)
@given(SEEDS, st.sampled_from(["binary", "labels"]))
def test_what_lies_under_255_changes_nothing(seed: int, targets: str) -> None:
    logits, labels = drawn(seed, 3)
    hidden = torch.rand(logits.shape, generator=torch.Generator().manual_seed(seed)) < 0.3
    labels[hidden] = 255
    other = torch.where(hidden, -logits, logits)
    for first, second in zip(
        mask_losses(logits, labels, targets, 1.0).values(),
        mask_losses(other, labels, targets, 1.0).values(),
        strict=True,
    ):
        assert torch.equal(first, second)
    whole = mask_losses(logits[:1].flatten()[~hidden[0].flatten()][None, None],
                        labels[:1].flatten()[~hidden[0].flatten()][None, None], targets, 1.0)  # fmt: skip
    alone = mask_losses(logits[:1], labels[:1], targets, 1.0)
    for name in whole:
        assert float(whole[name]) == pytest.approx(float(alone[name]), abs=1e-9)


@settings(deadline=None)
@given(SEEDS)
def test_a_cross_entropy_over_one_channel_is_0_so_the_release_minimised_dice_alone(
    seed: int,
) -> None:
    """MONAI 1.1's DiceCELoss, its lines of the cross-entropy: softmax over the channels, of which there is one."""
    logits, labels = drawn(seed, 1)
    scores, target = logits[:, None], labels[:, None].to(logits.dtype)
    over_channels = torch.nn.CrossEntropyLoss()
    assert float(over_channels(scores, target)) == 0
    assert float(over_channels(scores, target.argmax(1))) == 0  # its way with older torch
    assert float(torch.nn.BCEWithLogitsLoss()(scores, target)) > 0.1  # what 1.3 and later add


@pytest.mark.parametrize("seed", range(3))
def test_monai_s_own_loss_agrees_as_its_version_has_it(seed: int) -> None:
    monai = pytest.importorskip("monai")
    from monai.losses import DiceCELoss

    logits, labels = drawn(seed, 1)
    loss = DiceCELoss(sigmoid=True, squared_pred=True, reduction="mean")
    theirs = float(loss(logits[:, None], labels[:, None].to(logits.dtype)))
    new = tuple(int(part) for part in monai.__version__.split(".")[:2]) >= (1, 3)
    ours = mask_losses(logits, labels, cross_entropy=1.0 if new else 0.0)
    assert theirs == pytest.approx(float(sum(ours.values())), abs=1e-6)
