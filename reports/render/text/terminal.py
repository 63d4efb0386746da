"""Leaderboards and comparisons in a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.analysis.compare import Comparison, TaskComparison, task_label
from reports.reading.consistency import Condition
from reports.reading.foreign.rows import Origin
from reports.render.text.comparison_text import (
    KEY_SENTENCE,
    ORIGIN,
    comparison_text,
    origin_title,
)
from reports.render.text.leaderboard_text import (
    NOTHING,
    LeaderboardText,
    ScoreText,
    condition_title,
    condition_warnings,
)
from reports.render.text.leads_text import BEST, LeadCell, LeadsText
from reports.render.text.leads_text import TITLE as LEADS_TITLE
from reports.render.text.leaked_text import HEADINGS, TEXTS, LeakedText
from reports.render.text.leaked_text import TITLE as LEAKED_TITLE

PADDING = 3  # a space on either side and a rule
GAP = 2  # between columns without rules
LEGEND = (
    "Percent and percentage points. The interval is of each task by itself; p, of the test over seeds and cases, is "
    f"Holm-adjusted over all tasks, and the verdict rests on it. {KEY_SENTENCE}"
)
EFFECTS = (
    "r: matched-pairs rank-biserial correlation, -1 to 1; d: Cohen's dz; above 0 in favour of A. The p-values here, "
    "Holm-adjusted, are over cases with seeds averaged: of the networks that were trained, not of the backbones."
)
VERDICT = ("A", "B", "A − B", "95 % interval", "p", "better")
UNSEEN = "unseen"
UNSEEN_LEGEND = (
    "Unseen: the verdict over the test cases that neither saw in its pretraining, beside tasks with others; a "
    f"comparison of its own. {NOTHING} there is none."
)
CASES = ("seeds", "cases", "r", "d", "p Wilcoxon", "p permutation")


def print_leaderboards(sheets: Sequence[LeaderboardText], console: Console) -> None:
    """Print leaderboards, and how sure their best are; columns that do not fit go into a further table below."""
    for sheet in sheets:
        _print_head(sheet.title, sheet.warnings, sheet.phantom, console)
        bands = list(_column_bands(sheet, console.width))
        for band in bands:
            console.print(_leaderboard_table(sheet, band))
        wider = (
            f"The columns of one table, in {len(bands)} parts. A wider terminal shows more side by "
            "side, as does COLUMNS=200 before the command."
        )
        _print_notes([*([wider] if len(bands) > 1 else []), *sheet.notes], console)
        if sheet.leaked:
            console.print()
            console.print(Text(LEAKED_TITLE, style="bold"))
            console.print(_leaked_table(sheet.leaked))
            console.print()
            _print_notes(sheet.leaked.notes, console)
        if sheet.leads:
            console.print()
            console.print(Text(LEADS_TITLE, style="bold"))
            for band in _bands_of_leads(sheet.leads, console.width):
                console.print(_leads_table(sheet.leads, band))
                console.print()
            _print_notes(sheet.leads.notes, console)


def _print_notes(notes: Sequence[str], console: Console) -> None:
    for note in notes:
        console.print(Text(note, style="dim"))


def _print_head(title: str, warnings: Sequence[str], bold: bool, console: Console) -> None:
    console.print()
    console.print(Text(title, style="bold underline"))
    for warning in warnings:
        console.print(Text(warning, style="bold yellow" if bold else "yellow"))


def _column_bands(sheet: LeaderboardText, width: int) -> Iterator[list[int]]:
    """Numbers of the columns that fit side by side on `width` characters; ranks and scores stand in the first band."""
    names = max(cell_len(row.backbone) for row in sheet.rows) + PADDING
    lines = (line for row in sheet.rows for line in _rank_lines(row.mean_rank).split("\n"))
    ranks = max(map(cell_len, ("mean rank", sheet.rank_caption, *lines))) + PADDING
    needs = [
        PADDING
        + max(map(cell_len, (*column, *(str(row.cells[number] or NOTHING) for row in sheet.rows))))
        for number, column in enumerate(sheet.columns)
    ]
    room = width - names - 1
    return _bands(needs, room - ranks - cell_len("score") - PADDING, room)


def _bands_of_leads(leads: LeadsText, width: int) -> Iterator[list[int]]:
    """As `_column_bands`."""
    room = width - max((cell_len(name) for name, _ in leads.rows), default=0)
    needs = [
        GAP + max(cell_len(line) for line in (*column, *_lines_of(leads, number)))
        for number, column in enumerate(leads.columns)
    ]
    return _bands(needs, room, room)


def _lines_of(leads: LeadsText, number: int) -> Iterator[str]:
    for _, cells in leads.rows:
        if cell := cells[number]:
            yield from (cell.verdict, cell.interval)


def _bands(needs: Sequence[int], first: int, room: int) -> Iterator[list[int]]:
    """Numbers of the columns of each band, at least one: of these widths, in the room of the first, then the others."""
    band: list[int] = []
    left = first
    for number, need in enumerate(needs):
        if band and need > left:
            yield band
            band, left = [], room
        band.append(number)
        left -= need
    if band:
        yield band


def _leaderboard_table(sheet: LeaderboardText, band: Sequence[int]) -> Table:
    """The table of some of the columns; with ranks and scores, if the first column is among them."""
    ranked = band[0] == 0
    table = Table()
    table.add_column("backbone", overflow="fold")
    if ranked:
        table.add_column(Text(f"mean rank\n{sheet.rank_caption}"), justify="right")
        table.add_column("score", justify="right")
    for task, caption in (sheet.columns[number] for number in band):
        heading = Text.assemble(task, "\n", (caption, "dim"))
        table.add_column(heading, justify="right", overflow="fold")
    for row in sheet.rows:
        ranks = [Text(_rank_lines(row.mean_rank)), Text(row.score)] if ranked else []
        table.add_row(Text(row.backbone), *ranks, *(_score(row.cells[number]) for number in band))
    return table


def _rank_lines(mean_rank: str) -> str:
    """A mean rank, or why there is none, in short lines."""
    return mean_rank.replace(", ", ",\n")


def _score(score: ScoreText | None) -> Text:
    """A score, its mean in bold if it is the best."""
    if score is None:
        return Text(NOTHING, style="dim")
    return Text.assemble((score.mean, "bold green" if score.bold else ""), score.tail)


def _leads_table(leads: LeadsText, band: Sequence[int]) -> Table:
    """The table of some of the columns of how sure the best are; a verdict stands over its interval."""
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    table.add_column("backbone", overflow="fold")
    for task, protocol in (leads.columns[number] for number in band):
        heading = Text.assemble(task, "\n", (protocol, "dim"))
        table.add_column(heading, justify="right", overflow="fold")
    for name, cells in leads.rows:
        table.add_row(Text(name), *(_lead(cells[number]) for number in band))
    return table


def _leaked_table(leaked: LeakedText) -> Table:
    """The scores with and without the test images that were seen."""
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    for number, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="left" if number < TEXTS else "right", overflow="fold")
    for row in leaked.rows:
        table.add_row(*map(Text, row))
    return table


def _lead(cell: LeadCell | None) -> Text:
    if cell is None:
        return Text(NOTHING, style="dim")
    verdict = (cell.verdict, "bold green" if cell.verdict == BEST else "")
    return Text.assemble(verdict, "\n" if cell.interval else "", (cell.interval, "dim"))


def print_comparisons(
    comparisons: Sequence[tuple[Condition | Origin, Comparison]], console: Console
) -> None:
    """Print the comparison of each condition: the verdicts, what the cases say, and sentences."""
    for condition, comparison in comparisons:
        if isinstance(condition, Origin):
            _print_head(origin_title(condition), [ORIGIN], False, console)
        else:
            _print_head(condition_title(condition), condition_warnings(condition), True, console)
        leaked = any(task.leaked for task in comparison.tasks)
        beside = partial(_verdicts_beside, comparison)
        for captions, cells, legend in (
            ((*VERDICT, UNSEEN), beside, f"{LEGEND} {UNSEEN_LEGEND}")
            if leaked
            else (VERDICT, _verdict_cells, LEGEND),
            (CASES, _case_cells, EFFECTS),
        ):
            table = Table()
            table.add_column("task", overflow="fold")
            for caption in captions:
                table.add_column(caption, justify="right", no_wrap=True)
            for task in comparison.tasks:
                table.add_row(Text(task_label(task.task, task.protocol)), *map(Text, cells(task)))
            console.print(table)
            console.print(Text(legend, style="dim"))
        console.print()
        console.print(Text(comparison_text(comparison)))


def _verdict_cells(task: TaskComparison) -> list[str]:
    """How the backbones differ on a task."""
    interval = task.interval
    return [
        f"{100 * task.mean_a:.1f}",
        f"{100 * task.mean_b:.1f}",
        f"{100 * task.difference:+.1f}",
        f"{100 * interval.low:+.1f} to {100 * interval.high:+.1f}" if interval else NOTHING,
        _p_value(task.p_backbones),
        task.verdict,
    ]


def _verdicts_beside(comparison: Comparison, task: TaskComparison) -> list[str]:
    """As `_verdict_cells`, and the verdict over the test cases that neither saw."""
    rest = comparison.on_unseen(task)
    return [*_verdict_cells(task), rest.verdict if rest else NOTHING if task.leaked else ""]


def _case_cells(task: TaskComparison) -> list[str]:
    """How the trained networks differ on the cases of a task."""
    effects = (task.rank_biserial, task.cohens_dz)
    return [
        f"{task.seeds_a}, {task.seeds_b}" if task.seeds_a != task.seeds_b else str(task.seeds_a),
        str(task.cases or NOTHING),
        *(NOTHING if math.isnan(effect) else f"{effect:+.2f}" for effect in effects),
        _p_value(task.p_wilcoxon),
        _p_value(task.p_sign_flip),
    ]


def _p_value(value: float | None) -> str:
    """A p-value, to three digits."""
    if value is None:
        return NOTHING
    return "<0.001" if value < 0.001 else f"{value:.3f}"
