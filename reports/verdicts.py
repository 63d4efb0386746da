"""A comparison of two backbones in plain words."""

from __future__ import annotations

from collections.abc import Iterator

from reports.compare import Comparison, TaskComparison, label
from reports.statistics.intervals import Interval
from reports.statistics.paired import DECIMALS
from reports.wording import plural

ONE_NETWORK = "this speaks of the networks that were trained, not of the backbones"


def words(comparison: Comparison) -> str:
    """The whole comparison, a paragraph of summary and a line per task."""
    return "\n".join(
        [*summary(comparison), "", *(f"- {sentence(task)}" for task in comparison.tasks)]
    )


def summary(comparison: Comparison) -> Iterator[str]:
    """What holds over all tasks."""
    tasks = comparison.tasks
    counts = {v: sum(t.verdict == v for t in tasks) for v in ("A", "B", "open", "untested")}
    yield f"A is {comparison.a}, B is {comparison.b}."
    yield (
        f"On {counts['A']} of {plural(len(tasks), 'task')} A is better, on {counts['B']} B; "
        f"{counts['open']} open, {counts['untested']} not testable."
    )
    yield (
        "Of all pairs of a run of A and a run of B on a task, A is ahead in "
        f"{100 * comparison.improvement:.0f} %, each task counting alike."
    )
    if comparison.overall.p is None:
        yield f"No test over tasks. {comparison.overall.reason}"
    else:
        yield f"Over tasks, Wilcoxon's test of the mean differences gives {p(comparison.overall.p)}."
    for name, only in ((comparison.a, comparison.only_a), (comparison.b, comparison.only_b)):
        if only:
            yield f"Not compared, since only {name} has runs: {', '.join(only)}."


def sentence(task: TaskComparison) -> str:
    """What can be said of one task."""
    return f"{label(task.task, task.protocol)}: {' '.join(parts(task))}"


def parts(task: TaskComparison) -> Iterator[str]:
    """The sentences of a task."""
    by = f"{points(abs(task.difference))} of {task.metric}"
    ahead = f"{'A' if task.difference > 0 else 'B'} is ahead by {by}"
    if round(task.difference, DECIMALS) == 0:
        ahead = "A and B are level"
    if task.verdict in ("A", "B"):
        yield f"{task.verdict} is better by {by} ({sureness(task)})."
    elif task.verdict == "open":
        yield f"Open. {ahead} ({sureness(task)})."
        yield outlook(task)
    else:
        yield f"Not testable. {ahead} ({sureness(task)})."
        yield f"{task.backbones.reason} {networks(task)}".rstrip()
    if task.left_out:
        yield f"{plural(task.left_out, 'case')} left out: only one of the two has a score there."


def sureness(task: TaskComparison) -> str:
    """Interval, p-value, and what both rest on."""
    said = []
    if task.interval:
        low, high = task.interval.low, task.interval.high
        said.append(f"A less B: 95 % interval {100 * low:+.1f} to {100 * high:+.1f}")
    else:
        said.append("no interval")
    if task.p_backbones is not None:
        said.append(f"{p(task.p_backbones)} after Holm")
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
    return f"{seeds}, {cases}" if interval.seeds > 1 else f"{cases}, these networks only"


def outlook(task: TaskComparison) -> str:
    """How many seeds would settle it."""
    if task.outlook is None:
        return ""
    if task.outlook.seeds is None:
        return task.outlook.reason
    more = task.outlook.seeds - min(task.seeds_a, task.seeds_b)
    return (
        f"About {task.outlook.seeds} seeds of each ({more} more) would likely settle it, "
        "if the difference stays as it is."
    )


def networks(task: TaskComparison) -> str:
    """What the tests over cases say where seeds are too few for the backbones."""
    if task.p_sign_flip is None or task.p_wilcoxon is None:
        return task.sign_flip.reason
    return (
        f"On these cases the permutation test gives {p(task.p_sign_flip)} and Wilcoxon's "
        f"{p(task.p_wilcoxon)} after Holm; {ONE_NETWORK}."
    )


def points(fraction: float) -> str:
    """A difference of fractions in percentage points."""
    return f"{100 * fraction:.1f} points"


def p(value: float) -> str:
    """A p-value."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
