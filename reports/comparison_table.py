"""Comparisons of two backbones in a terminal: a table, then the words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.agreement import Setting
from reports.analysis.compare import Comparison, TaskComparison, label
from reports.verdicts import KEY_SENTENCE, words
from reports.wording import NOTHING, title, warnings

LEGEND = (
    "Percent and percentage points. The interval is of each task by itself; p, of the test over seeds and cases, is "
    f"Holm-adjusted over all tasks, and the verdict rests on it. {KEY_SENTENCE}"
)
EFFECTS = (
    "r: matched-pairs rank-biserial correlation, -1 to 1; d: Cohen's dz; above 0 in favour of A. The p-values here, "
    "Holm-adjusted, are over cases with seeds averaged: of the networks that were trained, not of the backbones."
)
VERDICT = ("A", "B", "A − B", "95 % interval", "p", "better")
CASES = ("seeds", "cases", "r", "d", "p Wilcoxon", "p permutation")


def show(comparisons: Sequence[tuple[Setting, Comparison]], console: Console) -> None:
    """Print the comparison of each setting: what the verdicts are, what the cases say, and the words."""
    for setting, comparison in comparisons:
        console.print()
        console.print(Text(title(setting), style="bold underline"))
        for warning in warnings(setting):
            console.print(Text(warning, style="bold yellow"))
        for captions, row, legend in ((VERDICT, verdict, LEGEND), (CASES, cases, EFFECTS)):
            console.print(table(captions, row, comparison.tasks))
            console.print(Text(legend, style="dim"))
        console.print()
        console.print(Text(words(comparison)))


def table(
    captions: Sequence[str],
    row: Callable[[TaskComparison], list[str]],
    tasks: Sequence[TaskComparison],
) -> Table:
    """A row per task."""
    drawn = Table()
    drawn.add_column("task", overflow="fold")
    for caption in captions:
        drawn.add_column(caption, justify="right", no_wrap=True)
    for task in tasks:
        drawn.add_row(Text(label(task.task, task.protocol)), *map(Text, row(task)))
    return drawn


def verdict(task: TaskComparison) -> list[str]:
    """How the backbones differ on a task."""
    interval = task.interval
    return [
        f"{100 * task.mean_a:.1f}",
        f"{100 * task.mean_b:.1f}",
        f"{100 * task.difference:+.1f}",
        f"{100 * interval.low:+.1f} to {100 * interval.high:+.1f}" if interval else NOTHING,
        p_value(task.p_backbones),
        task.verdict,
    ]


def cases(task: TaskComparison) -> list[str]:
    """How the trained networks differ on the cases of a task."""
    return [
        f"{task.seeds_a}, {task.seeds_b}" if task.seeds_a != task.seeds_b else str(task.seeds_a),
        str(task.cases or NOTHING),
        signed(task.rank_biserial),
        signed(task.cohens_dz),
        p_value(task.p_wilcoxon),
        p_value(task.p_sign_flip),
    ]


def p_value(value: float | None) -> str:
    """A p-value, to three digits."""
    if value is None:
        return NOTHING
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def signed(value: float) -> str:
    """A number with its sign."""
    return NOTHING if math.isnan(value) else f"{value:+.2f}"
