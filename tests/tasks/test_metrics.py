"""The metrics against independent implementations: plain numpy, mmsegmentation, mmpretrain, mmdetection."""

from __future__ import annotations

import contextlib
import io
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
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from sklearn.metrics import confusion_matrix, f1_score, jaccard_score

from lvmmed_backbones.evaluation.overlap import dice, iou, overlap_counts
from lvmmed_backbones.files.outside import Refused
from tasks.metrics import case_name
from tasks.metrics.classification import ClassificationScores
from tasks.metrics.detection import DetectionScores, read_truth
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


# One rule each: what a truth or a prediction may not be


def crowded(seed: int, path: Path) -> list[dict]:
    """A COCO file of 12 images in which some hold crowds alone, some nothing; detections of most of it."""
    rng, annotations, found = np.random.default_rng(seed), [], []
    for image in range(12):
        for _ in range(rng.integers(0, 4)):
            x, y, w, h = (float(v) for v in rng.integers(5, 60, 4))
            category, crowd = int(rng.integers(1, 3)), int(image % 3 == 0 or rng.random() < 0.2)
            annotations.append(
                dict(
                    id=len(annotations) + 1, image_id=image, category_id=category,
                    bbox=[x, y, w, h], area=w * h, iscrowd=crowd,
                )
            )  # fmt: skip
            for _ in range(rng.integers(0, 3)):
                box = np.array([x, y, w, h]) + rng.normal(0, 3, 4)
                box[2:] = box[2:].clip(2)
                score, label = float(rng.random()), int(rng.choice([category, 1, 2]))
                found.append(
                    dict(image_id=image, category_id=label, bbox=box.tolist(), score=score)
                )
    content = dict(
        info={},
        images=[dict(id=i, file_name=f"{i}.png", width=128, height=128) for i in range(13)],
        categories=[dict(id=1, name="left"), dict(id=2, name="right")],
        annotations=annotations,
    )
    path.write_text(json.dumps(content))
    return found


def pycocotools_map50(path: Path, found: list[dict], images: list[int]) -> list[float | None]:
    """AP50 of each class by pycocotools alone; the 13th image's detection makes a list of none possible."""
    elsewhere = dict(image_id=12, category_id=1, bbox=[0, 0, 9, 9], score=0.5)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(path))
        evaluation = COCOeval(truth, truth.loadRes([*found, elsewhere]), "bbox")
        evaluation.params.imgIds = images
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][0, :, :, 0, -1]
    return [None if (p == -1).all() else float(p.mean()) for p in precision.T]


def as_samples(found: list[dict], images: int = 12) -> list[dict]:
    samples = []
    for image in range(images):
        mine = [f for f in found if f["image_id"] == image]
        boxes = np.array([f["bbox"] for f in mine]).reshape(-1, 4)
        samples.append(
            {
                "img_id": image,
                "img_path": f"/d/images/{image}.png",
                "pred_instances": {
                    "bboxes": torch.from_numpy(
                        np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
                    ),
                    "scores": torch.tensor([f["score"] for f in mine], dtype=torch.float64),
                    "labels": torch.tensor([f["category_id"] - 1 for f in mine], dtype=torch.long),
                },
            }
        )
    return samples


@pytest.mark.parametrize("detected", ["all", "none", "in crowds alone"])
@pytest.mark.parametrize("seed", range(8))
def test_crowds_count_as_in_pycocotools(seed: int, detected: str, tmp_path: Path) -> None:
    path, cases = tmp_path / "truth.json", tmp_path / "cases.json"
    found = crowded(seed, path)
    if detected != "all":
        found = [f for f in found if detected != "none" and f["image_id"] % 3 == 0]
    metric = DetectionScores(ann_file=str(path), cases_file=str(cases))
    ours = evaluate(metric, as_samples(found), ("left", "right"))
    theirs = pycocotools_map50(path, found, list(range(12)))
    for name, expected in zip(("left", "right"), theirs, strict=True):
        assert ours[f"map50/{name}"] == pytest.approx(
            float("nan") if expected is None else expected, nan_ok=True
        )
    scores = {case["case"]: case["map50"] for case in json.loads(cases.read_text())}
    for image in range(12):
        known = [p for p in pycocotools_map50(path, found, [image]) if p is not None]
        assert scores[str(image)] == (pytest.approx(np.mean(known)) if known else None)


@pytest.mark.parametrize("detections", [0, 1])
def test_an_image_of_crowds_alone_has_no_score(detections: int, tmp_path: Path) -> None:
    path, cases = tmp_path / "truth.json", tmp_path / "cases.json"
    crowd = dict(id=1, image_id=0, category_id=1, bbox=[5, 5, 20, 20], area=400, iscrowd=1)
    content = dict(
        images=[dict(id=0, file_name="0.png", width=64, height=64)],
        categories=[dict(id=1, name="left")],
        annotations=[crowd],
    )
    path.write_text(json.dumps(content))
    found = [dict(image_id=0, category_id=1, bbox=[40, 40, 9, 9], score=0.9)][:detections]
    metric = DetectionScores(ann_file=str(path), cases_file=str(cases))
    assert np.isnan(evaluate(metric, as_samples(found, 1), ("left",))["map50"])
    assert json.loads(cases.read_text()) == [{"case": "0", "map50": None}]


SPOILT_BOXES: list[tuple[dict, str]] = [
    (dict(bbox=[5, 5, 0, 9]), r"image \d+ has the box \[5, 5, 0, 9\], which has no area"),
    (dict(bbox=[5, 5, 9, 0.0]), "which has no area"),
    (dict(bbox=[30, 30, -9, 9]), "which has no area or is reversed"),
    (dict(bbox=[5, 5, float("nan"), 9]), "which has no area or is reversed"),
    (dict(bbox=[5, float("inf"), 9, 9]), "which has no area or is reversed"),
    (dict(bbox=[5, 5, 9]), "is no COCO file"),
    (dict(bbox=None), "is no COCO file"),
    (dict(bbox=["a", "b", "c", "d"]), "is no COCO file"),
    (dict(image_id=99), "has a box of image 99, category"),
    (dict(category_id=9), "category 9: no such pair"),
    (dict(category_id=[]), "is no COCO file"),
]


def test_generated_truths_are_read_right_or_refused(tmp_path: Path) -> None:
    """300 COCO files, three in four of them with one spoilt box, image or key."""
    rng, path = np.random.default_rng(0), tmp_path / "truth.json"
    for number in range(300):
        crowded(number, path)
        content = json.loads(path.read_text())
        box = content["annotations"][rng.integers(len(content["annotations"]))]
        said = None
        if number % 4 == 1:
            del content[str(rng.choice(["images", "categories", "annotations"]))]
            said = "is no COCO file"
        elif number % 4:
            change, said = SPOILT_BOXES[number % len(SPOILT_BOXES)]
            box.update(change)
        path.write_text(json.dumps(content))
        if said is None:
            with contextlib.redirect_stdout(io.StringIO()):
                assert read_truth(path).anns == COCO(str(path)).anns
            continue
        with pytest.raises(Refused, match=said) as error:
            DetectionScores(ann_file=str(path))
        assert str(error.value).startswith(f"{path}: ") and str(error.value).isprintable()


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("labels", 2, "0.png: a detection has the label 2, but there are 2 classes"),
        ("labels", -1, "0.png: a detection has the label -1, but"),
        ("bboxes", float("nan"), "0.png: a detection is no number"),
        ("scores", float("nan"), "0.png: a detection is no number"),
    ],
)
def test_a_detection_of_no_class_or_no_number_is_refused(
    key: str, value: float, said: str, coco_file: Path
) -> None:
    samples = detections(coco_file, 1)
    samples[0]["pred_instances"][key][0] = value
    with pytest.raises(ValueError, match=said):
        evaluate(DetectionScores(ann_file=str(coco_file)), samples, ("left", "right"))


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
@pytest.mark.parametrize("what", ["prediction", "truth"])
def test_labels_beyond_the_classes_are_refused(what: str, dtype: type) -> None:
    maps = {key: np.zeros((4, 4), dtype) for key in ("prediction", "truth")}
    maps[what][1, 1] = 3
    sample = segmentation_sample("case/007", **maps)
    with pytest.raises(ValueError, match=f"case/007: the {what} has the label 3, but there are 3"):
        evaluate(SegmentationScores(), [sample])
    maps["truth"][1, 1] = 255  # ignored, with what is predicted there
    assert np.isnan(evaluate(SegmentationScores(), [segmentation_sample("a", **maps)])["dice"])


def test_labels_below_zero_and_no_labels_are_refused() -> None:
    zeros = np.zeros((2, 2), int)
    with pytest.raises(ValueError, match="the prediction has the label -1"):
        overlap_counts(zeros - 1, zeros, 2)
    with pytest.raises(ValueError, match="the prediction has the label 255"):
        overlap_counts(np.full((2, 2), 255, np.uint8), zeros.astype(np.uint8), 2)
    with pytest.raises(ValueError, match="the truth has values of float64"):
        overlap_counts(zeros, zeros + 0.5, 2)


def test_overlap_equals_scikit_learn() -> None:
    """300 pairs of maps: the counts of a confusion matrix, its Jaccard score and its F1, which is Dice."""
    rng = np.random.default_rng(5)
    for _ in range(300):
        classes = int(rng.integers(2, 6))
        prediction, truth = rng.integers(0, classes, (2, *rng.integers(1, 6, 2)))
        counts = overlap_counts(prediction, truth, classes)
        flat, labels = (truth.ravel(), prediction.ravel()), list(range(classes))
        matrix = confusion_matrix(*flat, labels=labels)
        assert counts.tolist() == [
            np.diag(matrix).tolist(),
            *(matrix.sum(a).tolist() for a in (0, 1)),
        ]
        there = matrix.sum(0) + matrix.sum(1) > 0
        options = dict(labels=labels, average=None, zero_division=0.0)
        np.testing.assert_allclose(iou(counts)[there], jaccard_score(*flat, **options)[there])
        np.testing.assert_allclose(dice(counts)[there], f1_score(*flat, **options)[there])
        assert np.isnan(dice(counts)[~there]).all()


@pytest.mark.parametrize("label", [4, -1, 255])
def test_a_grade_beyond_the_classes_is_refused(label: int) -> None:
    sample = {
        "img_path": "/d/images/x/7.jpg",
        "pred_score": torch.full((4,), 0.25),
        "gt_label": torch.tensor([label]),
    }
    with pytest.raises(ValueError, match=f"x/7: the truth has the label {label}, but there are 4"):
        evaluate(ClassificationScores(), [sample])


@pytest.mark.parametrize(
    ("options", "name", "said"),
    [
        (dict(case="volume"), "007", "007: an image is expected to lie in VOLUME/"),
        (dict(case="volume", group="site"), "case1/007", "to lie in SITE/VOLUME/"),
        (dict(group="site"), "007", "007: an image is expected to lie in SITE/"),
    ],
)
def test_a_slice_without_a_folder_is_refused(options: dict, name: str, said: str) -> None:
    """Slices of several volumes would be counted as one case without a name."""
    sample = segmentation_sample(name, *np.zeros((2, 4, 4), int))
    with pytest.raises(ValueError, match=said):
        evaluate(SegmentationScores(**options), [sample])


def test_case_names() -> None:
    assert case_name("/x/images/y/images/BMC/case 1/007.png") == "BMC/case 1/007"
    with pytest.raises(ValueError, match="images"):
        case_name("/x/y/z.png")
