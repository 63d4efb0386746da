"""A comparison of two backbones in plain words, each sentence whole, to be pasted into a paper."""

from __future__ import annotations

import math
from collections.abc import Iterator

from reports.analysis.compare import Comparison, TaskComparison, task_label
from reports.metrics import metric_name
from reports.statistics.intervals import Interval
from reports.statistics.paired import DECIMALS
from reports.statistics.planning import MOST_SEEDS
from reports.wording import plural

ONE_NETWORK = "this speaks of the networks that were trained, not of the backbones"
KEY = (
    "open: no significant difference; untested: fewer than 2 seeds, so that nothing can be said of other seeds, or "
    "every run has the same score"
)
KEY_SENTENCE = f"{KEY[0].upper()}{KEY[1:]}."


def comparison_text(comparison: Comparison) -> str:
    """The whole comparison: a paragraph of summary, and a sentence for each task."""
    sentences = (task_text(comparison, task) for task in comparison.tasks)
    return "\n".join([*overall_sentences(comparison), "", *(f"- {one}" for one in sentences)])


def overall_sentences(comparison: Comparison) -> Iterator[str]:
    """What holds over all tasks."""
    a, b, tasks = comparison.a, comparison.b, comparison.tasks
    counts = {v: sum(t.verdict == v for t in tasks) for v in ("A", "B", "open", "untested")}
    yield (
        f"Of {plural(len(tasks), 'task')}, {a} (A) is better on {counts['A']} and {b} (B) on {counts['B']}; "
        f"{counts['open']} open, {counts['untested']} untested ({KEY})."
    )
    if comparison.improvement is None:
        yield "One seed of A or B on every task: how often a run of A is ahead of one of B cannot be told."
    else:
        some = any(min(task.seeds_a, task.seeds_b) < 2 for task in tasks)
        yield (
            "Of all pairs of a run of A and a run of B on a task, A is ahead in "
            f"{100 * comparison.improvement:.0f} %, each task counting alike"
            f"{'; tasks with one seed are left out' if some else ''}."
        )
    if comparison.overall.p is None:
        yield f"No test over tasks. {comparison.overall.reason}"
    else:
        yield f"Over tasks, Wilcoxon's test of the mean differences gives {p_text(comparison.overall.p)}."
    for name, only in ((a, comparison.only_a), (b, comparison.only_b)):
        if only:
            yield f"Not compared, since only {name} has runs: {', '.join(only)}."


def task_text(comparison: Comparison, task: TaskComparison) -> str:
    """What can be said of one task."""
    return " ".join(task_sentences(comparison, task))


def task_sentences(comparison: Comparison, task: TaskComparison) -> Iterator[str]:
    """The sentences of a task; the first one says it all."""
    where = f"On {task_label(task.task, task.protocol)}"
    a, b = comparison.a, comparison.b
    names = (a, b) if task.difference >= 0 else (b, a)
    by = f"{in_points(abs(task.difference))} of {metric_name(task.metric)}"
    ahead = f"{names[0]} is ahead of {names[1]} by {by}"
    if round(task.difference, DECIMALS) == 0:
        ahead = f"{a} and {b} are level in {metric_name(task.metric)}"
    if task.verdict in ("A", "B"):
        yield f"{where}, {names[0]} is better than {names[1]} by {by} ({evidence(comparison, task)})."
    elif task.verdict == "open":
        yield (
            f"{where}, there is no significant difference: {ahead} ({evidence(comparison, task)})."
        )
        yield outlook(task)
    else:
        yield f"{where}, the difference is untested: {ahead} ({evidence(comparison, task)})."
        yield f"{task.backbones.reason} {network_tests(task)}".rstrip()
    if task.left_out:
        yield f"{plural(task.left_out, 'case')} left out: only one of the two has a score there."


def evidence(comparison: Comparison, task: TaskComparison) -> str:
    """Interval, test, correction, and what they rest on."""
    said = []
    if task.interval:
        low, high = task.interval.low, task.interval.high
        said.append(
            f"{comparison.a} − {comparison.b}: 95 % confidence interval {100 * low:+.1f} to {100 * high:+.1f}"
        )
    else:
        said.append("no interval")
    if task.p_backbones is not None:
        over = "seeds and cases" if task.interval and task.interval.units else "seeds"
        tested = sum(one.p_backbones is not None for one in comparison.tasks)
        corrected = f", Holm-corrected for {tested} tasks" if tested > 1 else ""
        said.append(f"{p_text(task.p_backbones)}, t-test over {over}{corrected}")
    said.append(basis(task, task.interval))
    return "; ".join(said)


def basis(task: TaskComparison, interval: Interval | None) -> str:
    """Over which seeds and cases."""
    seeds = (
        f"{plural(task.seeds_a, 'seed')} each"
        if task.seeds_a == task.seeds_b
        else f"{task.seeds_a} and {plural(task.seeds_b, 'seed')}"
    )
    if interval is None:
        return seeds
    if interval.units == 0 and task.cases:
        return f"{seeds}, these {task.cases} test cases only: too few to speak of others"
    if interval.units == 0:
        return f"{seeds}, these test cases only"
    cases = f"{task.cases} cases"
    if interval.units != task.cases:
        cases += f" of {interval.units} patients"
    return f"{seeds}, {cases}" if interval.seeds > 1 else f"{seeds}, {cases}, these networks only"


def outlook(task: TaskComparison) -> str:
    """How many seeds would settle it."""
    if task.seeds_to_settle is None:
        return ""
    if round(task.difference, DECIMALS) == 0:
        return "There is no difference that more seeds could show."
    if math.isinf(task.seeds_to_settle):
        return "No number of seeds would settle it: the test cases are too few."
    if task.seeds_to_settle > MOST_SEEDS:
        return f"More than {MOST_SEEDS} seeds of each would be needed to settle it."
    more = task.seeds_to_settle - min(task.seeds_a, task.seeds_b)
    return (
        f"About {task.seeds_to_settle:.0f} seeds of each ({more:.0f} more) would likely settle it, "
        "if the difference stays as it is."
    )


def network_tests(task: TaskComparison) -> str:
    """What the tests over cases say where seeds are too few for the backbones."""
    if task.p_sign_flip is None or task.p_wilcoxon is None:
        return task.sign_flip.reason
    return (
        f"On these cases the permutation test gives {p_text(task.p_sign_flip)} and Wilcoxon's "
        f"{p_text(task.p_wilcoxon)} after Holm; {ONE_NETWORK}."
    )


def in_points(fraction: float) -> str:
    """A difference of fractions in percentage points."""
    return f"{100 * fraction:.1f} points"


def p_text(value: float) -> str:
    """A p-value."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
