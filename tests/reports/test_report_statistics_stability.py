"""Ranking stability: against a loop over resamples, and scipy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from reports.reading.scores import Scores, stratified_means
from reports.statistics.bootstrap import draw_counts
from reports.statistics.stability import Stability, kendall, ranking_stability


def rng(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


def several(backbones: int, seeds: int, cases: int, step: float = 0.01) -> list[Scores]:
    shared = rng().normal(0.6, 0.1, size=cases)
    strata = np.zeros(cases, np.int64)
    found = []
    for number in range(backbones):
        values = shared + step * number + rng(number).normal(0, 0.03, size=(seeds, cases))
        found.append(
            Scores(
                f"b{number}", "drive", "finetune", "dice", tuple(range(seeds)),
                tuple(f"{case:03}" for case in range(cases)), strata, values,
                stratified_means(values, strata),
            )
        )  # fmt: skip
    return found


def found(scores: list[Scores], **options: int) -> Stability:
    one = ranking_stability(scores, **options)
    assert isinstance(one, Stability), one
    return one


def test_one_seed_is_the_bootstrap_of_cases_as_challenger_does_it() -> None:
    scores = several(4, 1, 12)
    one = found(scores, resamples=200)
    assert (one.seeds, one.units) == (0, 12)
    counts = draw_counts(12, 200, (0, 0, 0))
    for row, ranked in zip(counts, one.ranks, strict=True):
        chosen = [case for case, number in enumerate(row) for _ in range(int(number))]
        scored = [backbone.values[0, chosen].mean() for backbone in scores]
        # Spreads are scaled by sqrt(n / (n - 1)) about the full means, for each alike.
        full = [backbone.values[0].mean() for backbone in scores]
        widened = [f + np.sqrt(12 / 11) * (s - f) for s, f in zip(scored, full, strict=True)]
        assert ranked.tolist() == stats.rankdata(-np.array(widened)).tolist()


def test_shares_count_ranks() -> None:
    one = found(several(4, 3, 20), resamples=300)
    assert (one.seeds, one.units) == (3, 20)
    np.testing.assert_allclose(one.shares.sum(1), 1)
    for backbone in range(4):
        for rank in range(4):
            assert one.shares[backbone, rank] == (one.ranks[:, backbone] == rank + 1).mean()


def test_a_clear_ranking_is_stable_and_an_unclear_one_is_not() -> None:
    clear, unclear = found(several(4, 3, 50, 0.2)), found(several(4, 3, 50, 0.0))
    assert (clear.tau == 1).all()
    np.testing.assert_array_equal(clear.shares, np.eye(4)[::-1])
    assert unclear.tau.mean() < 0.8


def test_it_is_the_same_each_time() -> None:
    one, other = found(several(3, 3, 9)), found(several(3, 3, 9))
    np.testing.assert_array_equal(one.ranks, other.ranks)
    assert (found(several(3, 3, 9), seed=1).ranks != one.ranks).any()


def test_kendall_is_scipys() -> None:
    drawn = rng().integers(1, 5, size=(50, 6)).astype(float)
    full = np.array([1.0, 2.5, 2.5, 4.0, 5.0, 6.0])
    expected = [stats.kendalltau(row, full).statistic for row in drawn]
    np.testing.assert_allclose(kendall(drawn, full), expected)
    assert np.isnan(kendall(np.ones((1, 3)), np.arange(3.0))).all()


def test_without_cases_seeds_are_drawn() -> None:
    scores = [
        replace(one, cases=(), values=np.zeros((3, 0)), strata=np.zeros(0, np.int64))
        for one in several(3, 3, 9)
    ]
    one = found(scores)
    assert (one.seeds, one.units) == (3, 0)


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        (several(1, 3, 20), "One backbone only"),
        (several(3, 2, 4), "4 independent cases are too few"),
    ],
)
def test_where_nothing_can_be_said_it_says_why(scores: list[Scores], reason: str) -> None:
    one = ranking_stability(scores)
    assert isinstance(one, str) and reason in one
