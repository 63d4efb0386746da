"""The scores beside MONAI, pycocotools and scikit-learn, on random and on degenerate input, to 1e-6.

Degenerate: an empty truth, an empty prediction, both, a class that is absent. Where rules differ the test says how.
"""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.metrics import compute_dice, compute_iou
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score, roc_auc_score

from lvmmed_backbones.evaluation import overlap
from tasks.metrics import prompted, released
from tasks.metrics.classification import ClassificationScores
from tasks.metrics.detection import DetectionScores
from tasks.metrics.segmentation import SegmentationScores

CLASSES = 4
SEEDS = st.integers(0, 2**32 - 1)
EMPTY = st.sampled_from(["neither", "truth", "prediction", "both"])
NAMES = ("background", "a", "b", "c")


def maps(seed: int, empty: str, absent: int | None) -> tuple[NDArray, NDArray]:
    """Prediction and truth, (5, 6) labels 0 to 3; no foreground in what is `empty`, and class `absent` in neither."""
    rng = np.random.default_rng(seed)
    drawn = {}
    for what in ("prediction", "truth"):
        labels = rng.integers(0, CLASSES, (5, 6))
        labels[rng.random((5, 6)) < 0.5] = 0
        labels[labels == (absent or CLASSES)] = 0
        drawn[what] = labels * (empty not in (what, "both"))
    return drawn["prediction"], drawn["truth"]


def one_hot(labels: NDArray) -> torch.Tensor:
    return torch.from_numpy(np.eye(CLASSES)[labels]).permute(2, 0, 1)[None]


def of_monai(prediction: NDArray, truth: NDArray, score: str, empty_is_nan: bool) -> NDArray:
    """MONAI's score of each class, (4,), in float64."""
    compute = {"dice": compute_dice, "iou": compute_iou}[score]
    given_ = (one_hot(prediction), one_hot(truth))
    return compute(*given_, include_background=True, ignore_empty=empty_is_nan)[0].double().numpy()


@settings(deadline=None, max_examples=60)
@given(SEEDS, EMPTY, st.sampled_from([None, 1, 2, 3]))
def test_overlap_of_each_class_is_monai_s_but_for_a_class_that_the_truth_lacks(
    seed: int, empty: str, absent: int | None
) -> None:
    prediction, truth = maps(seed, empty, absent)
    counts = overlap.overlap_counts(prediction, truth, CLASSES)
    in_truth, predicted = (np.isin(range(CLASSES), x) for x in (truth, prediction))
    for score, ours in (("dice", overlap.dice(counts)), ("iou", overlap.iou(counts))):
        theirs = of_monai(prediction, truth, score, empty_is_nan=True)
        np.testing.assert_allclose(ours[in_truth], theirs[in_truth], atol=1e-6)
        assert np.isnan(theirs[~in_truth]).all()  # MONAI skips a class that is predicted alone
        assert np.isnan(ours[~in_truth & ~predicted]).all()  # and so do we where neither has it,
        assert (ours[~in_truth & predicted] == 0).all()  # but a false alarm is 0


@settings(deadline=None, max_examples=60)
@given(SEEDS, EMPTY, st.sampled_from([None, 1, 2, 3]))
def test_the_released_scores_of_each_class_are_monai_s_with_empty_masks_at_1(
    seed: int, empty: str, absent: int | None
) -> None:
    prediction, truth = maps(seed, empty, absent)
    found = overlap.overlap_counts(prediction, truth, CLASSES)
    there = found[1] + found[2] > 0
    for score, ours in (("dice", released.dice(found)), ("iou", released.iou(found))):
        theirs = of_monai(prediction, truth, score, empty_is_nan=False)
        # 1e-6 above and below moves a score by at most 1e-6 divided by the pixels of a class
        np.testing.assert_allclose(ours[there], theirs[there], atol=1e-6)
        assert (ours[~there] == 1).all()


@settings(deadline=None, max_examples=60)
@given(SEEDS, EMPTY)
def test_the_prompted_scores_are_monai_s_of_the_union_of_all_structures(
    seed: int, empty: str
) -> None:
    prediction, truth = maps(seed, empty, None)
    counts = prompted.counted(prediction, truth)
    union = ((prediction > 0).astype(int), (truth > 0).astype(int))
    expected = {s: of_monai(*union, s, empty_is_nan=False)[1] for s in ("dice", "iou")}
    ours = {"dice": prompted.dice(counts), "iou": prompted.iou(counts)}
    if not (prediction.any() or truth.any()):
        assert ours == {"dice": 1, "iou": 1}
    else:
        assert ours == pytest.approx(expected, abs=1e-6)


@settings(deadline=None, max_examples=25)
@given(SEEDS, st.lists(EMPTY, min_size=1, max_size=4))
def test_a_run_s_score_is_the_mean_of_monai_s_over_images_and_foreground(
    seed: int, empties: list[str]
) -> None:
    pairs = [maps(seed + n, empty, None) for n, empty in enumerate(empties)]
    cases = []
    for prediction, truth in pairs:
        theirs = of_monai(prediction, truth, "dice", empty_is_nan=True)
        false_alarm = np.isin(range(CLASSES), prediction) & ~np.isin(range(CLASSES), truth)
        theirs[false_alarm] = 0
        cases.append(mean_of_numbers(theirs[1:]))
    metric = SegmentationScores()
    metric.dataset_meta = {"classes": NAMES}
    metric.process({}, [mask_sample(n, *pair) for n, pair in enumerate(pairs)])
    expected = mean_of_numbers(np.array(cases))
    assert metric.evaluate(len(pairs))["dice"] == pytest.approx(expected, abs=1e-6, nan_ok=True)


def mean_of_numbers(values: NDArray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def mask_sample(number: int, prediction: NDArray, truth: NDArray) -> dict:
    return {
        "img_path": f"/d/images/{number}.png",
        "pred_sem_seg": {"data": torch.from_numpy(prediction)[None]},
        "gt_sem_seg": {"data": torch.from_numpy(truth)[None]},
    }


# Classification


def graded(truth: NDArray, probability: NDArray, **options) -> dict[str, float]:
    metric = ClassificationScores(**options)
    metric.dataset_meta = {"classes": tuple(map(str, range(probability.shape[1])))}
    samples = [
        {"img_path": f"/d/images/{n}.png", "pred_score": torch.from_numpy(p), "gt_label": int(t)}
        for n, (t, p) in enumerate(zip(truth, probability, strict=True))
    ]
    metric.process({}, samples)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of what is degenerate
        return metric.evaluate(len(samples))


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.sampled_from([None, "linear", "quadratic"]), st.sampled_from([None, 0, 2]))
def test_accuracy_kappa_f1_and_auroc_are_scikit_learn_s_with_a_class_absent_too(
    seed: int, weights: str | None, absent: int | None
) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.choice([c for c in range(CLASSES) if c != absent], 60)
    probability = rng.dirichlet(np.ones(CLASSES), 60) + 0.3 * np.eye(CLASSES)[truth]
    probability /= probability.sum(1, keepdims=True)
    prediction, classes = probability.argmax(1), list(range(CLASSES))
    ours = graded(truth, probability, kappa_weights=weights)
    areas = [
        roc_auc_score(truth == c, probability[:, c]) for c in classes if 0 < (truth == c).sum() < 60
    ]
    union = np.union1d(truth, prediction)
    expected = {
        "accuracy": accuracy_score(truth, prediction),
        "kappa": cohen_kappa_score(truth, prediction, labels=classes, weights=weights),
        "macro_f1": f1_score(truth, prediction, labels=union, average="macro", zero_division=0.0),
        "auroc": np.mean(areas),
    }
    assert {key: ours[key] for key in expected} == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("right", [True, False])
def test_of_a_truth_of_one_class_accuracy_counts_and_auroc_is_no_number(right: bool) -> None:
    probability = np.tile(np.eye(CLASSES)[1 if right else 2], (5, 1))
    scores = graded(np.full(5, 1), probability)
    assert scores["accuracy"] == float(right)
    assert np.isnan(scores["auroc"])


# Detection


def boxes(rng: np.random.Generator, number: int) -> NDArray:
    """(number, 4) as x, y, width, height in an image of 100 pixels."""
    return np.hstack([rng.uniform(0, 60, (number, 2)), rng.uniform(5, 40, (number, 2))])


def coco(path: Path, seed: int, empty: str) -> list[dict]:
    """Write the truth of 8 images, three categories, the last absent; return detections, some close to a box."""
    rng, annotations, found = np.random.default_rng(seed), [], []
    for image in range(8):
        for box in boxes(rng, 0 if empty in ("truth", "both") else rng.integers(0, 4)):
            category = int(rng.integers(1, 3))
            annotations.append(
                dict(id=len(annotations) + 1, image_id=image, category_id=category,
                     bbox=box.tolist(), area=float(box[2] * box[3]), iscrowd=0)
            )  # fmt: skip
            near = box + np.append(rng.normal(0, 3, 2), rng.uniform(-2, 2, 2))
            found.append((image, int(rng.choice([category, 3])), near))
        found += [(image, int(rng.integers(1, 4)), box) for box in boxes(rng, 40)]
    names = [dict(id=n + 1, name=name) for n, name in enumerate(NAMES[1:])]
    images = [dict(id=n, file_name=f"{n}.png", width=100, height=100) for n in range(8)]
    content = dict(info={}, images=images, categories=names, annotations=annotations)
    path.write_text(json.dumps(content))
    if empty in ("prediction", "both"):
        return []
    return [
        dict(image_id=i, category_id=c, bbox=b.tolist(), score=float(rng.random()))
        for i, c, b in found
    ]


def of_pycocotools(path: Path, found: list[dict]) -> dict[str, float]:
    """The mAP50 and mAP of `COCOeval.summarize`; it cannot load an empty list, so that is a detection of no image."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(path))
        detections = truth.loadRes(found) if found else COCO()
        evaluation = COCOeval(truth, detections, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {"map": evaluation.stats[0], "map50": evaluation.stats[1]}


@pytest.mark.parametrize("empty", ["neither", "truth", "prediction", "both"])
@pytest.mark.parametrize("seed", range(4))
def test_mean_average_precision_is_pycocotools_own(seed: int, empty: str, tmp_path: Path) -> None:
    path = tmp_path / "truth.json"
    found = coco(path, seed, empty)
    metric = DetectionScores(ann_file=str(path))
    metric.dataset_meta = {"classes": NAMES[1:]}
    samples = []
    for image in range(8):
        mine = [d for d in found if d["image_id"] == image]
        xywh = np.array([d["bbox"] for d in mine]).reshape(-1, 4)
        instances = {
            "bboxes": torch.from_numpy(np.hstack([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]])),
            "scores": torch.tensor([d["score"] for d in mine], dtype=torch.float64),
            "labels": torch.tensor([d["category_id"] - 1 for d in mine], dtype=torch.long),
        }
        path_ = f"/d/images/{image}.png"
        samples.append({"img_id": image, "img_path": path_, "pred_instances": instances})
    metric.process({}, samples)
    ours = metric.evaluate(len(samples))
    expected = of_pycocotools(path, found)
    if empty in ("truth", "both"):
        assert expected == {
            "map": -1,
            "map50": -1,
        }  # pycocotools' sign for: there is nothing to find
        assert np.isnan(ours["map"]) and np.isnan(ours["map50"])
    else:
        assert {key: ours[key] for key in expected} == pytest.approx(expected, abs=1e-6)
        assert ours["map50"] > 0 or empty == "prediction"
