"""Which backbones have run all tasks of a table, so that they can be ranked over them; the others cannot."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

import numpy as np
from scipy import stats

from reports.reading.scores import Scores
from reports.statistics.bootstrap import Floats
from reports.statistics.testing import Test

T = TypeVar("T")


def coverage(tasks_of: Mapping[str, Collection[T]]) -> tuple[list[str], list[T]]:
    """The backbones that have all ranked tasks, and the tasks to rank over; each in the given order.

    A task counts if the backbones that have it hold at least half of all figures. So a backbone that was run on one
    task takes no other task away, and one that was run on a task of its own takes no other backbone away. It may be
    that no backbone has all tasks.

    Parameters
    ----------
    tasks_of : mapping of str to collection of T
        Tasks of each backbone.
    """
    sets = {name: set(tasks) for name, tasks in tasks_of.items()}
    figures = sum(map(len, sets.values()))
    known = dict.fromkeys(task for tasks in tasks_of.values() for task in tasks)
    ranked = [
        task
        for task in known
        if 2 * sum(len(tasks) for tasks in sets.values() if task in tasks) >= figures
    ]
    complete = [name for name, tasks in sets.items() if ranked and tasks.issuperset(ranked)]
    return complete, ranked


MIN_BACKBONES = 3  # two backbones are compared task by task
MIN_TASKS = 5
PERMUTATIONS = 4999
# Permutations at a time; all of them, of 200 backbones on 15 tasks, would take a gigabyte.
BATCH = 500
DECIMALS = 10  # of means: sums of the same seeds in another order must tie


def mean_table(scores: Sequence[Scores]) -> tuple[list[str], Floats]:
    """The backbones of complete rows, and their mean headlines: every backbone has every task.

    Parameters
    ----------
    scores : sequence of Scores
        Scores of one condition, one per task, protocol and backbone, in any order.

    Returns
    -------
    (list of str, Floats)
        (K,) names, and (T, K) fractions in the order of `complete_rows`; T or K may be 0.
    """
    means = {((s.task, s.protocol), s.backbone): float(s.headlines.mean()) for s in scores}
    backbones, tasks = complete_rows(scores)
    values = [[means[task, backbone] for backbone in backbones] for task in tasks]
    return backbones, np.array(values).reshape(len(tasks), len(backbones))


def complete_rows(scores: Sequence[Scores]) -> tuple[list[str], list[tuple[str, str]]]:
    """The ranked backbones and tasks (with protocol), sorted: random draws must not depend on the records' order."""
    tasks_of: dict[str, set[tuple[str, str]]] = {}
    for s in scores:
        tasks_of.setdefault(s.backbone, set()).add((s.task, s.protocol))
    backbones, tasks = coverage(tasks_of)
    return sorted(backbones), sorted(tasks)


def ranks(values: Floats) -> Floats:
    """Rank of each backbone on each task: (T, K) scores to (T, K) ranks, 1 is best, ties share the average."""
    return stats.rankdata(-np.round(values, DECIMALS), axis=1)


def friedman(values: Floats, seed: int = 0) -> Test:
    """Friedman's test that all backbones are alike: under the null every order of a task's ranks is as likely.

    The p-value comes from the permutations, all of them up to 4999, else 4999 random ones. The chi-squared distribution
    is inexact for so few tasks and backbones.

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
    """A sentence that says why a table, (T, K), is too small for tests over tasks; empty if it is not."""
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
    # It ranks by itself; given our ranks, it takes rounding errors for ties.
    return scikit_posthocs.posthoc_nemenyi_friedman(-ranks(values)).to_numpy()


def critical_difference(backbones: int, tasks: int, alpha: float = 0.05) -> float:
    """The least difference of mean ranks that is significant by Nemenyi's test.

    Parameters
    ----------
    backbones : int
        Number of backbones, K > 1.
    tasks : int
        Number of tasks, T > 0.
    alpha : float
        Level of all pairs together, in (0, 1).

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
