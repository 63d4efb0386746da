"""The metrics against independent implementations: plain numpy, mmsegmentation, mmpretrain, mmdetection."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmdet.evaluation import CocoMetric
from mmpretrain.evaluation import Accuracy, SingleLabelMetric
from mmseg.evaluation import IoUMetric

from tasks.metrics.cases import case_name
from tasks.metrics.classification import ClassificationScores
from tasks.metrics.detection import DetectionScores
from tasks.metrics.overlap import dice, iou, overlap_counts
from tasks.metrics.segmentation import SegmentationScores

CLASSES = ("background", "left", "right")


def segmentation_sample(name: str, prediction: np.ndarray, truth: np.ndarray) -> dict:
    return {
        "img_path": f"/data/set/images/{name}.png",
        "pred_sem_seg": {"data": torch.from_numpy(prediction)[None]},
        "gt_sem_seg": {"data": torch.from_numpy(truth)[None]},
    }


def evaluate(metric, samples: list, classes=CLASSES) -> dict:
    metric.dataset_meta = {"classes": classes}
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def plain_dice(prediction: np.ndarray, truth: np.ndarray, label: int) -> float:
    a, b = prediction == label, truth == label
    if not a.any() and not b.any():
        return float("nan")
    return 2 * float((a & b).sum()) / float(a.sum() + b.sum())


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(2, 5))
@settings(max_examples=50, deadline=None)
def test_overlap_equals_plain_numpy(seed: int, size: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    prediction, truth = rng.integers(0, classes, (2, size, size))
    counts = overlap_counts(prediction, truth, classes)
    expected = [plain_dice(prediction, truth, c) for c in range(classes)]
    np.testing.assert_allclose(dice(counts), expected)
    d = dice(counts)
    np.testing.assert_allclose(iou(counts), d / (2 - d))  # an identity of the two


def test_ignored_pixels_do_not_count() -> None:
    truth = np.array([[1, 255], [0, 255]])
    counts = overlap_counts(np.array([[1, 1], [0, 0]]), truth, 2)
    assert counts.tolist() == [[1, 1], [1, 1], [1, 1]]


def test_maps_of_different_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(3, 2\)"):
        overlap_counts(np.zeros((2, 3), int), np.zeros((3, 2), int), 2)


def test_image_scores_are_means_over_images_and_foreground(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pairs = [rng.integers(0, 3, (2, 16, 16)) for _ in range(5)]
    samples = [segmentation_sample(f"{i}", *pair) for i, pair in enumerate(pairs)]
    metrics = evaluate(SegmentationScores(cases_file=str(tmp_path / "cases.json")), samples)
    per_image = [np.nanmean([plain_dice(p, t, c) for c in (1, 2)]) for p, t in pairs]
    assert metrics["dice"] == pytest.approx(np.mean(per_image))
    cases = json.loads((tmp_path / "cases.json").read_text())
    assert [case["case"] for case in cases] == list("01234")
    assert [case["dice"] for case in cases] == pytest.approx(per_image)


def test_one_volume_scores_like_mmsegmentation() -> None:
    """With every slice in one volume, IoU per class is mmsegmentation's, which counts over the whole set."""
    rng = np.random.default_rng(1)
    pairs = [rng.integers(0, 3, (2, 16, 16)) for _ in range(6)]
    samples = [segmentation_sample(f"case/{i:03}", *pair) for i, pair in enumerate(pairs)]
    ours = evaluate(SegmentationScores(case="volume", headline="iou"), samples)
    theirs = IoUMetric(iou_metrics=["mIoU", "mDice"])
    theirs.dataset_meta = {"classes": CLASSES}
    theirs.process({}, samples)
    areas = [sum(part) for part in zip(*theirs.results, strict=True)]
    per_class = (areas[0] / areas[1]).tolist()
    assert [ours["iou/left"], ours["iou/right"]] == pytest.approx(per_class[1:], abs=1e-6)
    assert next(iter(ours)) == "iou"


def test_sites_are_reported_and_averaged() -> None:
    full, empty = np.ones((4, 4), int), np.zeros((4, 4), int)
    samples = [
        segmentation_sample("BMC/case1/000", full, full),
        segmentation_sample("BMC/case1/001", full, full),
        segmentation_sample("HK/case1/000", empty, full),
    ]
    metrics = evaluate(SegmentationScores(group="site"), samples, ("background", "prostate"))
    assert (metrics["dice/BMC"], metrics["dice/HK"], metrics["dice"]) == (1, 0, 0.5)


def test_a_case_without_foreground_leaves_the_mean(tmp_path: Path) -> None:
    full, empty = np.ones((4, 4), int), np.zeros((4, 4), int)
    samples = [segmentation_sample("a", full, full), segmentation_sample("b", empty, empty)]
    cases = tmp_path / "cases.json"
    metrics = evaluate(SegmentationScores(cases_file=str(cases)), samples, ("background", "lesion"))
    assert metrics["dice"] == 1
    assert json.loads(cases.read_text())[1]["dice"] is None


def test_classification_equals_plain_formulas_and_mmpretrain(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 4, 200)
    probability = rng.dirichlet(np.ones(4), 200) + 0.4 * np.eye(4)[truth]
    probability /= probability.sum(1, keepdims=True)
    samples = [
        {
            "img_path": f"/d/images/{i}.jpg",
            "pred_score": torch.from_numpy(p),
            "gt_label": torch.tensor([t]),
        }
        for i, (t, p) in enumerate(zip(truth, probability, strict=True))
    ]
    cases = tmp_path / "cases.json"
    ours = evaluate(ClassificationScores(kappa_weights="quadratic", cases_file=str(cases)), samples)
    top1 = evaluate(Accuracy(), samples)["accuracy/top1"] / 100
    macro_f1 = (
        evaluate(SingleLabelMetric(items=("f1-score",)), samples)["single-label/f1-score"] / 100
    )
    assert ours["accuracy"] == pytest.approx(top1, abs=1e-6)
    assert ours["macro_f1"] == pytest.approx(macro_f1, abs=1e-6)
    assert ours["kappa"] == pytest.approx(plain_quadratic_kappa(truth, probability.argmax(1), 4))
    assert ours["auroc"] == pytest.approx(
        np.mean([plain_auroc(truth == c, probability[:, c]) for c in range(4)])
    )
    assert np.mean([case["accuracy"] for case in json.loads(cases.read_text())]) == pytest.approx(
        ours["accuracy"]
    )


def plain_quadratic_kappa(a: np.ndarray, b: np.ndarray, classes: int) -> float:
    observed = np.zeros((classes, classes))
    np.add.at(observed, (a, b), 1)
    expected = np.outer(observed.sum(1), observed.sum(0)) / len(a)
    weights = np.subtract.outer(np.arange(classes), np.arange(classes)) ** 2
    return 1 - (weights * observed).sum() / (weights * expected).sum()


def plain_auroc(positive: np.ndarray, score: np.ndarray) -> float:
    """The probability that a positive scores higher than a negative (Mann-Whitney)."""
    difference = np.subtract.outer(score[positive], score[~positive])
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


@pytest.fixture
def coco_file(tmp_path: Path) -> Path:
    rng = np.random.default_rng(3)
    annotations, number = [], 0
    for image in range(6):
        for _ in range(rng.integers(1, 4)):
            number += 1
            x, y, w, h = (float(v) for v in rng.integers(5, 60, 4))
            annotations.append(
                dict(
                    id=number,
                    image_id=image,
                    category_id=int(rng.integers(1, 3)),
                    bbox=[x, y, w, h],
                    area=w * h,
                    iscrowd=0,
                )
            )
    content = dict(
        info={},
        images=[dict(id=i, file_name=f"{i}.png", width=128, height=128) for i in range(6)],
        categories=[dict(id=1, name="left"), dict(id=2, name="right")],
        annotations=annotations,
    )
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(content))
    return path


def detections(coco_file: Path, noise: float) -> list[dict]:
    rng = np.random.default_rng(4)
    content = json.loads(coco_file.read_text())
    samples = []
    for image in content["images"]:
        boxes = [a for a in content["annotations"] if a["image_id"] == image["id"]]
        xywh = np.array([b["bbox"] for b in boxes])
        xyxy = np.hstack([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]]) + rng.normal(
            0, noise, (len(boxes), 4)
        )
        samples.append(
            {
                "img_id": image["id"],
                "img_path": f"/d/images/{image['file_name']}",
                "ori_shape": (128, 128),
                "pred_instances": {
                    "bboxes": torch.from_numpy(xyxy),
                    "scores": torch.from_numpy(rng.random(len(boxes))),
                    "labels": torch.tensor([b["category_id"] - 1 for b in boxes]),
                },
            }
        )
    return samples


@pytest.mark.parametrize("noise", [0.5, 4.0, 15.0])
def test_detection_equals_mmdetection_to_its_three_digits(
    coco_file: Path, tmp_path: Path, noise: float
) -> None:
    samples = detections(coco_file, noise)
    cases = tmp_path / "cases.json"
    classes = ("left", "right")
    ours = evaluate(
        DetectionScores(ann_file=str(coco_file), cases_file=str(cases)), samples, classes
    )
    theirs = evaluate(CocoMetric(ann_file=str(coco_file)), samples, classes)
    assert ours["map50"] == pytest.approx(theirs["coco/bbox_mAP_50"], abs=6e-4)
    assert ours["map"] == pytest.approx(theirs["coco/bbox_mAP"], abs=6e-4)
    assert np.mean([ours["map50/left"], ours["map50/right"]]) == pytest.approx(ours["map50"])
    assert len(json.loads(cases.read_text())) == 6


def test_perfect_detections_score_one_and_none_score_zero(coco_file: Path) -> None:
    classes = ("left", "right")
    perfect = evaluate(DetectionScores(ann_file=str(coco_file)), detections(coco_file, 0), classes)
    assert perfect["map50"] == perfect["map"] == pytest.approx(1)
    samples = detections(coco_file, 0)
    for sample in samples:
        sample["pred_instances"] = {k: v[:0] for k, v in sample["pred_instances"].items()}
    nothing = evaluate(DetectionScores(ann_file=str(coco_file)), samples, classes)
    assert nothing["map50"] == nothing["map"] == 0


def test_case_names() -> None:
    assert case_name("/x/images/y/images/BMC/case 1/007.png") == "BMC/case 1/007"
    with pytest.raises(ValueError, match="images"):
        case_name("/x/y/z.png")
