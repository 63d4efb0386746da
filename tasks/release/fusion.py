"""Boxes that several readers drew around one finding, made one as the release does.

object_detection/convert_to_coco.py:187-278. The release calls ensemble-boxes 1.0.8 with scores and weights of 1, where
the fusion is a few lines. The package itself needs numba, and joins boxes in the order in which the installed numpy
happens to sort equal scores.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.layout.boxes import fault

SAME = 0.2  # the IoU above which a box joins others


def fuse_readers(
    boxes: Iterable[tuple[int, float, float, float, float]], width: int, height: int
) -> list[tuple[int, float, float, float, float]]:
    """Fuse the boxes of each class of an image: a class with one box keeps it; coordinates are rounded to 0.1 pixels.

    Fused boxes come before single ones. A box that rounding leaves without area, or beyond the image's border, is
    dropped: the release keeps it, to be neither trained on nor found.

    Parameters
    ----------
    boxes : iterable of (int, float, float, float, float)
        (class, left, top, right, bottom) in pixels of the image, in the order of the table.
    width, height : int
        Of the image.

    Returns
    -------
    list of (int, float, float, float, float)
        (class, x, y, width, height) in pixels.
    """
    of_classes: dict[int, list[tuple[float, ...]]] = {}
    for label, *corners in boxes:
        of_classes.setdefault(label, []).append(tuple(corners))
    size = np.array([width, height, width, height])
    fused, single = [], []
    for label, several in of_classes.items():
        if len(several) == 1:
            single.append((label, *several[0]))
        else:
            means = weighted_boxes_fusion(np.array(several) / size) * size
            fused += [(label, *corners) for corners in means.round(1).tolist()]
    rounded = [
        (label, *(round(side, 1) for side in (left, top, right - left, bottom - top)))
        for label, left, top, right, bottom in fused + single
    ]
    return [
        (label, x, y, w, h)
        for label, x, y, w, h in rounded
        if not fault(x, y, x + w, y + h, width, height)
    ]


def weighted_boxes_fusion(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fuse boxes of one class and equal scores (Solovyev et al., 2021, arXiv 1910.13302).

    The last box of the table begins. Each joins the cluster whose mean it overlaps most, if their IoU is above `SAME`,
    or else begins one; a fused box is the plain mean of its cluster. Boxes are cut at the image's border, and those
    without area dropped.

    Of more than 16 boxes the release's numpy (1.21) sorts equal scores into a shuffled order; here the last is always
    first. Means have its single precision.

    Parameters
    ----------
    boxes : NDArray
        (N, 4) left, top, right and bottom, as shares of the image's width and height.

    Returns
    -------
    NDArray
        (K, 4) of K clusters, in the order in which they began.
    """
    boxes = np.clip(boxes, 0, 1)
    means, sums, counts = np.empty((0, 4)), np.empty((0, 4), np.float32), np.empty(0, np.float32)
    for box in boxes[areas(boxes) > 0][::-1]:
        overlaps = ious(means, box)
        if (overlaps > SAME).any():
            best = overlaps.argmax()
            sums[best] += box
            counts[best] += 1
            means[best] = sums[best] / counts[best]
        else:
            means, sums = np.vstack([means, box]), np.vstack([sums, np.float32(box)])
            counts = np.append(counts, np.float32(1))
    return means


def ious(boxes: NDArray, box: NDArray) -> NDArray:
    """Compute the IoU of each of (N, 4) boxes and one box: (N,)."""
    corners = np.hstack([np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])])
    both = areas(corners)
    return both / (areas(boxes) + areas(box[None]) - both)


def areas(boxes: NDArray) -> NDArray:
    """Compute the area of each of (N, 4) boxes, 0 where right or bottom lies before left or top: (N,)."""
    return np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(1)
