"""Two backbones, task by task: which is better, by how much, how sure. Numbers only; `reports.verdicts` words them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from reports.reading.consistency import Condition
from reports.reading.scores import Scores
from reports.statistics import family
from reports.statistics.aggregate import probability_of_improvement
from reports.statistics.family import ALPHA, Verdicts
from reports.statistics.intervals import Interval
from reports.statistics.paired import DECIMALS, case_differences, cohens_dz, rank_biserial
from reports.statistics.pairs import Pairs, compare_pairs, join_pairs
from reports.statistics.testing import MIN_SEEDS, Test, holm, sign_flip, wilcoxon

Verdict = Literal["A", "B", "open", "untested"]


@dataclass(frozen=True)
class TaskComparison:
    """A and B on one task.

    Attributes
    ----------
    task, protocol, metric : str
        Which.
    seeds_a, seeds_b : int
        How many.
    cases, left_out : int
        How many cases both have a score of, and how many only one has; 0 where the headline is no mean of cases.
    mean_a, mean_b : float
        Mean headlines, fractions.
    difference : float
        A minus B over the common cases, in [-1, 1].
    interval : Interval or None
        Of the difference; None if nothing can be said.
    backbones : Test
        The test that the verdict rests on: over seeds and cases.
    wilcoxon, sign_flip : Test
        Over cases with seeds averaged: of the networks that were trained, not of the backbones.
    p_backbones, p_wilcoxon, p_sign_flip : float or None
        The same, Holm-adjusted over all tasks of the comparison; None: no test.
    rank_biserial : float
        In [-1, 1], above 0 in favour of A; NaN without cases.
    cohens_dz : float
        Mean difference of a case over its standard deviation; NaN without cases.
    verdict : Verdict
        Which is better by `p_backbones`, or 'open', or 'untested' where that test has no p-value.
    seeds_to_settle : float or None
        For an open task, how many seeds of each would likely settle it: above 100, more than 100; infinite, no number
        would. None for the others.
    """

    task: str
    protocol: str
    metric: str
    seeds_a: int
    seeds_b: int
    cases: int
    left_out: int
    mean_a: float
    mean_b: float
    difference: float
    interval: Interval | None
    backbones: Test
    wilcoxon: Test
    sign_flip: Test
    rank_biserial: float
    cohens_dz: float
    p_backbones: float | None
    p_wilcoxon: float | None
    p_sign_flip: float | None
    verdict: Verdict
    seeds_to_settle: float | None


@dataclass(frozen=True)
class Comparison:
    """A and B on all tasks of a condition that both have.

    Attributes
    ----------
    a, b : str
        Names of the backbones.
    tasks : list of TaskComparison
        In the order of A's scores.
    only_a, only_b : list of str
        Tasks that only one of them has.
    improvement : float or None
        Chance that a run of A beats one of B on a task drawn at random, in [0, 1], over the tasks with at least 2 seeds
        of each; None if there is none.
    overall : Test
        Wilcoxon's test of the mean differences over tasks: of tasks like these, whatever the cases.
    """

    a: str
    b: str
    tasks: list[TaskComparison]
    only_a: list[str]
    only_b: list[str]
    improvement: float | None
    overall: Test


def compare(a: Sequence[Scores], b: Sequence[Scores], alpha: float = ALPHA) -> Comparison:
    """Compare two backbones on the tasks that both have.

    Parameters
    ----------
    a, b : sequence of Scores
        Scores of each, of one condition, one per task and protocol.
    alpha : float
        Level at which a difference counts, of all tasks together (Holm).

    Raises
    ------
    ValueError
        If a backbone has no scores, or they have no task in common, or the same name.
    """
    if not a or not b:
        raise ValueError("a backbone without scores cannot be compared.")
    if a[0].backbone == b[0].backbone:
        raise ValueError(f"{a[0].backbone} is compared with itself. Name two backbones.")
    of_a, of_b = ({(one.task, one.protocol): one for one in several} for several in (a, b))
    both = [place for place in of_a if place in of_b]
    if not both:
        raise ValueError(f"{a[0].backbone} and {b[0].backbone} have no task in common.")
    tasks = compare_tasks([(of_a[place], of_b[place]) for place in both], alpha)
    return Comparison(
        a=a[0].backbone,
        b=b[0].backbone,
        tasks=tasks,
        only_a=[task_label(*place) for place in of_a if place not in of_b],
        only_b=[task_label(*place) for place in of_b if place not in of_a],
        improvement=mean_improvement([(of_a[place], of_b[place]) for place in both]),
        overall=test_over_tasks(np.array([task.difference for task in tasks])),
    )


def mean_improvement(several: Sequence[tuple[Scores, Scores]]) -> float | None:
    """Mean over the tasks with several seeds of the chance that a run of A beats one of B; None if there are none."""
    chances = [
        probability_of_improvement(a.headlines[:, None], b.headlines[:, None])
        for a, b in several
        if min(len(a.seeds), len(b.seeds)) >= MIN_SEEDS
    ]
    return float(np.mean(chances)) if chances else None


def task_label(task: str, protocol: str) -> str:
    """A task and how the backbone is used on it."""
    return f"{task} ({protocol})"


def compare_tasks(several: Sequence[tuple[Scores, Scores]], alpha: float) -> list[TaskComparison]:
    """A and B on each of the tasks, corrected for the others."""
    found = join_pairs([compare_pairs([a, b]) for a, b in several])
    verdicts = family.over_tasks(found, alpha)
    by_case = [case_differences(a, b) for a, b in several]
    signed_ranks = [wilcoxon(one.values) for one in by_case]
    flips = [sign_flip(one) for one in by_case]
    corrected = [holm(np.array([t.p for t in tests], float)) for tests in (signed_ranks, flips)]
    return [
        TaskComparison(
            task=a.task,
            protocol=a.protocol,
            metric=a.metric,
            seeds_a=len(a.seeds),
            seeds_b=len(b.seeds),
            cases=int(found.cases[n]),
            left_out=int(found.left_out[n]),
            mean_a=float(found.mean_a[n]),
            mean_b=float(found.mean_b[n]),
            difference=float(found.difference[n]),
            interval=task_interval(found, verdicts, n),
            backbones=backbones_test(found, verdicts, n),
            wilcoxon=signed_ranks[n],
            sign_flip=flips[n],
            rank_biserial=rank_biserial(by_case[n].values),
            cohens_dz=cohens_dz(by_case[n].values),
            p_backbones=none_if_nan(verdicts.adjusted[n]),
            p_wilcoxon=none_if_nan(corrected[0][n]),
            p_sign_flip=none_if_nan(corrected[1][n]),
            verdict=better_backbone(found.difference[n], verdicts.adjusted[n], alpha),
            seeds_to_settle=none_if_nan(verdicts.seeds[n]),
        )
        for n, (a, b) in enumerate(several)
    ]


def none_if_nan(value: float) -> float | None:
    """A number, None for NaN."""
    return None if math.isnan(value) else float(value)


def task_interval(found: Pairs, verdicts: Verdicts, place: int) -> Interval | None:
    """The interval of a task's difference; None if nothing can be said."""
    low, high = float(verdicts.low[place]), float(verdicts.high[place])
    if math.isnan(low):
        return None
    fewest = int(min(found.seeds_a[place], found.seeds_b[place]))
    return Interval(float(found.difference[place]), low, high, fewest, int(found.units[place]))


def backbones_test(found: Pairs, verdicts: Verdicts, place: int) -> Test:
    """The test that the verdict on a task rests on, not yet corrected."""
    fewest = min(found.seeds_a[place], found.seeds_b[place])
    if fewest < MIN_SEEDS:
        return Test(None, f"Needs at least {MIN_SEEDS} seeds of each backbone; one has {fewest}.")
    if math.isnan(verdicts.p[place]):
        return Test(None, "Every run has the same score: no spread to judge the difference by.")
    return Test(float(verdicts.p[place]))


def better_backbone(difference: float, adjusted: float, alpha: float) -> Verdict:
    """Which is better, by an adjusted p-value."""
    if math.isnan(adjusted):
        return "untested"
    if adjusted >= alpha:
        return "open"
    return "A" if difference > 0 else "B"


def test_over_tasks(differences: np.ndarray) -> Test:
    """Wilcoxon's signed-rank test over tasks (Demsar 2006, section 3.1.3); (T,) mean differences."""
    test = wilcoxon(np.round(differences, DECIMALS))
    if test.p is not None:
        return test
    number = np.count_nonzero(differences)
    return Test(None, f"Needs at least 6 tasks on which they differ; there are {number}.")


def as_json(comparisons: Sequence[tuple[Condition, Comparison]]) -> str:
    """Comparisons as a JSON list: the condition of each, and every field; null for what is undefined."""
    return json.dumps(
        [
            {"setting": condition._asdict(), **without_nan(asdict(comparison))}
            for condition, comparison in comparisons
        ],
        indent=1,
    )


def without_nan(value: Any) -> Any:
    """The same without NaN and infinity, which JSON does not have: None instead."""
    if isinstance(value, dict):
        return {name: without_nan(content) for name, content in value.items()}
    if isinstance(value, list):
        return [without_nan(content) for content in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
