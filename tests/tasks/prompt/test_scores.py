"""Scores of prompted masks: the release's two rules, on random and degenerate masks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.metrics.prompted import PromptedScores, counted, dice, iou

SEEDS = st.integers(0, 2**32 - 1)


def masks(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A prediction and a truth with several classes; each is empty now and then."""
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 7, 2))
    prediction = (rng.random(shape) < rng.choice([0, 0.1, 0.5, 1])).astype(np.int64)
    truth = rng.integers(1, 8, shape) * (rng.random(shape) < rng.choice([0, 0.1, 0.5, 1]))
    return prediction, truth


def released_dice(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Mask empty: 1 if the prediction is empty, else 0; otherwise 2 inter / sums, no epsilon."""
    p, t = prediction.astype(bool).ravel().tolist(), (truth > 0).ravel().tolist()
    if not any(t):
        return 0.0 if any(p) else 1.0
    return 2 * sum(a and b for a, b in zip(p, t, strict=True)) / (sum(p) + sum(t))


def released_iou(prediction: np.ndarray, truth: np.ndarray) -> float:
    """(inter + 1e-6) / (union + 1e-6) of mask > 0, all structures; both empty = 1."""
    p, t = prediction.astype(bool).ravel().tolist(), (truth > 0).ravel().tolist()
    both = sum(a and b for a, b in zip(p, t, strict=True))
    union = sum(a or b for a, b in zip(p, t, strict=True))
    return (both + 1e-6) / (union + 1e-6)


def sample(name: str, prediction: Any, truth: Any, prompted: bool = True) -> dict[str, Any]:
    return dict(
        img_path=f"data/images/{name}.png",
        box=(0, 0, 1, 1) if prompted else None,
        pred_sem_seg=dict(data=torch.as_tensor(np.array(prediction))[None]),
        gt_sem_seg=dict(data=torch.as_tensor(np.array(truth))[None]),
    )


def scored(samples: list[dict[str, Any]], **options: Any) -> dict[str, float]:
    metric = PromptedScores(**options)
    metric.dataset_meta = dict(classes=("background", "a"))
    metric.process({}, samples)
    return metric.compute_metrics(metric.results)


@settings(deadline=None)
@given(SEEDS)
def test_dice_and_iou_of_an_image_are_the_release_s(seed: int) -> None:
    prediction, truth = masks(seed)
    counts = counted(prediction, truth)
    assert dice(counts) == pytest.approx(released_dice(prediction, truth), abs=1e-12)
    assert iou(counts) == pytest.approx(released_iou(prediction, truth), abs=1e-12)


@settings(deadline=None)
@given(SEEDS, st.integers(1, 6))
def test_the_release_s_figure_of_images_is_their_mean_whatever_is_empty(
    seed: int, count: int
) -> None:
    pairs = [masks(seed + number) for number in range(count)]
    samples = [sample(f"{n}", *pair) for n, pair in enumerate(pairs)]
    metrics = scored(samples, unprompted="count")
    assert next(iter(metrics)) == "dice"
    assert metrics["dice"] == pytest.approx(np.mean([released_dice(*pair) for pair in pairs]))
    assert metrics["iou"] == pytest.approx(np.mean([released_iou(*pair) for pair in pairs]))


@settings(deadline=None)
@given(SEEDS, st.lists(st.integers(1, 4), min_size=1, max_size=3))
def test_the_release_s_3d_iou_is_the_mean_of_slices_then_of_volumes(
    seed: int, lengths: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    samples, slice_means, volumes = [], [], []
    for volume, length in enumerate(lengths):
        predictions = rng.integers(0, 2, (length, 3, 3)) * rng.integers(0, 2, (length, 1, 1))
        truths = rng.integers(0, 8, (length, 3, 3)) * rng.integers(0, 2, (length, 1, 1))
        pairs = list(zip(predictions, truths, strict=True))
        samples += [sample(f"v{volume}/{n:03d}", *pair) for n, pair in enumerate(pairs)]
        slice_means.append(np.mean([released_iou(*pair) for pair in pairs]))
        volumes.append(released_iou(predictions, truths))
    options = dict(case="volume", headline="slice_iou", unprompted="count")
    metrics = scored(samples, **options)
    assert next(iter(metrics)) == "slice_iou"
    assert metrics["slice_iou"] == pytest.approx(np.mean(slice_means), abs=1e-9)
    assert metrics["volume_iou"] == pytest.approx(np.mean(volumes), abs=1e-9)


def test_the_two_scores_called_3d_iou_differ() -> None:
    empty, full = np.zeros((4, 4), int), np.ones((4, 4), int)
    samples = [sample(f"v/{n}", empty, empty) for n in range(9)] + [sample("v/9", empty, full)]
    metrics = scored(samples, case="volume", headline="slice_iou", unprompted="count")
    assert metrics["slice_iou"] == pytest.approx(0.9, abs=1e-6)
    assert metrics["volume_iou"] == pytest.approx(0.0, abs=1e-6)


def test_what_has_no_prompt_is_left_out_of_the_sound_means(tmp_path: Path) -> None:
    one, none = [[1, 0]], [[0, 0]]
    file = str(tmp_path / "cases.json")
    samples = [sample("a", one, [[1, 1]]), sample("b", none, none, prompted=False)]
    assert scored(samples, cases_file=file)["dice"] == pytest.approx(2 / 3)
    assert json.loads(Path(file).read_text())[1] == {"case": "b", "dice": None, "iou": None}
    slices = [sample("v/0", one, [[1, 1]]), sample("v/1", none, none, prompted=False)]
    metrics = scored(slices, case="volume", headline="volume_iou")
    assert metrics["slice_iou"] == pytest.approx(0.5, abs=1e-5)


def test_images_without_any_prompt_are_named() -> None:
    with pytest.raises(ValueError, match=r"none of 2 images has a structure.*see their masks"):
        scored([sample(name, [[0]], [[0]], prompted=False) for name in "ab"])


def test_sites_have_means_of_their_own_and_count_alike() -> None:
    one = [[1, 0]]
    samples = [sample("A/0", one, one), sample("A/1", one, [[0, 1]]), sample("B/0", one, [[1, 1]])]
    metrics = scored(samples, group="site")
    assert metrics["dice/A"] == 0.5 and metrics["dice/B"] == pytest.approx(2 / 3)
    assert metrics["dice"] == pytest.approx((0.5 + 2 / 3) / 2)


@settings(deadline=None)
@given(SEEDS)
def test_pixels_without_a_label_do_not_count(seed: int) -> None:
    prediction, truth = masks(seed)
    hidden = np.random.default_rng(seed).random(truth.shape) < 0.4
    counts = counted(prediction, np.where(hidden, 255, truth))
    assert counts == counted(prediction[~hidden], truth[~hidden])


def test_a_mask_of_another_size_is_named() -> None:
    with pytest.raises(ValueError, match=r"a: the prediction has shape \(1, 1, 2\), the truth"):
        scored([sample("a", [[1, 0]], [[1]])])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(headline="slice_iou"), "headline='slice_iou': choose dice or iou of a case='image'"),
        (dict(case="volume"), "headline='dice': choose slice_iou or volume_iou"),
        (dict(case="slice"), "case='slice': choose 'image' or 'volume'"),
        (dict(unprompted="zero"), "unprompted='zero': choose 'skip' or 'count'"),
    ],
)
def test_wrong_words_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PromptedScores(**options)
