"""Ranks over tasks: against published tables, scipy and enumeration."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from reports.reading.scores import Scores
from reports.statistics.ranks import (
    complete_rows,
    critical_difference,
    friedman,
    mean_table,
    nemenyi,
    ranks,
)

# Demsar 2006, table 5(a): critical values of the two-tailed Nemenyi test, by number of classifiers.
Q05 = {2: 1.960, 3: 2.343, 4: 2.569, 5: 2.728, 6: 2.850, 7: 2.949, 8: 3.031, 9: 3.102, 10: 3.164}
Q10 = {2: 1.645, 3: 2.052, 4: 2.291, 5: 2.459, 6: 2.589, 7: 2.693, 8: 2.780, 9: 2.855, 10: 2.920}


def rng(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("alpha", "published"), [(0.05, Q05), (0.10, Q10)])
def test_critical_differences_are_those_published(alpha: float, published: dict) -> None:
    for backbones, q in published.items():
        found = critical_difference(backbones, 20, alpha)
        expected = q * np.sqrt(backbones * (backbones + 1) / (6 * 20))
        assert found == pytest.approx(expected, abs=1e-3)


def test_demsars_own_example(cliques) -> None:
    """Section 3.2.4: four classifiers, 14 data sets."""
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.01)
    assert critical_difference(4, 14, 0.10) == pytest.approx(1.12, abs=0.01)
    mean_ranks = np.array([3.143, 2.000, 2.893, 1.964])
    assert cliques(mean_ranks, critical_difference(4, 14)) == [[3, 1, 2, 0]]
    assert cliques(mean_ranks, critical_difference(4, 14, 0.10)) == [[3, 1, 2], [2, 0]]


@pytest.mark.parametrize("wrong", [{"backbones": 1}, {"tasks": 0}, {"alpha": 5}])
def test_arguments_out_of_range_are_named(wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"at least|not in"):
        critical_difference(**{"backbones": 3, "tasks": 10, **wrong})


@given(hnp.arrays(float, (3, 5), elements=st.integers(0, 4).map(float)))
def test_ranks_count_those_that_are_better(values: np.ndarray) -> None:
    for row, ranked in zip(values, ranks(values), strict=True):
        for value, rank in zip(row, ranked, strict=True):
            assert rank == 1 + (row > value).sum() + ((row == value).sum() - 1) / 2


def test_rounding_errors_are_ties() -> None:
    assert ranks(np.array([[0.1 + 0.2, 0.3]])).tolist() == [[1.5, 1.5]]


def test_friedman_is_enumerated_where_small() -> None:
    """Three backbones on five tasks: 6^5 ways to deal the ranks (more than are drawn)."""
    values = np.array([[3, 2, 1], [3, 1, 2], [3, 2, 1], [2, 3, 1], [3, 2, 1]], float)
    deals = [
        ((np.sum(rows, axis=0) - 10) ** 2).sum()
        for rows in product(permutations((1, 2, 3)), repeat=5)
    ]
    observed = ((ranks(values).sum(0) - 10) ** 2).sum()
    assert friedman(values).p == pytest.approx(np.mean(np.array(deals) >= observed), abs=0.005)


def test_friedman_is_scipys_where_large() -> None:
    for seed in range(5):
        values = rng(seed).normal(size=(40, 6)) + np.arange(6) * 0.1
        expected = stats.friedmanchisquare(*values.T).pvalue
        assert friedman(values).p == pytest.approx(expected, abs=0.02)


def test_friedman_is_rarely_wrong() -> None:
    wrong = np.mean([(friedman(rng(n).normal(size=(5, 3))).p or 1) < 0.05 for n in range(400)])
    assert 0.02 <= wrong <= 0.08


@pytest.mark.parametrize(
    ("shape", "reason"), [((4, 5), "4 tasks that all backbones have"), ((9, 2), "2 backbones")]
)
def test_small_tables_are_said_instead_of_a_p_value(shape: tuple, reason: str) -> None:
    found = friedman(np.zeros(shape))
    assert found.p is None and reason in found.reason
    with pytest.raises(ValueError, match=reason):
        nemenyi(np.zeros(shape))


def test_backbones_that_all_tie_are_no_test() -> None:
    found = friedman(np.full((6, 3), 0.5))
    assert found.p is None and "the same on every task" in found.reason


def test_nemenyi_is_that_of_the_studentized_range() -> None:
    values = rng().normal(size=(12, 4)) + np.arange(4)
    means = ranks(values).mean(0)
    found = nemenyi(values)
    for one, other in product(range(4), repeat=2):
        q = abs(means[one] - means[other]) / np.sqrt(4 * 5 / (6 * 12)) * np.sqrt(2)
        expected = 1.0 if one == other else stats.studentized_range.sf(q, 4, np.inf)
        assert found[one, other] == pytest.approx(expected, abs=1e-6)


def test_nemenyi_and_the_critical_difference_agree() -> None:
    for seed in range(20):
        values = rng(seed).normal(size=(8, 5)) + np.arange(5) * 0.4
        means = ranks(values).mean(0)
        apart = np.abs(means[:, None] - means) > critical_difference(5, 8)
        np.testing.assert_array_equal(apart, nemenyi(values) < 0.05)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=8), st.integers(0, 8))
def test_cliques_are_the_largest_groups_within_reach(
    cliques, places: list[int], reach: int
) -> None:
    mean_ranks = np.array(places, float)
    found = [frozenset(group) for group in cliques(mean_ranks, reach)]
    assert all(np.ptp(mean_ranks[list(group)]) <= reach and len(group) > 1 for group in found)
    assert not any(one < other for one in found for other in found)
    close = {
        frozenset((i, j)) for i in range(len(places)) for j in range(i)
        if abs(places[i] - places[j]) <= reach
    }  # fmt: skip
    assert close == {frozenset((i, j)) for group in found for i in group for j in group if i < j}


def scored(task: str, backbone: str, value: float) -> Scores:
    nothing = np.zeros(0, np.int64)
    return Scores(
        backbone, task, "finetune", "dice", (0, 1), (), nothing, np.zeros((2, 0)),
        np.array([value, value + 0.2]),
    )  # fmt: skip


def test_a_table_holds_complete_rows() -> None:
    """One backbone lacks a task, and another one has a task of its own, which takes none away."""
    several = [scored("jsrt", backbone, value) for value, backbone in enumerate("cbad", 1)]
    several += [scored("drive", backbone, value) for value, backbone in enumerate("abd", 5)]
    several.append(scored("vindr", "a", 0.5))
    backbones, tasks = complete_rows(several)
    assert tasks == [("drive", "finetune"), ("jsrt", "finetune")]
    names, means = mean_table(several)
    assert names == backbones == ["a", "b", "d"]
    np.testing.assert_allclose(means, [[5.1, 6.1, 7.1], [3.1, 2.1, 4.1]])
    _, alone = mean_table([scored("jsrt", "b", 0.1), scored("drive", "a", 0.3)])
    assert alone.shape == (2, 0)
    assert mean_table([])[1].shape == (0, 0)


def test_the_order_of_the_records_is_no_part_of_a_p_value() -> None:
    drawn = rng(1).normal(size=(9, 5)) + 0.3 * np.arange(5)
    several = [scored(f"t{t}", f"b{b}", drawn[t, b]) for t in range(9) for b in range(5)]
    found = {
        friedman(mean_table([several[n] for n in rng(o).permutation(45)])[1]).p for o in range(6)
    }
    assert len(found) == 1
