"""Two backbones, task by task: which is better, by how much, how sure. Numbers only, no text."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

import msgspec
import numpy as np

from reports.analysis.leaked import NO_CASE, why_not_without
from reports.reading.consistency import Condition
from reports.reading.foreign.rows import Origin
from reports.reading.scores import Scores, task_label, without_cases
from reports.reading.seen import TEST_IMAGES, Seen
from reports.statistics import family
from reports.statistics.aggregate import probability_of_improvement
from reports.statistics.family import ALPHA, Verdicts
from reports.statistics.intervals import Interval
from reports.statistics.paired import DECIMALS, case_differences, cohens_dz, rank_biserial
from reports.statistics.pairs import Pairs, comparable, compare_pairs, join_pairs
from reports.statistics.testing import MIN_SEEDS, Test, holm, sign_flip, wilcoxon

Verdict = Literal["A", "B", "open", "untested"]
COUNTS_AND_MEANS = ("seeds_a", "seeds_b", "cases", "left_out", "mean_a", "mean_b", "difference")


@dataclass(frozen=True)
class TaskComparison:
    """A and B on one task.

    Attributes
    ----------
    task, protocol, metric : str
        Task, protocol and headline metric.
    seeds_a, seeds_b : int
        Number of seeds of each.
    cases, left_out : int
        Number of cases that both have a score of, and that only one has; 0 if the headline is no mean of cases.
    mean_a, mean_b : float
        Mean headlines, fractions.
    difference : float
        A minus B over the common cases, in [-1, 1].
    interval : Interval or None
        Interval of the difference; None if there is none.
    backbones : Test
        Test over seeds and cases, on which the verdict rests.
    wilcoxon, sign_flip : Test
        Tests over cases with seeds averaged; they speak of the trained networks, not of the backbones.
    p_backbones, p_wilcoxon, p_sign_flip : float or None
        p-values of these tests, Holm-adjusted over all tasks of the comparison; None: no test.
    rank_biserial : float
        Effect size in [-1, 1], above 0 in favour of A; NaN without cases.
    cohens_dz : float
        Mean difference of a case over its standard deviation; NaN without cases.
    verdict : Verdict
        The better backbone by `p_backbones`, or 'open', or 'untested' if there is no p-value.
    seeds_to_settle : float or None
        Number of seeds of each that would likely settle an open task; above 100: more than 100; infinite: no number
        would. None for other tasks.
    seen_a, seen_b : Seen or None
        What each has seen of the task's images; None: nothing is to be said, of phantoms and scores of other tools.
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
    seen_a: Seen | None = None
    seen_b: Seen | None = None

    @property
    def leaked(self) -> bool:
        """Whether one of the two saw test images."""
        return any(seen and seen.state == TEST_IMAGES for seen in (self.seen_a, self.seen_b))


@dataclass(frozen=True)
class Comparison:
    """A and B on all tasks that both have under a condition.

    Attributes
    ----------
    a, b : str
        Names of the backbones.
    tasks : list of TaskComparison
        Comparison on each task, in the order of A's scores.
    only_a, only_b : list of str
        Tasks that only one backbone has.
    improvement : float or None
        Chance that a run of A beats one of B on a random task, in [0, 1], over the tasks with at least 2 seeds of each;
        None if there is no such task.
    overall : Test
        Wilcoxon's test of the mean differences over tasks.
    one_network : list of str
        Which of the two is one pretrained network: verdicts on it say nothing of other pretrainings.
    unseen : Comparison or None
        The same comparison over the test cases that neither saw, a family of its own, without the tasks in `untold`;
        None if neither saw any test case, or no such task is left.
    untold : dict of str to str
        Tasks with test images that one of the two saw, and why they cannot be compared without them.
    """

    a: str
    b: str
    tasks: list[TaskComparison]
    only_a: list[str]
    only_b: list[str]
    improvement: float | None
    overall: Test
    one_network: list[str]
    unseen: Comparison | None = None
    untold: dict[str, str] = field(default_factory=dict)

    def on_unseen(self, task: TaskComparison) -> TaskComparison | None:
        """A task over the test cases that neither saw; None if it is the same, or cannot be told."""
        if self.unseen is None or not task.leaked:
            return None
        key = task.task, task.protocol
        return next((t for t in self.unseen.tasks if (t.task, t.protocol) == key), None)


def compare(
    a: Sequence[Scores],
    b: Sequence[Scores],
    alpha: float = ALPHA,
    one_network: Sequence[str] = (),
    seen: Mapping[tuple[str, str, str], Seen] | None = None,
) -> Comparison:
    """Compare two backbones on the tasks that both have.

    Parameters
    ----------
    a, b : sequence of Scores
        Scores of each backbone, of one condition, one per task and protocol.
    alpha : float
        Level at which a difference counts, of all tasks together (Holm).
    one_network : sequence of str
        Which of the two is one pretrained network (`reports.reading.consistency.single_networks`).
    seen : mapping of (str, str, str) to Seen, optional
        What each backbone has seen, by task, protocol and backbone.

    Raises
    ------
    ValueError
        If a backbone has no scores, or they have no task in common, or the same name.
    """
    if not a or not b:
        raise ValueError("a backbone without scores cannot be compared.")
    if a[0].backbone == b[0].backbone:
        raise ValueError(f"{a[0].backbone} is compared with itself. Name two backbones.")
    of_a, of_b = ({(s.task, s.protocol): s for s in scores} for scores in (a, b))
    pairs = [(of_a[task], of_b[task]) for task in of_a if task in of_b]
    if not pairs:
        raise ValueError(f"{a[0].backbone} and {b[0].backbone} have no task in common.")
    chances = [
        probability_of_improvement(one.headlines[:, None], other.headlines[:, None])
        for one, other in pairs
        if min(len(one.seeds), len(other.seeds)) >= MIN_SEEDS
    ]
    both_seen = [
        tuple((seen or {}).get((s.task, s.protocol, s.backbone)) for s in pair) for pair in pairs
    ]
    tasks = [
        replace(task, seen_a=of_one, seen_b=of_other)
        for task, (of_one, of_other) in zip(_compare_tasks(pairs, alpha), both_seen, strict=True)
    ]
    unseen, untold = _on_unseen(pairs, tasks, alpha, one_network)
    return Comparison(
        a=a[0].backbone,
        b=b[0].backbone,
        tasks=tasks,
        only_a=[task_label(*task) for task in of_a if task not in of_b],
        only_b=[task_label(*task) for task in of_b if task not in of_a],
        improvement=float(np.mean(chances)) if chances else None,
        overall=_test_over_tasks(np.array([task.difference for task in tasks])),
        one_network=list(one_network),
        unseen=unseen,
        untold=untold,
    )


def _on_unseen(
    pairs: Sequence[tuple[Scores, Scores]],
    tasks: Sequence[TaskComparison],
    alpha: float,
    one_network: Sequence[str],
) -> tuple[Comparison | None, dict[str, str]]:
    """The comparison over the test cases that neither saw, and why tasks have none.

    Tasks without leaks stay in it as they are, so that its family has the same tasks.
    """
    kept: list[tuple[Scores, Scores]] = []
    untold: dict[str, str] = {}
    for (a, b), task in zip(pairs, tasks, strict=True):
        both = ((a, task.seen_a), (b, task.seen_b))
        saw = [(s, seen) for s, seen in both if seen and seen.state == TEST_IMAGES]
        names = {case for _, seen in saw for case in seen.leaked}
        rest = (
            [s for s in (without_cases(a, names), without_cases(b, names)) if s] if saw else [a, b]
        )
        reasons = [*filter(None, (why_not_without(s, seen) for s, seen in saw))]
        if reasons:
            untold[task_label(task.task, task.protocol)] = reasons[0]
        elif len(rest) == 2 and not comparable(rest, [(0, 1)])[1]:
            kept.append((rest[0], rest[1]))
        else:
            untold[task_label(task.task, task.protocol)] = NO_CASE
    if len(untold) == sum(task.leaked for task in tasks):
        return None, untold
    return compare([a for a, _ in kept], [b for _, b in kept], alpha, one_network), untold


def _compare_tasks(scores: Sequence[tuple[Scores, Scores]], alpha: float) -> list[TaskComparison]:
    """A and B on each of the tasks, corrected for their number."""
    pairs = join_pairs([compare_pairs([a, b]) for a, b in scores])
    verdicts = family.over_tasks(pairs, alpha)
    differences = [case_differences(a, b) for a, b in scores]
    signed_ranks = [wilcoxon(d.values) for d in differences]
    flips = [sign_flip(d) for d in differences]
    p_wilcoxon, p_sign_flip = (
        holm(np.array([test.p for test in tests], float)) for tests in (signed_ranks, flips)
    )
    return [
        TaskComparison(
            task=a.task,
            protocol=a.protocol,
            metric=a.metric,
            **{name: getattr(pairs, name)[n].item() for name in COUNTS_AND_MEANS},
            interval=_interval(pairs, verdicts, n),
            backbones=_backbones_test(pairs, verdicts, n),
            wilcoxon=signed_ranks[n],
            sign_flip=flips[n],
            rank_biserial=rank_biserial(differences[n].values),
            cohens_dz=cohens_dz(differences[n].values),
            p_backbones=_none_if_nan(verdicts.adjusted[n]),
            p_wilcoxon=_none_if_nan(p_wilcoxon[n]),
            p_sign_flip=_none_if_nan(p_sign_flip[n]),
            verdict=verdict_on(pairs.difference[n], verdicts.adjusted[n], alpha),
            seeds_to_settle=_none_if_nan(verdicts.seeds[n]),
        )
        for n, (a, b) in enumerate(scores)
    ]


def _none_if_nan(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _interval(pairs: Pairs, verdicts: Verdicts, n: int) -> Interval | None:
    """The interval of the difference on task n; None if there is none."""
    low, high = float(verdicts.low[n]), float(verdicts.high[n])
    if math.isnan(low):
        return None
    seeds = int(min(pairs.seeds_a[n], pairs.seeds_b[n]))
    return Interval(float(pairs.difference[n]), low, high, seeds, int(pairs.units[n]))


def _backbones_test(pairs: Pairs, verdicts: Verdicts, n: int) -> Test:
    """The test that the verdict on task n rests on, not yet corrected."""
    seeds = min(pairs.seeds_a[n], pairs.seeds_b[n])
    if seeds < MIN_SEEDS:
        return Test(None, f"Needs at least {MIN_SEEDS} seeds of each backbone; one has {seeds}.")
    if math.isnan(verdicts.p[n]):
        return Test(None, "Every run has the same score: no spread to judge the difference by.")
    return Test(float(verdicts.p[n]))


def verdict_on(difference: float, adjusted: float, alpha: float = ALPHA) -> Verdict:
    """Which of two backbones is better, by an adjusted p-value; NaN: no test."""
    if math.isnan(adjusted):
        return "untested"
    if adjusted >= alpha:
        return "open"
    return "A" if difference > 0 else "B"


def _test_over_tasks(differences: np.ndarray) -> Test:
    """Wilcoxon's signed-rank test over tasks (Demsar 2006, section 3.1.3), from (T,) mean differences."""
    test = wilcoxon(np.round(differences, DECIMALS))
    if test.p is not None:
        return test
    number = np.count_nonzero(differences)
    return Test(None, f"Needs at least 6 tasks on which they differ; there are {number}.")


def as_json(comparisons: Sequence[tuple[Condition | Origin, Comparison]]) -> str:
    """Comparisons as a JSON list: the condition of each, and every field; null for what is undefined."""
    content = [
        {"setting": condition._asdict(), **asdict(comparison)}
        for condition, comparison in comparisons
    ]
    # msgspec writes null for NaN and infinity, which JSON does not have; it indents, but does not escape letters.
    return json.dumps(json.loads(msgspec.json.encode(content)), indent=1)
