"""Logistic regression and ridge regression beside scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from lvmmed_backbones.evaluation.probes import logistic
from lvmmed_backbones.evaluation.probes.logistic import fit_logistic
from lvmmed_backbones.evaluation.probes.ridge import fit_ridge

PENALTIES = [1e-4, 1e-2, 1.0]


def draw(number: int, length: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping classes, features of unlike size that depend on each other and are not centred."""
    random = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), random.integers(0, classes, number - classes)])
    centers = 0.5 * random.normal(size=(classes, length))
    mixing = random.normal(size=(length, length)) * np.exp(-np.linspace(0, 4, length))
    return (centers[labels] + random.normal(size=(number, length))) @ mixing + 3, labels


@pytest.mark.parametrize(
    ("number", "length", "classes"), [(300, 20, 3), (300, 20, 2), (40, 100, 4), (60, 60, 2)]
)
def test_probabilities_are_those_of_scikit_learn(number: int, length: int, classes: int) -> None:
    x, y = draw(number + 50, length, classes)
    x, others, y = x[:number], x[number:], y[:number]
    models = fit_logistic(torch.tensor(x), torch.tensor(y), classes, PENALTIES, tolerance=1e-9)
    assert models.converged.all()
    ours = models.logits(torch.tensor(others)).softmax(-1)[0].numpy()
    scaler = StandardScaler().fit(x)
    for penalty, probabilities in zip(PENALTIES, ours, strict=True):
        strength = (2 if classes == 2 else 1) / (penalty * number)
        reference = LogisticRegression(C=strength, tol=1e-12, solver="newton-cholesky")
        reference.fit(scaler.transform(x), y)
        expected = reference.predict_proba(scaler.transform(others))
        np.testing.assert_allclose(probabilities, expected, atol=1e-5)


def test_draws_are_fitted_each_by_itself() -> None:
    pairs = [draw(80, 12, 3, seed) for seed in range(4)]
    x, y = (torch.tensor(np.stack(part)) for part in zip(*pairs, strict=True))
    together = fit_logistic(x, y, 3, PENALTIES)
    for number in range(4):
        alone = fit_logistic(x[number], y[number], 3, PENALTIES)
        torch.testing.assert_close(together.weights[number], alone.weights[0], atol=1e-3, rtol=1e-3)
        queries = torch.tensor(draw(9, 12, 3, seed=9)[0])
        torch.testing.assert_close(
            together.logits(queries).softmax(-1)[number],
            alone.logits(queries).softmax(-1)[0],
            atol=1e-4,
            rtol=0,
        )


def test_a_small_batch_of_penalties_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = map(torch.tensor, draw(80, 12, 3))
    whole = fit_logistic(x, y, 3, PENALTIES)
    monkeypatch.setattr(logistic, "LOGITS", 1)
    parts = fit_logistic(x, y, 3, PENALTIES)
    torch.testing.assert_close(whole.weights, parts.weights, atol=1e-3, rtol=1e-3)


def test_constant_features_and_absent_classes() -> None:
    x, y = draw(60, 8, 2)
    x[:, 3] = 7.1
    models = fit_logistic(torch.tensor(x), torch.tensor(y), 3, [1e-2])
    assert models.converged.all()
    assert (models.weights[:, :, 3] == 0).all()
    probabilities = models.logits(torch.tensor(x)).softmax(-1)
    assert probabilities[..., 2].max() < 0.01


def test_one_class_alone_is_always_predicted() -> None:
    x, _ = draw(30, 8, 2)
    models = fit_logistic(torch.tensor(x), torch.zeros(30, dtype=torch.long), 2, [1e-2])
    assert (models.logits(torch.tensor(x)).argmax(-1) == 0).all()


def test_separable_classes_end() -> None:
    x = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    models = fit_logistic(x, torch.tensor([0, 0, 1, 1]), 2, [1e-6])
    assert models.converged.all()
    assert models.logits(x).argmax(-1).flatten().tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("features", "labels", "penalties", "words"),
    [
        ([[1.0], [float("nan")]], [0, 1], [1.0], "NaN or infinity"),
        ([[1.0], [2.0]], [0, 2], [1.0], "labels from 0 to 2: there are 2 classes"),
        ([[1.0], [2.0]], [0, 1], [0.0], r"penalties \[0.0\]"),
        ([[1.0], [2.0]], [0, 1], [], r"penalties \[\]"),
        ([[1.0], [2.0]], [0, 1, 1], [1.0], r"features of shape \(1, 2, 1\)"),
    ],
)
def test_what_cannot_be_fitted_is_named(
    features: list, labels: list, penalties: list, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        fit_logistic(torch.tensor(features), torch.tensor(labels), 2, penalties)


@pytest.mark.parametrize(("number", "length"), [(200, 20), (30, 60)])
def test_ridge_regression_is_that_of_scikit_learn(number: int, length: int) -> None:
    x, _ = draw(number, length, 2)
    y = np.random.default_rng(1).normal(size=(number, 2)) + x[:, :2]
    models = fit_ridge(torch.tensor(x), torch.tensor(y), PENALTIES)
    scaler = StandardScaler().fit(x)
    for penalty, predicted in zip(PENALTIES, models.logits(torch.tensor(x))[0], strict=True):
        reference = Ridge(alpha=penalty * number).fit(scaler.transform(x), y)
        np.testing.assert_allclose(predicted, reference.predict(scaler.transform(x)), atol=1e-6)


def test_shares_of_classes_count_as_weights_of_labels() -> None:
    x, _ = draw(60, 8, 3)
    shares = np.random.default_rng(0).dirichlet([1, 1, 1], 60)
    models = fit_logistic(torch.tensor(x), torch.tensor(shares), 3, [1e-2], tolerance=1e-9)
    scaler = StandardScaler().fit(x)
    reference = LogisticRegression(C=1 / (1e-2 * 60), tol=1e-12, solver="newton-cholesky")
    each = np.repeat(scaler.transform(x), 3, 0), np.tile([0, 1, 2], 60)
    reference.fit(*each, sample_weight=shares.ravel())
    ours = models.logits(torch.tensor(x)).softmax(-1)[0, 0].numpy()
    np.testing.assert_allclose(ours, reference.predict_proba(scaler.transform(x)), atol=1e-5)


def test_shares_that_are_none_are_refused() -> None:
    features = torch.zeros(4, 2)
    for shares, words in (
        (torch.full((4, 2), 0.4), "must be 0 or more, and add up to 1"),
        (torch.tensor([[1.5, -0.5]] * 4), "must be 0 or more, and add up to 1"),
        (torch.ones(4, 3) / 3, r"shares of shape \(1, 4, 3\): there are 2 classes"),
    ):
        with pytest.raises(ValueError, match=words):
            fit_logistic(features, shares, 2, [1.0])
