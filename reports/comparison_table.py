"""Comparisons of two backbones in a terminal: a table, then the words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.agreement import Condition
from reports.analysis.compare import Comparison, TaskComparison, task_label
from reports.verdicts import KEY_SENTENCE, comparison_text
from reports.wording import NOTHING, condition_title, condition_warnings

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


def print_comparisons(
    comparisons: Sequence[tuple[Condition, Comparison]], console: Console
) -> None:
    """Print the comparison of each condition: what the verdicts are, what the cases say, and the words."""
    for condition, comparison in comparisons:
        console.print()
        console.print(Text(condition_title(condition), style="bold underline"))
        for warning in condition_warnings(condition):
            console.print(Text(warning, style="bold yellow"))
        for captions, row, legend in (
            (VERDICT, verdict_cells, LEGEND),
            (CASES, case_cells, EFFECTS),
        ):
            console.print(comparison_table(captions, row, comparison.tasks))
            console.print(Text(legend, style="dim"))
        console.print()
        console.print(Text(comparison_text(comparison)))


def comparison_table(
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
        drawn.add_row(Text(task_label(task.task, task.protocol)), *map(Text, row(task)))
    return drawn


def verdict_cells(task: TaskComparison) -> list[str]:
    """How the backbones differ on a task."""
    interval = task.interval
    return [
        f"{100 * task.mean_a:.1f}",
        f"{100 * task.mean_b:.1f}",
        f"{100 * task.difference:+.1f}",
        f"{100 * interval.low:+.1f} to {100 * interval.high:+.1f}" if interval else NOTHING,
        p_cell(task.p_backbones),
        task.verdict,
    ]


def case_cells(task: TaskComparison) -> list[str]:
    """How the trained networks differ on the cases of a task."""
    return [
        f"{task.seeds_a}, {task.seeds_b}" if task.seeds_a != task.seeds_b else str(task.seeds_a),
        str(task.cases or NOTHING),
        signed_cell(task.rank_biserial),
        signed_cell(task.cohens_dz),
        p_cell(task.p_wilcoxon),
        p_cell(task.p_sign_flip),
    ]


def p_cell(value: float | None) -> str:
    """A p-value, to three digits."""
    if value is None:
        return NOTHING
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def signed_cell(value: float) -> str:
    """A number with its sign."""
    return NOTHING if math.isnan(value) else f"{value:+.2f}"
