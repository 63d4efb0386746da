"""Invariance of features and errors on corrupted images, beside counts by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lvmmed_backbones.evaluation.robustness import (
    CHANGES,
    changed,
    corruption_scores,
    invariance,
    severities,
)
from tests.lvmmed_backbones.evaluation.pictures import greys

RANDOM = np.random.default_rng(0)


def test_invariance_is_counted_by_hand() -> None:
    features = RANDOM.normal(size=(12, 5)) + 1
    other = features + 0.5 * RANDOM.normal(size=(12, 5))

    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        return a @ b / np.sqrt((a @ a) * (b @ b))

    same = np.mean([cosine(features[i], other[i]) for i in range(12)])
    pairs = [cosine(features[i], other[j]) for i in range(12) for j in range(12) if i != j]
    expected = (same - np.mean(pairs)) / (1 - np.mean(pairs))
    assert invariance(features, other) == pytest.approx(expected)


def test_invariance_from_none_to_all() -> None:
    features = RANDOM.normal(size=(400, 50)) + 3  # all images are alike
    assert invariance(features, 2 * features) == pytest.approx(1)
    assert abs(invariance(features, RANDOM.normal(size=(400, 50)) + 3)) < 0.02
    assert np.isnan(invariance(features[:1], features[:1]))
    assert np.isnan(invariance(np.ones((3, 2)), np.ones((3, 2))))


def test_errors_on_corrupted_images() -> None:
    kinds = severities([("xray", "pixelate"), ("general", "saturate")])
    scores = {(kind, severity): 0.9 - severity / 10 for _, kind, severity in kinds}
    metrics = corruption_scores("accuracy", 0.95, scores)
    assert metrics["accuracy_saturate_3"] == pytest.approx(0.6)
    assert metrics["mean_corruption_error"] == pytest.approx(0.4)
    assert metrics["relative_corruption_error"] == pytest.approx(0.35)
    assert len(metrics) == 12
    assert corruption_scores("accuracy", 0.95, {}) == {}


def test_changes_are_what_their_names_say() -> None:
    data = greys(1)
    places = np.arange(len(data))
    image = data.pixels(4)
    assert (changed(data, places, "rotation").pixels(4) == image.transpose(1, 0, 2)[::-1]).all()
    assert (changed(data, places, "flip").pixels(4)[:, 0] == image[:, -1]).all()
    darker = changed(data, places, "intensity").pixels(4)
    np.testing.assert_allclose(darker, 255 * 0.8 * (image / 255) ** 0.7, atol=0.51)
    assert len(CHANGES) == 3
