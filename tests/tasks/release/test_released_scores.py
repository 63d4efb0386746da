"""Scores of the release's end-to-end segmentation: one class, 1e-6, and 1 where neither mask has it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.metrics import DiceMetric, MeanIoU
from torch.nn.functional import one_hot

from tasks.metrics.released import ReleasedScores

SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed: int, number: int, classes: int) -> np.ndarray:
    """Masks (number, 2, 6, 7) of prediction and truth, in which classes are missing now and then."""
    rng = np.random.default_rng(seed)
    return np.stack(
        [rng.integers(0, rng.integers(1, classes + 1), (2, 6, 7)) for _ in range(number)]
    )


def scores(pairs: np.ndarray, names: list[str], classes: int, **arguments) -> dict[str, float]:
    metric = ReleasedScores(**arguments)
    metric.dataset_meta = dict(classes=[str(n) for n in range(classes)])
    samples = [
        dict(
            img_path=f"d/images/{name}.png",
            pred_sem_seg=dict(data=torch.tensor(p)[None]),
            gt_sem_seg=dict(data=torch.tensor(t)[None]),
        )
        for name, (p, t) in zip(names, pairs, strict=True)
    ]
    for start in range(0, len(samples), 2):
        metric.process({}, samples[start : start + 2])
    return metric.compute_metrics(metric.results)


def by_voxel(prediction: np.ndarray, truth: np.ndarray, label: int) -> tuple[float, float]:
    """Dice and IoU from sets of voxels, each with 1e-6 above and below."""
    p, t = ({*map(tuple, np.argwhere(mask == label))} for mask in (prediction, truth))
    return (
        (2 * len(p & t) + 1e-6) / (len(p) + len(t) + 1e-6),
        (len(p & t) + 1e-6) / (len(p | t) + 1e-6),
    )


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.integers(1, 7))
def test_in_2d_class_1_is_scored_per_image_and_averaged(seed: int, number: int) -> None:
    pairs = drawn(seed, number, 2)
    found = scores(pairs, [str(n) for n in range(number)], 2, case="image", label=1)
    wanted = np.mean([by_voxel(p, t, 1) for p, t in pairs], axis=0)
    assert [found["dice"], found["iou"]] == pytest.approx(wanted.tolist(), abs=1e-12)
    assert next(iter(found)) == "dice" and set(found) == {"dice", "iou", "dice_all", "iou_all"}


@settings(deadline=None, max_examples=20)
@given(SEEDS)
def test_monai_s_dice_and_iou_of_an_image_are_the_same_but_for_masks_without_the_class(
    seed: int,
) -> None:
    pairs = drawn(seed, 6, 2)
    found = scores(pairs, list("abcdef"), 2, case="image", label=1)
    prediction, truth = (one_hot(torch.tensor(pairs[:, n]), 2).movedim(-1, 1) for n in (0, 1))
    for name, peer in (("dice", DiceMetric), ("iou", MeanIoU)):
        theirs = peer(include_background=False, reduction="none", ignore_empty=False)(
            y_pred=prediction, y=truth
        )
        assert found[name] == pytest.approx(float(theirs.mean()), abs=1e-5)


@settings(deadline=None, max_examples=30)
@given(SEEDS, st.integers(2, 8))
def test_in_3d_the_left_atrium_is_scored_over_all_voxels_of_a_volume_and_the_mean_of_seven_beside_it(
    seed: int, number: int
) -> None:
    pairs = drawn(seed, number, 8)
    names = [f"{'ab'[n % 2]}/{n}" for n in range(number)]
    found = scores(pairs, names, 8, case="volume", label=2)
    volumes = [pairs[start::2] for start in (0, 1)]
    of_class = {
        label: np.mean([by_voxel(v[:, 0], v[:, 1], label) for v in volumes], axis=0)
        for label in range(1, 8)
    }
    assert next(iter(found)) == "iou"
    assert [found["dice"], found["iou"]] == pytest.approx(of_class[2].tolist(), abs=1e-12)
    assert [found["dice_all"], found["iou_all"]] == pytest.approx(
        np.mean([*of_class.values()], axis=0).tolist(), abs=1e-12
    )
    slices = np.mean([by_voxel(p, t, 2) for p, t in pairs], axis=0)
    assert [found["slice_dice"], found["slice_iou"]] == pytest.approx(slices.tolist(), abs=1e-12)


def test_masks_without_the_class_score_1_and_a_single_wrong_voxel_nearly_0(tmp_path: Path) -> None:
    pairs = np.zeros((2, 2, 4, 4), int)
    pairs[1, 0, 0, 0] = 1
    file = tmp_path / "cases.json"
    found = scores(pairs, ["a", "b"], 2, case="image", label=1, cases_file=str(file))
    rows = json.loads(file.read_text())
    assert [row["dice"] for row in rows] == pytest.approx([1, 1e-6], rel=1e-4)
    assert found["dice"] == pytest.approx(0.5, abs=1e-5)
