"""COCO mean average precision, over the split, per class and per image."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.registry import METRICS
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from lvmmed_backbones.files.outside import Refused, read_json, refusing
from tasks.metrics import case_name, write_cases


@METRICS.register_module()
class DetectionScores(BaseMetric):
    """mAP50 (the headline), mAP50:95 and AP50 per class, in 0..1, by pycocotools, without rounding.

    mmdetection's CocoMetric rounds to three digits and returns nothing at all for a model that detects nothing;
    here that is pycocotools' result for an empty list of detections: zero.

    Crowd boxes (`iscrowd`) are to be neither found nor missed, as in pycocotools: detections within them do not count,
    and a class, or an image, that has crowd boxes alone has no score.

    Parameters
    ----------
    ann_file : str, optional
        The split's COCO file.
    cases_file : str, optional
        File to write the AP50 of every image to (over the classes that are in it; null without boxes).

    Raises
    ------
    FileNotFoundError, Refused
        As `read_truth`.
    """

    default_prefix = ""  # so that scores keep their names; mmengine warns of None

    def __init__(
        self, ann_file: str | None = None, cases_file: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.truth = read_truth(Path(ann_file)) if ann_file else None
        self.cases_file = cases_file

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep every sample's `pred_instances`: boxes (n, 4) as x1, y1, x2, y2 in the image's own pixels.

        Raises
        ------
        ValueError
            Naming the image, for a label beyond the classes, or boxes or scores that are no numbers: pycocotools takes
            NaN for a match.
        """
        classes = len(self.dataset_meta["classes"])
        for sample in data_samples:
            predictions = sample["pred_instances"]
            boxes, scores, labels = (
                predictions[key].cpu().double().numpy() for key in ("bboxes", "scores", "labels")
            )
            wrong = labels[~((labels >= 0) & (labels < classes))]
            if len(wrong):
                raise ValueError(
                    f"{sample['img_path']}: a detection has the label {wrong[0]:g}, but there are {classes} classes "
                    f"(0 to {classes - 1})"
                )
            if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
                raise ValueError(
                    f"{sample['img_path']}: a detection is no number. Did the training diverge?"
                )
            self.results.append((sample["img_id"], sample["img_path"], boxes, scores, labels))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Evaluate the detections against the COCO file.

        Raises
        ------
        ValueError
            If there is none, or a class is not in it.
        """
        truth, classes = self.truth, self.dataset_meta["classes"]
        if truth is None:
            raise ValueError("ann_file is not set: name the split's COCO file")
        numbers = {category["name"]: number for number, category in truth.cats.items()}
        if lacking := [name for name in classes if name not in numbers]:
            raise ValueError(
                f"the COCO file has no category {lacking[0]!r}: it has {sorted(numbers)}"
            )
        categories = [numbers[name] for name in classes]
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
            detections = [
                dict(
                    image_id=image,
                    category_id=categories[int(label)],
                    bbox=[x1, y1, x2 - x1, y2 - y1],
                    score=float(score),
                )
                for image, _, boxes, scores, labels in results
                for (x1, y1, x2, y2), score, label in zip(
                    boxes.tolist(), scores, labels, strict=True
                )
            ]
            # loadRes cannot take an empty list.
            found = truth.loadRes(detections) if detections else _indexed(truth.dataset, [])
            images = [image for image, *_ in results]
            precision = average_precision(truth, found, images, categories)  # (10, K)
            cases = {}
            for image, path, *_ in results if self.cases_file else ():
                of_image = average_precision(truth, found, [image], categories)
                cases[case_name(path)] = {"map50": mean(of_image[0])}
            if self.cases_file:
                write_cases(self.cases_file, cases)
        return {
            "map50": mean(precision[0]),
            "map": mean(precision),
            **{f"map50/{name}": float(p) for name, p in zip(classes, precision[0], strict=True)},
        }


def read_truth(path: Path) -> COCO:
    """Read the boxes of a COCO file.

    pycocotools takes a box without area, or a reversed one, for an object that nobody can find. It is an error of the
    file, which `tasks check` names, too.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If it is no COCO file, or a box has no area; with its image and the box.
    """
    remedy = "Prepare the data set again"
    content = read_json(path, remedy)
    with refusing(path, remedy, "is no COCO file"):
        images = {image["id"] for image in content["images"]}
        categories = {category["id"] for category in content["categories"]}
        for box in content["annotations"]:
            image, (x, y, width, height) = box["image_id"], box["bbox"]
            if image not in images or box["category_id"] not in categories:
                reason = f"has a box of image {image}, category {box['category_id']}: no such pair"
                raise Refused(path, reason, remedy)
            if not (width > 0 and height > 0 and all(map(math.isfinite, (x, y, width, height)))):
                wrong = f"image {image} has the box {box['bbox']}, which has no area or is reversed"
                raise Refused(path, wrong, remedy)
        return _indexed(content, content["annotations"])


def _indexed(content: Mapping[str, Any], annotations: Sequence[Mapping[str, Any]]) -> COCO:
    """Return a COCO file's content with other annotations, as pycocotools holds it."""
    coco = COCO()
    coco.dataset = {**content, "annotations": list(annotations)}
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco


def average_precision(
    truth: COCO, detections: COCO, images: Sequence[int], categories: Sequence[int]
) -> np.ndarray:
    """Return the AP of each of the 10 IoU thresholds 0.50 to 0.95 and each category: (10, K).

    NaN without a box of it to be found, crowds left out (pycocotools' -1).
    """
    evaluation = COCOeval(truth, detections, "bbox")
    evaluation.params.imgIds = list(images)
    evaluation.params.catIds = list(categories)
    evaluation.evaluate()
    evaluation.accumulate()
    # IoU x recall x class, of boxes of all sizes, at most 100 per image.
    precision = evaluation.eval["precision"][:, :, :, 0, -1]
    return np.where(precision > -1, precision, np.nan).mean(axis=1)


def mean(values: np.ndarray) -> float:
    """Return the mean over the classes that have boxes; NaN if none has."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else float("nan")
