"""A comparison of two backbones in plain words: whole sentences, to be pasted into a paper."""

from __future__ import annotations

import math
from collections.abc import Iterator

from reports.analysis.compare import Comparison, TaskComparison, task_label
from reports.reading.foreign.rows import Origin
from reports.reading.metrics import metric_name
from reports.reading.seen import CLEAN, DATA_SET, STATES, TEST_IMAGES, UNKNOWN, Seen, State
from reports.render.text.leaderboard_text import ONE_PRETRAINING, plural
from reports.render.text.seen_text import count_text
from reports.statistics.intervals import Interval
from reports.statistics.paired import DECIMALS
from reports.statistics.planning import MOST_SEEDS

ONE_NETWORK = "this speaks of the networks that were trained, not of the backbones"
ORIGIN = (
    "As their files tell them: nothing is known here of the images, the weights or the settings."
)
NO_CASES = "Nothing speaks of these networks either: there are no scores of cases, or the headline is not their mean."
SENTENCES: dict[State, str] = {
    TEST_IMAGES: "{name} saw test images of {tasks}.",
    DATA_SET: "{name} saw the data set, or one that shares images with it, of {tasks}.",
    UNKNOWN: "It is not known whether {name} saw images of {tasks}.",
}
KEY = (
    "open: no significant difference; untested: fewer than 2 seeds, so that nothing can be said of other seeds, or "
    "every run has the same score"
)
KEY_SENTENCE = f"{KEY[0].upper()}{KEY[1:]}."


def comparison_text(comparison: Comparison) -> str:
    """The whole comparison: a paragraph of summary, and a text for each task."""
    tasks = (f"- {_task_text(comparison, task)}" for task in comparison.tasks)
    return "\n".join([*_summary(comparison), "", *tasks])


def origin_title(origin: Origin) -> str:
    """Where scores of other tools come from, in words."""
    return f"Scores of other tools ({', '.join(origin.formats)})"


def _summary(comparison: Comparison) -> Iterator[str]:
    """The sentences on all tasks."""
    a, b, tasks = comparison.a, comparison.b, comparison.tasks
    counts = {v: sum(t.verdict == v for t in tasks) for v in ("A", "B", "open", "untested")}
    yield (
        f"Of {plural(len(tasks), 'task')}, {a} (A) is better on {counts['A']} and {b} (B) on {counts['B']}; "
        f"{counts['open']} open, {counts['untested']} untested ({KEY})."
    )
    if comparison.improvement is None:
        yield "One seed of A or B on every task: how often a run of A is ahead of one of B cannot be told."
    else:
        one_seed = any(min(task.seeds_a, task.seeds_b) < 2 for task in tasks)
        yield (
            "Of all pairs of a run of A and a run of B on a task, A is ahead in "
            f"{100 * comparison.improvement:.0f} %, each task counting alike"
            f"{'; tasks with one seed are left out' if one_seed else ''}."
        )
    if comparison.overall.p is None:
        yield f"No test over tasks. {comparison.overall.reason}"
    else:
        outcome = p_text(comparison.overall.p)
        yield f"Over tasks, Wilcoxon's test of the mean differences gives {outcome}."
    yield from _what_was_seen(comparison)
    if comparison.one_network:
        yield f"{ONE_PRETRAINING} {' and '.join(comparison.one_network)}."
    for name, only in ((a, comparison.only_a), (b, comparison.only_b)):
        if only:
            yield f"Not compared, since only {name} has runs: {', '.join(only)}."


def _what_was_seen(comparison: Comparison) -> Iterator[str]:
    """A sentence for each backbone and each state that is not clean, on the tasks that it holds of."""
    for name, field in ((comparison.a, "seen_a"), (comparison.b, "seen_b")):
        found = [(task, getattr(task, field)) for task in comparison.tasks]
        for state in STATES:
            here = [(task, seen) for task, seen in found if seen and seen.state == state]
            if here and state != CLEAN:
                tasks = ", ".join(_seen_task(task, seen) for task, seen in here)
                if len(here) == len(found) > 1 and state != TEST_IMAGES:
                    tasks = "each of these tasks"
                yield SENTENCES[state].format(name=name, tasks=tasks)


def _seen_task(task: TaskComparison, seen: Seen) -> str:
    count = count_text(seen.number, seen.tested) if seen.state == TEST_IMAGES else ""
    return task_label(task.task, task.protocol) + (f": {count}" if count else "")


def _unseen_text(comparison: Comparison, task: TaskComparison) -> str:
    """The sentences on the test cases of a task that neither saw; empty if neither saw any."""
    label = task_label(task.task, task.protocol)
    if label in comparison.untold:
        return f"Without the test images that were seen: {comparison.untold[label]}."
    rest = comparison.on_unseen(task)
    if comparison.unseen is None or rest is None:
        return ""
    where = f"On the {plural(rest.cases, 'test case')} of {label} that neither saw"
    return _task_text(comparison.unseen, rest, where)


def _task_text(comparison: Comparison, task: TaskComparison, where: str = "") -> str:
    """The sentences on one task; the first one has the verdict. `where`: how it begins."""
    where = where or f"On {task_label(task.task, task.protocol)}"
    a, b = comparison.a, comparison.b
    first, second = (a, b) if task.difference >= 0 else (b, a)
    metric, evidence = metric_name(task.metric), _evidence(comparison, task)
    by = f"{100 * abs(task.difference):.1f} points of {metric}"
    ahead = f"{first} is ahead of {second} by {by}"
    if round(task.difference, DECIMALS) == 0:
        ahead = f"{a} and {b} are level in {metric}"
    if task.verdict in ("A", "B"):
        sentences = [f"{where}, {first} is better than {second} by {by} ({evidence})."]
    elif task.verdict == "open":
        open_verdict = f"{where}, there is no significant difference: {ahead} ({evidence})."
        sentences = [open_verdict, _outlook(task)]
    else:
        untested = f"{where}, the difference is untested: {ahead} ({evidence})."
        sentences = [untested, f"{task.backbones.reason} {_network_tests(task)}".rstrip()]
    if task.left_out:
        left_out = plural(task.left_out, "case")
        sentences.append(f"{left_out} left out: only one of the two has a score there.")
    return " ".join(filter(None, [*sentences, _unseen_text(comparison, task)]))


def _evidence(comparison: Comparison, task: TaskComparison) -> str:
    """Interval, test, correction, and the seeds and cases that they rest on."""
    parts = ["no interval"]
    if task.interval:
        low, high = 100 * task.interval.low, 100 * task.interval.high
        difference = f"{comparison.a} − {comparison.b}"
        parts = [f"{difference}: 95 % confidence interval {low:+.1f} to {high:+.1f}"]
    if task.p_backbones is not None:
        over = "seeds and cases" if task.interval and task.interval.units else "seeds"
        tested = sum(t.p_backbones is not None for t in comparison.tasks)
        corrected = f", Holm-corrected for {tested} tasks" if tested > 1 else ""
        parts.append(f"{p_text(task.p_backbones)}, t-test over {over}{corrected}")
    return "; ".join([*parts, _basis(task, task.interval)])


def _basis(task: TaskComparison, interval: Interval | None) -> str:
    """The seeds and cases that a statement rests on."""
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
    patients = f" of {interval.units} patients" if interval.units != task.cases else ""
    networks = "" if interval.seeds > 1 else ", these networks only"
    return f"{seeds}, {task.cases} cases{patients}{networks}"


def _outlook(task: TaskComparison) -> str:
    """A sentence on how many seeds would settle the task."""
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


def _network_tests(task: TaskComparison) -> str:
    """A sentence on the tests over cases, where seeds are too few for the backbones."""
    if task.p_sign_flip is None or task.p_wilcoxon is None:
        return task.sign_flip.reason if task.cases else NO_CASES
    return (
        f"On these cases the permutation test gives {p_text(task.p_sign_flip)} and Wilcoxon's "
        f"{p_text(task.p_wilcoxon)} after Holm; {ONE_NETWORK}."
    )


def p_text(value: float) -> str:
    """A p-value, to three digits."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
