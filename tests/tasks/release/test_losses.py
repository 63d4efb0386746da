"""The loss of the release's end-to-end segmentation, by its formula on random input."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.losses import DiceLoss

from tasks.release.losses import batch_dice_loss, segmentation_losses

SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed: int, classes: int, present: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(3, classes, 4, 5, generator=generator, dtype=torch.float64)
    return logits, torch.randint(0, present, (3, 4, 5), generator=generator)


def released(logits: torch.Tensor, truth: torch.Tensor) -> tuple[float, float]:
    """Mean pixel cross-entropy, and 1 - the mean of all classes' (2 sum(p t) + 1e-6) / (sum(p) + sum(t) + 1e-6)."""
    batch, classes, height, width = logits.shape
    pixels = [(b, y, x) for b in range(batch) for y in range(height) for x in range(width)]
    entropy, both, sums = 0.0, [0.0] * classes, [0.0] * classes
    for b, y, x in pixels:
        powers = [math.exp(v) for v in logits[b, :, y, x].tolist()]
        label = int(truth[b, y, x])
        entropy -= math.log(powers[label] / sum(powers))
        for c in range(classes):
            p, t = powers[c] / sum(powers), float(c == label)
            both[c] += p * t
            sums[c] += p + t
    dice = [(2 * b + 1e-6) / (s + 1e-6) for b, s in zip(both, sums, strict=True)]
    return entropy / len(pixels), 1 - sum(dice) / classes


@settings(deadline=None, max_examples=30)
@given(SEEDS, st.integers(2, 8), st.integers(1, 8))
def test_the_loss_is_cross_entropy_plus_dice_of_every_class_over_the_whole_batch(
    seed: int, classes: int, present: int
) -> None:
    logits, truth = drawn(seed, classes, min(present, classes))
    losses = segmentation_losses(logits, truth)
    assert list(losses) == ["loss_ce", "loss_dice"], "mmengine sums what is called a loss"
    found = [float(value) for value in losses.values()]
    assert found == pytest.approx(released(logits, truth), abs=1e-12)


@settings(deadline=None, max_examples=20)
@given(SEEDS, st.integers(2, 8))
def test_monai_s_dice_loss_over_the_batch_is_the_same(seed: int, classes: int) -> None:
    logits, truth = drawn(seed, classes, classes)
    peer = DiceLoss(
        softmax=True, to_onehot_y=True, batch=True, smooth_nr=1e-6, smooth_dr=1e-6, squared_pred=False
    )  # fmt: skip
    assert float(batch_dice_loss(logits, truth)) == pytest.approx(
        float(peer(logits, truth[:, None])), abs=1e-9
    )


def test_a_class_that_is_in_neither_scores_1_and_its_image_does_not_count_by_itself() -> None:
    truth = torch.zeros(2, 4, 4, dtype=torch.long)
    sure = torch.stack([torch.full((2, 4, 4), 200.0), torch.zeros(2, 4, 4)], 1)
    assert float(batch_dice_loss(sure, truth)) == 0
    # One image wholly of class 1, found by half: over the batch, not the mean of both images.
    truth[0] = 1
    half = torch.zeros(2, 2, 4, 4)
    half[0, 1, :2] = half[0, 0, 2:] = half[1, 0] = 200
    background, foreground = 2 * 16 / (24 + 16), 2 * 8 / (8 + 16)
    assert float(batch_dice_loss(half, truth)) == pytest.approx(
        1 - np.mean([background, foreground]), abs=1e-6
    )
