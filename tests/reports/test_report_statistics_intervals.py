"""Intervals of a mean: against textbook intervals, an analysis of variance and simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reports.reading.scores import Scores, stratified_means
from reports.statistics.bootstrap import case_components, draw_counts, satterthwaite, seed_component
from reports.statistics.calibration import MODELS, interval_coverage, plain_coverage
from reports.statistics.intervals import (
    few_cases,
    hierarchical_interval,
    mean_interval,
    seeds_interval,
    why_no_interval,
)

MANY = 40_000


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def plain(values: np.ndarray, cases: tuple[str, ...] | None = None) -> Scores:
    seeds, number = values.shape
    strata = np.zeros(number, np.int64)
    names = cases or tuple(f"{case:03}" for case in range(number))
    return Scores(
        "a", "drive", "finetune", "dice", tuple(range(seeds)), names, strata, values,
        stratified_means(values, strata),
    )  # fmt: skip


def one_stratum(values: np.ndarray) -> np.ndarray:
    return np.zeros(values.shape[1], np.int64)


def test_over_cases_it_is_close_to_students() -> None:
    values = 0.5 + 0.1 * rng().normal(size=(1, 200))
    found = hierarchical_interval(values, one_stratum(values), resamples=MANY)
    expected = stats.t.interval(0.95, 199, values.mean(), stats.sem(values[0]))
    assert (found.low, found.high) == pytest.approx(expected, abs=4e-4)
    assert (found.seeds, found.units) == (1, 200)


def test_over_many_seeds_it_is_close_to_students() -> None:
    headlines = 0.5 + 0.1 * rng().normal(size=100)
    found = seeds_interval(headlines, resamples=MANY)
    expected = stats.t.interval(0.95, 99, headlines.mean(), stats.sem(headlines))
    assert (found.low, found.high) == pytest.approx(expected, abs=8e-4)
    assert (found.seeds, found.units) == (100, 0)


def test_over_three_seeds_it_is_about_as_wide_as_students() -> None:
    headlines = np.array([0.60, 0.62, 0.64])
    found = seeds_interval(headlines, resamples=MANY)
    low, high = stats.t.interval(0.95, 2, headlines.mean(), stats.sem(headlines))
    assert found.high - found.low == pytest.approx(high - low, rel=0.1)


def test_variance_is_that_of_an_analysis_of_variance() -> None:
    """Two crossed random effects, by the textbook's mean squares: (MS_S + MS_C - MS_SC) / (S C)."""
    effects = rng()
    values = 0.5 + 0.02 * effects.normal(size=(4, 1)) + 0.1 * effects.normal(size=(1, 30))
    values = values + 0.05 * effects.normal(size=values.shape)
    seeds, cases = values.shape
    total = values.mean()
    by_seed, by_case = values.mean(1), values.mean(0)
    ms_seed = cases * sum((m - total) ** 2 for m in by_seed) / (seeds - 1)
    ms_case = seeds * sum((m - total) ** 2 for m in by_case) / (cases - 1)
    ms_both = sum(
        (values[s, c] - by_seed[s] - by_case[c] + total) ** 2
        for s in range(seeds)
        for c in range(cases)
    ) / ((seeds - 1) * (cases - 1))
    parts = [
        *case_components(values, one_stratum(values), np.arange(cases), MANY, 0),
        seed_component(by_seed, MANY, (0, 1)),
    ]
    for part in parts:
        assert part.deviations.var() == pytest.approx(part.variance, rel=0.05)
    variance, freedom = satterthwaite(parts)
    assert variance == pytest.approx((ms_seed + ms_case - ms_both) / (seeds * cases))
    of_seeds, of_cases = ms_seed, ms_case - ms_both
    assert freedom == pytest.approx(
        (of_seeds + of_cases) ** 2 / (of_seeds**2 / (seeds - 1) + of_cases**2 / (cases - 1))
    )


def test_resamples_are_those_of_a_loop() -> None:
    """Patients drawn within sites, with undefined scores, one resample after the other."""
    values = rng().uniform(size=(2, 9))
    values[0, 2] = values[1, 7] = np.nan
    strata = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])
    units = np.array([0, 0, 1, 2, 3, 4, 4, 5, 5])
    parts = case_components(values, strata, units, 100, 0)
    assert [part.freedom for part in parts] == [2, 2]
    for group, part in enumerate(parts):
        members = sorted(set(units[strata == group]))
        counts = draw_counts(len(members), 100, (0, 0, group))
        sample = [np.nanmean(seed[strata == group]) for seed in values]
        expected = []
        for row in counts:
            chosen = [m for m, n in zip(members, row, strict=True) for _ in range(int(n))]
            cases = [c for m in chosen for c in np.flatnonzero(units == m)]
            # A seed without a score in the resample stays where it is.
            expected.append(
                np.mean(
                    [
                        np.nanmean(seed[cases]) - mean if np.isfinite(seed[cases]).any() else 0.0
                        for seed, mean in zip(values, sample, strict=True)
                    ]
                )
            )
        # All resamples are scaled alike, so that their spread is that of `variance`.
        scale = part.deviations.sum() / np.sum(expected)
        assert 0 < scale < 2
        np.testing.assert_allclose(part.deviations, scale * np.array(expected), atol=1e-12)


def test_draws_are_of_as_many_as_there_are() -> None:
    drawn = draw_counts(7, 500, (3, 0, 0))
    assert (drawn.sum(1) == 7).all() and (drawn >= 0).all()
    assert drawn.mean(0) == pytest.approx(np.ones(7), abs=0.2)


def test_the_same_scores_give_the_same_interval() -> None:
    values = rng().uniform(size=(3, 20))
    strata = np.arange(20) % 2
    assert hierarchical_interval(values, strata) == hierarchical_interval(values, strata)


@given(st.floats(-0.2, 0.2), st.integers(0, 10))
@settings(max_examples=20, deadline=None)
def test_a_constant_moves_it_and_nothing_else(shift: float, seed: int) -> None:
    values = np.random.default_rng(seed).uniform(0.4, 0.6, size=(3, 12))
    one = hierarchical_interval(values, one_stratum(values), resamples=200)
    other = hierarchical_interval(values + shift, one_stratum(values), resamples=200)
    assert (other.low - one.low, other.high - one.high) == pytest.approx((shift, shift))


def test_more_confidence_is_wider() -> None:
    values = rng().uniform(size=(3, 20))
    half, most = (hierarchical_interval(values, one_stratum(values), c) for c in (0.5, 0.99))
    assert most.low < half.low < half.mean < half.high < most.high


def test_it_stays_within_the_range_of_a_score() -> None:
    values = np.array([[1.0, 1.0, 1.0, 1.0, 1.0, 0.5], [0.9, 1.0, 1.0, 1.0, 1.0, 1.0]])
    found = hierarchical_interval(values, one_stratum(values))
    assert found.high == 1.0 and 0 <= found.low < found.mean


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": np.zeros(3)}, r"values has shape \(3,\), not \(S, C\)"),
        ({"values": np.zeros((0, 6))}, "values has shape"),
        ({"strata": np.zeros(5, int)}, r"strata has shape \(5,\), not \(6,\)"),
        ({"units": np.zeros(5, int)}, r"units has shape \(5,\), not \(6,\)"),
        ({"confidence": 95}, r"confidence is 95, not in \(0, 1\)"),
        ({"resamples": 10}, "resamples is 10: at least 100"),
        ({"values": np.full((2, 6), np.nan)}, "a seed has no defined score"),
        ({"strata": np.array([0, 0, 0, 0, 0, 1])}, "fewer than two units"),
        ({"units": np.zeros(6, int)}, "fewer than two units"),
    ],
)
def test_arguments_that_do_not_fit_are_named(arguments: dict, message: str) -> None:
    plain = {"values": np.eye(6)[:2], "strata": np.zeros(6, int)}
    with pytest.raises(ValueError, match=message):
        hierarchical_interval(**{**plain, **arguments})


def test_one_seed_is_no_interval_over_seeds() -> None:
    with pytest.raises(ValueError, match="1 seed: an interval over seeds needs two"):
        seeds_interval(np.array([0.5]))


def test_of_one_seed_it_speaks_of_cases_alone() -> None:
    found = mean_interval(plain(rng().uniform(size=(1, 20))))
    assert found and (found.seeds, found.units) == (1, 20)


def test_of_few_cases_it_speaks_of_seeds_alone() -> None:
    found = mean_interval(plain(rng().uniform(size=(3, 4))))
    assert found and (found.seeds, found.units) == (3, 0)


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        (plain(np.array([[0.1, 0.2, 0.3, 0.4]])), "one seed, and 4 independent cases are too few"),
        (plain(np.zeros((1, 0)), ()), "one seed, and Dice is no mean over cases"),
        (plain(np.full((3, 9), 0.5)), "every score is the same"),
        (
            plain(rng().uniform(size=(1, 9)), tuple(f"HK/Case1/{n:03}" for n in range(9))),
            "one seed, and 1 independent cases are too few",
        ),
    ],
)
def test_where_nothing_can_be_said_it_says_why(scores: Scores, reason: str) -> None:
    if not scores.cases:
        scores = replace(scores, headlines=np.array([0.5]))
    assert mean_interval(scores) is None
    assert reason in (why_no_interval(scores) or "")


def test_a_site_of_one_patient_is_too_few() -> None:
    scores = plain(rng().uniform(size=(3, 6)))
    lonely = replace(scores, strata=np.array([0, 0, 0, 0, 0, 1]))
    assert "only one" in (few_cases(lonely) or "")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.world.title)
def test_it_covers_the_mean_as_often_as_it_says(model) -> None:
    number = 250
    least = 0.88 if model.seeds == 2 or model.world.binary else 0.91
    assert least <= interval_coverage(model, number) <= 0.99


def test_plain_percentiles_of_three_seeds_would_not() -> None:
    """All three on one side of the mean: 2 / 2^3 of the studies."""
    assert plain_coverage(MODELS[1], 250) == pytest.approx(0.75, abs=0.06)
