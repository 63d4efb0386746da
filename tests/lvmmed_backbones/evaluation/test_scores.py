"""Scores beside scikit-learn's, scipy's, or a count by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr
from sklearn.metrics import (
    balanced_accuracy_score,
    brier_score_loss,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
)

from lvmmed_backbones.evaluation.scores import (
    calibration_error,
    classification_scores,
    regression_scores,
)

RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(0, 3, 200)
PROBABILITIES = RANDOM.dirichlet([1, 1, 1], 200)


def test_scores_of_three_classes() -> None:
    scores = classification_scores(LABELS, PROBABILITIES)
    prediction = PROBABILITIES.argmax(1)
    assert scores["accuracy"] == pytest.approx((prediction == LABELS).mean())
    assert scores["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(LABELS, prediction))
    assert scores["auroc"] == pytest.approx(
        roc_auc_score(LABELS, PROBABILITIES, multi_class="ovr", average="macro")
    )
    binary = PROBABILITIES[:, :2] / PROBABILITIES[:, :2].sum(1, keepdims=True)
    truth = np.minimum(LABELS, 1)
    assert classification_scores(truth, binary)["brier"] == pytest.approx(
        2 * brier_score_loss(truth, binary[:, 1])
    )


def test_calibration_error_is_counted_by_hand() -> None:
    confidence, right = PROBABILITIES.max(1), PROBABILITIES.argmax(1) == LABELS
    error = 0.0
    for low in np.arange(15) / 15:
        inside = (confidence > low) & (confidence <= low + 1 / 15)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert calibration_error(LABELS, PROBABILITIES) == pytest.approx(error)
    assert calibration_error(LABELS, np.eye(3)[LABELS]) == 0


def test_one_class_has_neither_auroc_nor_kappa() -> None:
    probabilities = np.tile([0.9, 0.1], (5, 1))
    scores = classification_scores(np.zeros(5, int), probabilities)
    assert np.isnan(scores["auroc"]) and np.isnan(scores["kappa"])
    assert scores["accuracy"] == scores["balanced_accuracy"] == 1


def test_scores_of_a_regression() -> None:
    targets = RANDOM.normal(size=50)
    predictions = targets + RANDOM.normal(size=50)
    scores = regression_scores(targets, predictions)
    assert scores["r2"] == pytest.approx(r2_score(targets, predictions))
    assert scores["mae"] == pytest.approx(mean_absolute_error(targets, predictions))
    assert scores["pearson"] == pytest.approx(pearsonr(targets, predictions).statistic)
    assert np.isnan(regression_scores(np.ones(3), np.arange(3.0))["pearson"])
