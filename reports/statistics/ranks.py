"""Which backbones have run all tasks of a table, so that they can be ranked over them; the others cannot."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from scipy import stats

from reports.reading.scores import Scores
from reports.statistics.bootstrap import Floats
from reports.statistics.testing import Test

T = TypeVar("T")


class Coverage(NamedTuple):
    """Complete rows.

    Attributes
    ----------
    backbones : list of str
        Those that have all of the tasks, in the order in which they were given.
    tasks : list
        Those that are ranked, in the order in which they were given.
    """

    backbones: list[str]
    tasks: list


def coverage(tasks_of: Mapping[str, Collection[T]]) -> Coverage:
    """The tasks that figures over tasks are taken over, and the backbones that have all of them.

    A task counts if backbones with at least half of all figures have it: one backbone that was run on one task takes no
    other task away, and one that was run on a task of its own takes no other backbone away. No backbone need have all.

    Parameters
    ----------
    tasks_of : mapping of str to collection of T
        The tasks of each backbone.
    """
    sets = {name: set(tasks) for name, tasks in tasks_of.items()}
    figures = sum(map(len, sets.values()))
    there = dict.fromkeys(task for tasks in tasks_of.values() for task in tasks)
    ranked = [
        task
        for task in there
        if 2 * sum(len(tasks) for tasks in sets.values() if task in tasks) >= figures
    ]
    complete = [name for name, tasks in sets.items() if ranked and tasks.issuperset(ranked)]
    return Coverage(complete, ranked)


MIN_BACKBONES = 3  # two are compared task by task
MIN_TASKS = 5
PERMUTATIONS = 4999
BATCH = 500  # of them at a time: with all of them, 200 backbones on 15 tasks take a gigabyte
DECIMALS = 10  # means that differ by less are a tie: sums of the same seeds in another order are


@dataclass(frozen=True)
class MeanTable:
    """Mean headlines of complete rows: every backbone has every task.

    Attributes
    ----------
    tasks : tuple of str
        (T,) names, `task (protocol)`.
    backbones : tuple of str
        (K,) names.
    values : Floats
        (T, K) fractions.
    """

    tasks: tuple[str, ...]
    backbones: tuple[str, ...]
    values: Floats


def mean_table(scores: Sequence[Scores]) -> MeanTable:
    """The tasks that are ranked and the backbones that have all of them; T or K may be 0.

    Parameters
    ----------
    scores : sequence of Scores
        Of one condition, one per task, protocol and backbone, in any order.
    """
    found = {
        ((one.task, one.protocol), one.backbone): float(one.headlines.mean()) for one in scores
    }
    backbones, tasks = complete_rows(scores)
    values = [[found[task, backbone] for backbone in backbones] for task in tasks]
    return MeanTable(
        tuple(f"{task} ({protocol})" for task, protocol in tasks),
        tuple(backbones),
        np.array(values).reshape(len(tasks), len(backbones)),
    )


def complete_rows(scores: Sequence[Scores]) -> Coverage:
    """The backbones that are ranked, and the tasks, with protocol, over which they are.

    Both are sorted: what is drawn at random must not depend on the order of the records.
    """
    tasks_of: dict[str, set[tuple[str, str]]] = {}
    for one in scores:
        tasks_of.setdefault(one.backbone, set()).add((one.task, one.protocol))
    found = coverage(tasks_of)
    return Coverage(sorted(found.backbones), sorted(found.tasks))


def ranks(values: Floats) -> Floats:
    """Rank of each backbone on each task: (T, K) scores to (T, K) ranks, 1 is best, ties share the average."""
    return stats.rankdata(-np.round(values, DECIMALS), axis=1)


def friedman(values: Floats, seed: int = 0) -> Test:
    """Friedman's test that all backbones are alike: under the null a task's ranks may be dealt in any way.

    The p-value is of the permutation distribution (all of them up to 4999, else so many drawn), since the chi-squared
    one is off for the few tasks and backbones that there are.

    Parameters
    ----------
    values : Floats
        (T, K) scores; an explanation instead of a p-value for T < 5 or K < 3.

    References
    ----------
    Friedman, JASA 32(200), 1937; Demsar, "Statistical comparisons of classifiers over multiple data sets", JMLR 7,
    2006, section 3.2.2.
    """
    few = why_no_ranks(values)
    if few:
        return Test(None, few)
    given = ranks(values)
    if (given == given[0, 0]).all():
        return Test(None, "All backbones score the same on every task.")

    def spread(*by_backbone: Floats, axis: int = -1) -> Floats:
        return np.sum([backbone.sum(axis=axis) ** 2 for backbone in by_backbone], axis=0)

    outcome = stats.permutation_test(
        tuple(given.T),
        spread,
        permutation_type="samples",
        vectorized=True,
        n_resamples=PERMUTATIONS,
        batch=BATCH,
        alternative="greater",
        rng=np.random.default_rng(seed),
    )
    return Test(float(outcome.pvalue))


def why_no_ranks(values: Floats) -> str:
    """Why a table, (T, K), is too small for tests over tasks, as a sentence; empty if it is not."""
    tasks, backbones = values.shape
    if backbones < MIN_BACKBONES:
        return f"{backbones} backbones; ranks need at least {MIN_BACKBONES}."
    if tasks < MIN_TASKS:
        return f"{tasks} tasks that all backbones have; ranks need at least {MIN_TASKS}."
    return ""


def nemenyi(values: Floats) -> Floats:
    """p-value of each pair of backbones, corrected for all pairs: (T, K) scores to (K, K), symmetric, diagonal 1.

    Raises
    ------
    ValueError
        For T < 5 or K < 3.

    References
    ----------
    Nemenyi, Distribution-free multiple comparisons, PhD thesis, Princeton, 1963; Demsar 2006, section 3.2.2.
    """
    import scikit_posthocs  # over a second

    if few := why_no_ranks(values):
        raise ValueError(few)
    # It ranks by itself: our ranks, so that rounding errors are ties.
    return scikit_posthocs.posthoc_nemenyi_friedman(-ranks(values)).to_numpy()


def critical_difference(backbones: int, tasks: int, alpha: float = 0.05) -> float:
    """By how much mean ranks must differ at least to differ significantly, by Nemenyi's test.

    Parameters
    ----------
    backbones : int
        K > 1.
    tasks : int
        T > 0.
    alpha : float
        Level for all pairs together, in (0, 1).

    Raises
    ------
    ValueError
        If an argument is out of its range.

    References
    ----------
    Demsar 2006, section 3.2.2: q sqrt(K (K + 1) / (6 T)), q the studentized range over sqrt(2).
    """
    if backbones < 2 or tasks < 1:
        raise ValueError(f"{backbones} backbones and {tasks} tasks: at least 2 and 1.")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}, not in (0, 1).")
    q = stats.studentized_range.ppf(1 - alpha, backbones, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(backbones * (backbones + 1) / (6 * tasks)))
