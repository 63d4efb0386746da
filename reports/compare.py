"""Two backbones, task by task: which is better, by how much, how sure. Numbers only; `reports.verdicts` words them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from reports.agreement import Setting
from reports.scores import Scores
from reports.statistics.aggregate import probability_of_improvement
from reports.statistics.effects import cohens_dz, rank_biserial
from reports.statistics.intervals import Interval
from reports.statistics.paired import (
    DECIMALS,
    Levels,
    difference,
    difference_interval,
    differences,
    levels,
    pair,
)
from reports.statistics.planning import Outlook, more_seeds
from reports.statistics.testing import Test, backbones_test, holm, sign_flip, wilcoxon

ALPHA = 0.05
Verdict = Literal["A", "B", "open", "untested"]


@dataclass(frozen=True)
class TaskComparison:
    """A and B on one task.

    Attributes:
        task, protocol, metric: which.
        seeds_a, seeds_b: how many.
        cases, left_out: how many cases both have a score of, and how many only one has; 0 where the headline is no
            mean of cases.
        mean_a, mean_b: mean headlines, fractions.
        difference: A less B over the common cases, in [-1, 1].
        interval: of the difference; None if nothing can be said.
        backbones: the test that the verdict rests on: over seeds and cases.
        wilcoxon, sign_flip: over cases with seeds averaged: of the networks that were trained, not of the backbones.
        p_backbones, p_wilcoxon, p_sign_flip: the same, Holm-adjusted over all tasks of the comparison; None: no test.
        rank_biserial: in [-1, 1], above 0 in favour of A; NaN without cases.
        cohens_dz: mean difference of a case over its standard deviation; NaN without cases.
        verdict: which is better by `p_backbones`, or 'open', or 'untested' where
            that test has no p-value.
        outlook: for a task without a winner, how many seeds would settle it.
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
    p_backbones: float | None = None
    p_wilcoxon: float | None = None
    p_sign_flip: float | None = None
    verdict: Verdict = "open"
    outlook: Outlook | None = None


@dataclass(frozen=True)
class Comparison:
    """A and B on all tasks of a setting that both have.

    Attributes:
        a, b: names of the backbones.
        tasks: in the order of A's scores.
        only_a, only_b: tasks that only one of them has.
        improvement: chance that a run of A beats one of B on a task drawn at random, in [0, 1].
        overall: Wilcoxon's test of the mean differences over tasks: of tasks like these, whatever the cases.
    """

    a: str
    b: str
    tasks: list[TaskComparison]
    only_a: list[str]
    only_b: list[str]
    improvement: float
    overall: Test


def compare(a: Sequence[Scores], b: Sequence[Scores], alpha: float = ALPHA) -> Comparison:
    """Compare two backbones on the tasks that both have.

    Args:
        a, b: scores of each, of one setting, one per task and protocol.
        alpha: level at which a difference counts, of all tasks together (Holm).

    Raises:
        ValueError: if a backbone has no scores, or they have no task in common, or the same name.
    """
    if not a or not b:
        raise ValueError("a backbone without scores cannot be compared.")
    if a[0].backbone == b[0].backbone:
        raise ValueError(f"{a[0].backbone} is compared with itself. Name two backbones.")
    of_a, of_b = ({(one.task, one.protocol): one for one in several} for several in (a, b))
    both = [place for place in of_a if place in of_b]
    if not both:
        raise ValueError(f"{a[0].backbone} and {b[0].backbone} have no task in common.")
    measured = [task_comparison(of_a[place], of_b[place]) for place in both]
    tasks = judged([task for task, _ in measured], [varying for _, varying in measured], alpha)
    return Comparison(
        a=a[0].backbone,
        b=b[0].backbone,
        tasks=tasks,
        only_a=[label(*place) for place in of_a if place not in of_b],
        only_b=[label(*place) for place in of_b if place not in of_a],
        improvement=float(
            np.mean(
                [
                    probability_of_improvement(
                        of_a[place].headlines[:, None], of_b[place].headlines[:, None]
                    )
                    for place in both
                ]
            )
        ),
        overall=over_tasks(np.array([task.difference for task in tasks])),
    )


def label(task: str, protocol: str) -> str:
    """A task and how the backbone is used on it."""
    return f"{task} ({protocol})"


def task_comparison(a: Scores, b: Scores) -> tuple[TaskComparison, Levels]:
    """A and B on one task, not yet corrected for the others; and how the difference varies."""
    both = pair(a, b)
    varying, by_case = levels(both), differences(both)
    return TaskComparison(
        task=a.task,
        protocol=a.protocol,
        metric=a.metric,
        seeds_a=len(a.seeds),
        seeds_b=len(b.seeds),
        cases=both.a.shape[1],
        left_out=both.left_out,
        mean_a=float(a.headlines.mean()),
        mean_b=float(b.headlines.mean()),
        difference=difference(both),
        interval=difference_interval(both, varying),
        backbones=backbones_test(both, varying),
        wilcoxon=wilcoxon(by_case.values),
        sign_flip=sign_flip(by_case),
        rank_biserial=rank_biserial(by_case.values),
        cohens_dz=cohens_dz(by_case.values),
    ), varying


def judged(
    tasks: Sequence[TaskComparison], varying: Sequence[Levels], alpha: float
) -> list[TaskComparison]:
    """The tasks with p-values adjusted for all of them, verdicts, and the outlook of the open ones."""
    p_backbones = holm([task.backbones for task in tasks])
    p_wilcoxon = holm([task.wilcoxon for task in tasks])
    p_sign_flip = holm([task.sign_flip for task in tasks])
    verdicts = [verdict(t.difference, p, alpha) for t, p in zip(tasks, p_backbones, strict=True)]
    # Holm's next step tests the open ones at this level.
    level = alpha / max(verdicts.count("open"), 1)
    return [
        replace(
            task,
            p_backbones=p_backbones[place],
            p_wilcoxon=p_wilcoxon[place],
            p_sign_flip=p_sign_flip[place],
            verdict=verdicts[place],
            outlook=None
            if verdicts[place] in ("A", "B")
            else more_seeds(task.difference, varying[place], level),
        )
        for place, task in enumerate(tasks)
    ]


def verdict(difference: float, p: float | None, alpha: float) -> Verdict:
    """Which is better, by an adjusted p-value."""
    if p is None:
        return "untested"
    if p >= alpha:
        return "open"
    return "A" if difference > 0 else "B"


def over_tasks(differences: np.ndarray) -> Test:
    """Wilcoxon's signed-rank test over tasks (Demsar 2006, section 3.1.3); (T,) mean differences."""
    test = wilcoxon(np.round(differences, DECIMALS))
    if test.p is not None:
        return test
    number = np.count_nonzero(differences)
    return Test(None, f"Needs at least 6 tasks on which they differ; there are {number}.")


def as_json(comparisons: Sequence[tuple[Setting, Comparison]]) -> str:
    """Comparisons as a JSON list: the setting of each, and every field; null for what is undefined."""
    return json.dumps(
        [
            {"setting": setting._asdict(), **defined(asdict(comparison))}
            for setting, comparison in comparisons
        ],
        indent=1,
    )


def defined(value: Any) -> Any:
    """The same without NaN, which JSON does not have: None instead."""
    if isinstance(value, dict):
        return {name: defined(content) for name, content in value.items()}
    if isinstance(value, list):
        return [defined(content) for content in value]
    return None if isinstance(value, float) and math.isnan(value) else value
