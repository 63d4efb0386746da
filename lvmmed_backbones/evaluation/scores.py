"""Scores of predictions: classification with calibration, regression, segmentation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    cohen_kappa_score,
    f1_score,
    roc_auc_score,
)

BINS = 15  # of the calibration error (Guo et al., ICML 2017)


def classification_scores(
    labels: NDArray[np.integer],
    probabilities: NDArray[np.floating],
    kappa_weights: str | None = None,
) -> dict[str, float]:
    """Return accuracy, balanced accuracy, kappa, macro F1, AUROC, calibration error and Brier score.

    Parameters
    ----------
    labels : ndarray of shape (N,)
        The truth, from 0 to C - 1.
    probabilities : ndarray of shape (N, C)
        Of the classes; rows add up to 1.
    kappa_weights : {"linear", "quadratic"}, optional
        "quadratic" for ordered grades.

    Returns
    -------
    dict of str to float
        Fractions; NaN where a score is undefined, such as the AUROC of one class.
    """
    prediction, classes = probabilities.argmax(1), probabilities.shape[1]
    one_class = len(np.unique(np.concatenate([labels, prediction]))) == 1
    return {
        "accuracy": float(accuracy_score(labels, prediction)),
        "balanced_accuracy": float(
            np.mean([(prediction[labels == c] == c).mean() for c in np.unique(labels)])
        ),
        "kappa": float("nan")
        if one_class  # chance agrees, too
        else float(
            cohen_kappa_score(labels, prediction, labels=range(classes), weights=kappa_weights)
        ),
        "macro_f1": float(f1_score(labels, prediction, average="macro", zero_division=0.0)),
        "auroc": auroc(labels, probabilities),
        "ece": calibration_error(labels, probabilities),
        "brier": float(np.square(probabilities - np.eye(classes)[labels]).sum(1).mean()),
    }


def auroc(labels: NDArray[np.integer], probabilities: NDArray[np.floating]) -> float:
    """Return the macro one-vs-rest AUROC over the classes that have positive and negative images; NaN if none has."""
    present = [c for c in range(probabilities.shape[1]) if 0 < (labels == c).sum() < len(labels)]
    scores = [roc_auc_score(labels == c, probabilities[:, c]) for c in present]
    return float(np.mean(scores)) if scores else float("nan")


def calibration_error(labels: NDArray[np.integer], probabilities: NDArray[np.floating]) -> float:
    """Return the expected calibration error of the predicted class, over 15 bins of equal width.

    References
    ----------
    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, equation 3.
    """
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == labels
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    gaps = np.bincount(bins, right - confidence, BINS)
    return float(np.abs(gaps).sum() / len(labels))


def regression_scores(
    targets: NDArray[np.floating], predictions: NDArray[np.floating]
) -> dict[str, float]:
    """Return R2, mean absolute error and Pearson's correlation of (N,) numbers; NaN where a score is undefined."""
    residual, spread = (
        np.square(targets - predictions).sum(),
        np.square(targets - targets.mean()).sum(),
    )
    constant = np.ptp(targets) == 0 or np.ptp(predictions) == 0
    return {
        "r2": float(1 - residual / spread) if spread > 0 else float("nan"),
        "mae": float(np.abs(targets - predictions).mean()),
        "pearson": float("nan") if constant else float(np.corrcoef(targets, predictions)[0, 1]),
    }
