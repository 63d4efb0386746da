"""Overlap of label maps: pure functions of arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def overlap_counts(
    prediction: NDArray, truth: NDArray, num_classes: int, ignore: int = 255
) -> NDArray[np.int64]:
    """Count, for each class, the pixels in both maps, in the prediction and in the truth.

    Args:
        prediction: class indices, any shape.
        truth: class indices of the same shape; pixels with the value `ignore` do not count.
        num_classes: C.

    Returns:
        (3, C) counts: intersection, prediction, truth. Counts of parts of a volume add up to the volume's.

    Raises:
        ValueError: if the shapes differ.
    """
    if prediction.shape != truth.shape:
        raise ValueError(f"the prediction has shape {prediction.shape}, the truth {truth.shape}")
    valid = truth != ignore
    prediction, truth = prediction[valid], truth[valid]
    return np.stack(
        [
            np.bincount(values, minlength=num_classes)[:num_classes]
            for values in (truth[prediction == truth], prediction, truth)
        ]
    )


def dice(counts: NDArray) -> NDArray[np.float64]:
    """Dice per class, 2|A n B| / (|A| + |B|), in 0..1: (..., 3, C) to (..., C).

    NaN where a class is in neither map: such a case says nothing about the class and leaves its mean.
    """
    both, total = counts[..., 0, :], counts[..., 1, :] + counts[..., 2, :]
    return np.where(total > 0, 2 * both / np.maximum(total, 1), np.nan)


def iou(counts: NDArray) -> NDArray[np.float64]:
    """Intersection over union per class, in 0..1: (..., 3, C) to (..., C); NaN as for `dice`."""
    both = counts[..., 0, :]
    union = counts[..., 1, :] + counts[..., 2, :] - both
    return np.where(union > 0, both / np.maximum(union, 1), np.nan)
