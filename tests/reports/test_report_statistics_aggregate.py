"""One figure over many tasks: against loops, enumeration and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from reports.reading.scores import Scores
from reports.statistics.aggregate import (
    interquartile_mean,
    normalise,
    normalised_runs,
    performance_profile,
    probability_of_improvement,
    stratified_interval,
)

RUNS = hnp.arrays(float, (3, 4), elements=st.floats(0, 1))


def rng(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_worst_is_zero_and_the_best_is_one() -> None:
    values = np.array([[0.2, 0.4, 0.3], [0.9, 0.8, 0.85], [0.5, 0.5, 0.5]])
    found = normalise(values)
    np.testing.assert_allclose(found[:2], [[0, 1, 0.5], [1, 0, 0.5]], atol=1e-12)
    assert np.isnan(found[2]).all()


def test_ends_of_the_scale_may_be_given() -> None:
    found = normalise(np.array([[0.5, 1.0]]), np.array([0.0]), np.array([2.0]))
    assert found.tolist() == [[0.25, 0.5]]
    with pytest.raises(ValueError, match="low above high"):
        normalise(np.zeros((1, 2)), np.array([1.0]), np.array([0.0]))


@given(hnp.arrays(float, (4, 6), elements=st.floats(0, 1)))
def test_interquartile_mean_leaves_out_a_quarter_on_either_side(runs: np.ndarray) -> None:
    middle = sorted(runs.ravel().tolist())[6:18]
    assert interquartile_mean(runs) == pytest.approx(sum(middle) / 12)
    assert interquartile_mean(runs) == stats.trim_mean(runs, 0.25, axis=None)


@given(RUNS, hnp.arrays(float, (2, 4), elements=st.floats(0, 1)))
def test_probability_of_improvement_counts_pairs_of_runs(a: np.ndarray, b: np.ndarray) -> None:
    of_tasks = [
        np.mean([1.0 if x > y else 0.5 if x == y else 0.0 for x in a[:, t] for y in b[:, t]])
        for t in range(4)
    ]
    found = probability_of_improvement(a, b)
    assert found == pytest.approx(np.mean(of_tasks))
    assert probability_of_improvement(b, a) == pytest.approx(1 - found)


def test_probability_of_improvement_is_the_mann_whitney_statistic() -> None:
    a, b = rng().normal(size=(5, 1)), rng(6).normal(size=(4, 1))
    expected = stats.mannwhitneyu(a[:, 0], b[:, 0]).statistic / 20
    assert probability_of_improvement(a, b) == pytest.approx(expected)


def test_runs_of_other_tasks_are_not_compared() -> None:
    with pytest.raises(ValueError, match="with the same T"):
        probability_of_improvement(np.zeros((3, 4)), np.zeros((3, 5)))


@given(RUNS)
def test_a_profile_falls_from_one_to_zero(runs: np.ndarray) -> None:
    thresholds = np.linspace(-0.1, 1.1, 25)
    found = performance_profile(runs, thresholds)
    assert found[0] == 1 and found[-1] == 0 and (np.diff(found) <= 0).all()
    # The area under it is the mean score.
    fine = np.linspace(0, 1, 20_001)
    assert np.trapezoid(performance_profile(runs, fine), fine) == pytest.approx(
        runs.mean(), abs=1e-3
    )


def test_the_interval_covers_as_often_as_it_says() -> None:
    """Three seeds on 15 tasks; the true figure is of the tasks' means, which are symmetric about 0.5."""
    tasks = np.linspace(0.2, 0.8, 15)
    held = []
    for study in range(100):
        runs = tasks + 0.05 * rng(study).normal(size=(3, 15))
        one = stratified_interval(interquartile_mean, runs, resamples=100)
        held.append(one.low <= 0.5 <= one.high)
    assert 0.91 <= np.mean(held) <= 0.985


def test_the_interval_is_the_same_each_time_and_within_bounds() -> None:
    a, b = rng().uniform(size=(3, 6)), rng(6).uniform(size=(4, 6)) - 0.9
    options = {"bounds": (0.0, 1.0), "resamples": 200}
    one = stratified_interval(probability_of_improvement, a, b, **options)
    assert one == stratified_interval(probability_of_improvement, a, b, **options)
    assert one.low <= one.mean <= one.high <= 1
    assert (one.seeds, one.units) == (3, 0)


def test_two_seeds_are_too_few() -> None:
    with pytest.raises(ValueError, match="2 seeds: at least 3"):
        stratified_interval(interquartile_mean, np.zeros((2, 5)))


def scores(task: str, backbone: str, seeds: tuple[int, ...], headlines: list[float]) -> Scores:
    nothing = np.zeros(0, np.int64)
    return Scores(
        backbone, task, "finetune", "dice", seeds, (), nothing, np.zeros((len(seeds), 0)),
        np.array(headlines),
    )  # fmt: skip


def test_runs_are_those_of_common_tasks_and_seeds() -> None:
    found = normalised_runs(
        [
            scores("drive", "a", (0, 1, 2), [0.1, 0.2, 0.3]),
            scores("drive", "b", (0, 1, 2, 3), [0.4, 0.4, 0.4, 0.9]),
            scores("jsrt", "a", (0, 1, 2), [0.8, 0.8, 0.8]),
            scores("jsrt", "b", (0, 1, 2), [0.6, 0.5, 0.7]),
            *(scores("jsrt", one, (0, 1, 2), [0.5, 0.5, 0.5]) for one in "cd"),
            scores("buid", "a", (0, 1, 2), [0.5, 0.5, 0.5]),
        ]
    )
    assert isinstance(found, dict)
    assert set(found) == {"a", "b"}
    np.testing.assert_allclose(found["a"], [[-0.5, 1], [0, 1], [0.5, 1]], atol=1e-12)
    np.testing.assert_allclose(found["b"], [[1, 0], [1, -0.5], [1, 0.5]], atol=1e-12)


@pytest.mark.parametrize(
    ("several", "reason"),
    [
        ([scores("drive", "a", (0, 1, 2), [0.1, 0.2, 0.3])], "1 backbones with 1 tasks"),
        (
            [scores(t, b, (0, 1), [0.1, 0.2]) for t in ("drive", "jsrt") for b in "ab"],
            "2 seeds that all runs have",
        ),
        (
            [scores(t, b, (0, 1, 2), [0.1] * 3) for t in ("drive", "jsrt") for b in "ab"],
            "0 tasks tell the backbones apart",
        ),
    ],
)
def test_where_there_are_none_it_says_why(several: list[Scores], reason: str) -> None:
    found = normalised_runs(several)
    assert isinstance(found, str) and reason in found
