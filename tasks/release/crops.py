"""How the release crops training images for detection: at random, around the findings."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from mmengine.registry import TRANSFORMS
from numpy.typing import NDArray


@TRANSFORMS.register_module()
class BoxSafeCrop:
    """Crop a random part of the image that holds the middle of every box, and resize it (bilinear).

    RandomSizedBBoxSafeCrop of albumentations 1.2.1, as object_detection/base_config_track.py:18-46 has it in
    mmdetection's Albu; later versions of the package crop otherwise. Boxes are cut at the border of the crop. An image
    all of whose boxes vanish is skipped: mmdetection then draws another one.

    Parameters
    ----------
    scale : (int, int)
        Width and height of the result in pixels, as mmcv's Resize has them; the ratio of the sides is not kept.
    erosion : float
        How much of its width and height each box may lose on each side, in 0..0.5.
    """

    def __init__(self, scale: tuple[int, int], erosion: float = 0.2) -> None:
        self.scale, self.erosion = (scale[0], scale[1]), erosion

    def __call__(self, results: dict[str, Any]) -> dict[str, Any] | None:
        """Change `img`, its shape, and the boxes with their labels and flags; None without a box."""
        image, boxes = results["img"], results["gt_bboxes"].tensor.double().numpy()
        if not len(boxes):
            return None
        size = (image.shape[1], image.shape[0])
        left, top, width, height = draw_crop(boxes, size, self.erosion, np.random.random(4))
        moved, kept = crop_boxes(boxes, (left, top, width, height))
        if not kept.any():
            return None
        crop = image[top : top + height, left : left + width]
        results["img"] = cv2.resize(crop, self.scale, interpolation=cv2.INTER_LINEAR)
        results["img_shape"] = results["img"].shape[:2]
        scaled = torch.tensor(moved[kept] * (self.scale * 2), dtype=torch.float32)
        results["gt_bboxes"] = type(results["gt_bboxes"])(scaled)
        for key in ("gt_bboxes_labels", "gt_ignore_flags"):
            results[key] = results[key][kept]
        return results


def draw_crop(
    boxes: NDArray, size: tuple[int, int], erosion: float, draws: NDArray
) -> tuple[int, int, int, int]:
    """Return left, top, width and height of a crop in pixels, at least one each.

    Parameters
    ----------
    boxes : NDArray
        (N, 4) left, top, right and bottom in pixels, within the image; N at least 1.
    size : (int, int)
        Width and height of the image.
    erosion : float
        As `BoxSafeCrop`.
    draws : NDArray
        (4,) in 0..1: where left, top, right and bottom lie between the border of the image (0, 0, 1, 1) and the eroded
        boxes (1, 1, 0, 0).
    """
    sides = np.array(size)
    low, high = boxes[:, :2] / sides, boxes[:, 2:] / sides
    margin = erosion * (high - low)
    low, high = (low + margin).min(0), (high - margin).max(0)
    low, high = low * draws[:2], high + (1 - high) * draws[2:]
    wanted = np.maximum((sides * (high - low)).astype(int), 1)
    # Where the crop begins, as a share of where it may; a crop of the whole side may begin at 0 alone.
    start = np.clip(low / np.maximum(1 - (high - low), np.finfo(float).tiny), 0, 1)
    corner = np.minimum(((sides - wanted + 1) * start).astype(int), sides - wanted)
    return (*corner.tolist(), *wanted.tolist())


def crop_boxes(
    boxes: NDArray, crop: tuple[int, int, int, int]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Move boxes (N, 4) into a crop (left, top, width, height): (N, 4) in shares of it, and (N,) which it shows."""
    corner, sides = np.array(crop[:2] * 2), np.array(crop[2:] * 2)
    moved = np.clip((boxes - corner) / sides, 0, 1)
    return moved, (moved[:, 2:] > moved[:, :2]).all(1)
