"""Nearest neighbours, class means and retrieval beside scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.preprocessing import normalize

from lvmmed_backbones.evaluation.probes import neighbours
from lvmmed_backbones.evaluation.probes.neighbours import few_shot, neighbour_votes, retrieve

RANDOM = np.random.default_rng(0)
LABELS = np.arange(120) % 3
FEATURES = RANDOM.normal(size=(120, 10)) + LABELS[:, None] * np.linspace(-1, 1, 10)
QUERY_LABELS = np.arange(40) % 3
QUERIES = RANDOM.normal(size=(40, 10)) + QUERY_LABELS[:, None] * np.linspace(-1, 1, 10)
TENSORS = torch.tensor(FEATURES), torch.tensor(LABELS), torch.tensor(QUERIES)


@pytest.mark.parametrize("temperature", [None, 0.07])
def test_votes_are_those_of_scikit_learn(
    temperature: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "SIMILARITIES", 7 * 120)
    ks = [1, 5, 20, 500]
    votes = neighbour_votes(*TENSORS, 3, ks, temperature)
    for k, ours in zip(ks, votes, strict=True):
        reference = KNeighborsClassifier(
            min(k, 120),
            metric="cosine",
            weights="uniform" if temperature is None else lambda d: np.exp((1 - d) / temperature),
        ).fit(FEATURES, LABELS)
        np.testing.assert_allclose(ours, reference.predict_proba(QUERIES), atol=1e-5)


def test_similar_images_do_not_overflow() -> None:
    votes = neighbour_votes(torch.ones(5, 2), torch.arange(5) % 2, torch.ones(1, 2), 2, [5], 1e-4)
    torch.testing.assert_close(votes, torch.tensor([[[0.6, 0.4]]]))


def test_class_means_are_those_of_scikit_learn() -> None:
    predictions = few_shot(*TENSORS, 3, [40], draws=2)
    center = FEATURES.mean(0)
    reference = NearestCentroid().fit(normalize(FEATURES - center), LABELS)
    expected = reference.predict(normalize(QUERIES - center))
    assert (predictions[0] == torch.tensor(expected)).all()


def test_fewer_shots_are_among_more_and_draws_differ() -> None:
    both = few_shot(*TENSORS, 3, [1, 5], draws=4, seed=3)
    assert torch.equal(both[1], few_shot(*TENSORS, 3, [5], draws=4, seed=3)[0])
    assert not torch.equal(both[0, 0], both[0, 1])
    assert not torch.equal(both, few_shot(*TENSORS, 3, [1, 5], draws=4, seed=4))


def test_more_shots_than_images_of_a_class_are_refused() -> None:
    with pytest.raises(ValueError, match="class 0 has 40 training images: 41 shots"):
        few_shot(*TENSORS, 3, [1, 41])


def test_average_precision_is_that_of_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "SIMILARITIES", 7 * 120)
    precision, hits = retrieve(*TENSORS, torch.tensor(QUERY_LABELS), [1, 10])
    similarities = normalize(QUERIES) @ normalize(FEATURES).T
    for query, label in enumerate(QUERY_LABELS):
        expected = average_precision_score(label == LABELS, similarities[query])
        assert precision[query].item() == pytest.approx(expected, abs=1e-5)
        order = np.argsort(-similarities[query])
        assert hits[:, query].tolist() == [(LABELS[order[:k]] == label).sum() for k in (1, 10)]


def test_a_query_of_an_absent_class_has_no_precision() -> None:
    precision, hits = retrieve(*TENSORS, torch.full((40,), 7), [1])
    assert precision.isnan().all() and not hits.any()
