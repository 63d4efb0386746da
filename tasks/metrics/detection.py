"""COCO mean average precision, over the split, per class and per image."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.registry import METRICS
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from tasks.metrics.cases import case_name, write_cases


@METRICS.register_module()
class DetectionScores(BaseMetric):
    """mAP50 (the headline), mAP50:95 and AP50 per class, in 0..1, by pycocotools, without rounding.

    mmdetection's CocoMetric rounds to three digits and returns nothing at all for a model that detects nothing;
    here that scores zero.

    Args:
        ann_file: the split's COCO file.
        cases_file: where to write the AP50 of every image (over the classes that are in it; null without boxes).
    """

    def __init__(
        self, ann_file: str | None = None, cases_file: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.ann_file = ann_file
        self.cases_file = cases_file

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep every sample's `pred_instances`: boxes (n, 4) as x1, y1, x2, y2 in the image's own pixels."""
        for sample in data_samples:
            found = sample["pred_instances"]
            boxes, scores, labels = (
                found[key].cpu().double().numpy() for key in ("bboxes", "scores", "labels")
            )
            self.results.append((sample["img_id"], sample["img_path"], boxes, scores, labels))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Evaluate the detections against the COCO file."""
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
            truth = COCO(self.ann_file)
            classes = self.dataset_meta["classes"]
            categories = [truth.getCatIds(catNms=[name])[0] for name in classes]
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
            found = truth.loadRes(detections) if detections else None
            images = [image for image, *_ in results]
            precision = average_precision(truth, found, images, categories)  # (10, K)
            if self.cases_file:
                write_cases(
                    self.cases_file,
                    {
                        case_name(path): {
                            "map50": mean(average_precision(truth, found, [image], categories)[0])
                        }
                        for image, path, *_ in results
                    },
                )
        return {
            "map50": mean(precision[0]),
            "map": mean(precision),
            **{f"map50/{name}": float(p) for name, p in zip(classes, precision[0], strict=True)},
        }


def average_precision(
    truth: COCO, found: COCO | None, images: Sequence[int], categories: Sequence[int]
) -> np.ndarray:
    """AP of each of the 10 IoU thresholds 0.50 to 0.95 and each category: (10, K), NaN without a box of it."""
    if found is None:
        boxes = truth.loadAnns(truth.getAnnIds(imgIds=list(images)))
        present = [any(b["category_id"] == c for b in boxes) for c in categories]
        return np.tile(np.where(present, 0.0, np.nan), (10, 1))
    evaluation = COCOeval(truth, found, "bbox")
    evaluation.params.imgIds = list(images)
    evaluation.params.catIds = list(categories)
    evaluation.evaluate()
    evaluation.accumulate()
    precision = evaluation.eval["precision"][
        :, :, :, 0, -1
    ]  # IoU x recall x class, all areas, 100 boxes
    return np.where(precision > -1, precision, np.nan).mean(axis=1)


def mean(values: np.ndarray) -> float:
    """Mean over the classes that have boxes; NaN if none has."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else float("nan")
