"""Overlap of label maps: pure functions of arrays."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def overlap_counts(
    prediction: NDArray, truth: NDArray, num_classes: int, ignore: int = 255
) -> NDArray[np.int64]:
    """Count, for each class, the pixels in both maps, in the prediction and in the truth.

    Parameters
    ----------
    prediction : NDArray
        Class indices, any shape.
    truth : NDArray
        Class indices of the same shape; pixels with the value `ignore` do not count.
    num_classes : int
        C.

    Returns
    -------
    ndarray
        (3, C) counts: intersection, prediction, truth. Counts of parts of a volume add up to the volume's.

    Raises
    ------
    ValueError
        If the shapes differ, or a map has a label beyond the classes. To leave such pixels out would give a score that
        looks sound; MONAI's one-hot encoding stops there, too.
    """
    if prediction.shape != truth.shape:
        raise ValueError(f"the prediction has shape {prediction.shape}, the truth {truth.shape}")
    valid = truth != ignore
    prediction, truth = prediction[valid], truth[valid]
    predicted = _label_counts(prediction, num_classes, "prediction")
    true = _label_counts(truth, num_classes, "truth")
    both = np.bincount(truth[prediction == truth], minlength=num_classes)
    return np.stack([both, predicted, true])


def _label_counts(labels: NDArray, num_classes: int, what: str) -> NDArray[np.int64]:
    """Return how often each class occurs in a map, (C,).

    Parameters
    ----------
    what : str
        The map, for the message.

    Raises
    ------
    ValueError
        Naming a label that is none of 0 to C - 1.
    """
    if labels.dtype.kind not in "bui":
        raise ValueError(f"the {what} has values of {labels.dtype}, in place of labels")
    below = labels.dtype.kind == "i" and labels.size and labels.min() < 0
    counts = () if below else np.bincount(labels, minlength=num_classes)
    if below or len(counts) > num_classes:
        wrong = labels.min() if below else labels.max()
        raise ValueError(
            f"the {what} has the label {wrong}, but there are {num_classes} classes (0 to {num_classes - 1})"
        )
    return np.asarray(counts)


def dice(counts: NDArray) -> NDArray[np.float64]:
    """Return the Dice of each class, 2|A n B| / (|A| + |B|), in 0..1: (..., 3, C) to (..., C).

    NaN where a class is in neither map: such a case says nothing about the class and leaves its mean.
    """
    both, total = counts[..., 0, :], counts[..., 1, :] + counts[..., 2, :]
    return np.where(total > 0, 2 * both / np.maximum(total, 1), np.nan)


def iou(counts: NDArray) -> NDArray[np.float64]:
    """Return the intersection over union of each class, in 0..1: (..., 3, C) to (..., C); NaN as for `dice`."""
    both = counts[..., 0, :]
    union = counts[..., 1, :] + counts[..., 2, :] - both
    return np.where(union > 0, both / np.maximum(union, 1), np.nan)


def overlap_scores(counts: NDArray, classes: Sequence[str]) -> dict[str, float]:
    """Return the scores of a case, of (3, C) counts.

    `dice` and `iou` are means over the foreground, all classes but the first; `dice/NAME` and `iou/NAME` of a class.
    """
    scores = {}
    for key, per_class in (("dice", dice(counts)), ("iou", iou(counts))):
        scores[key] = _mean_of_defined(per_class[1:])
        named = zip(classes[1:], per_class[1:], strict=True)
        scores |= {f"{key}/{name}": float(score) for name, score in named}
    return scores


def mean_scores(cases: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each score over the cases that have it."""
    return {key: _mean_of_defined([case[key] for case in cases]) for key in cases[0]}


def _mean_of_defined(values: Any) -> float:
    """Return the mean without the NaN; NaN if nothing is left."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(np.nanmean(values))
