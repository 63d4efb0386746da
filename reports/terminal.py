"""A leaderboard in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.wording import NOTHING, BackboneRow, LeaderboardText, ScoreText, TaskColumn

PADDING = 3  # a space on either side and a rule


def print_leaderboards(sheets: Sequence[LeaderboardText], console: Console) -> None:
    """Print leaderboards; tasks that do not fit beside each other go into a further table below."""
    for sheet in sheets:
        console.print()
        console.print(Text(sheet.title, style="bold underline"))
        for warning in sheet.warnings:
            console.print(Text(warning, style="bold yellow" if sheet.phantom else "yellow"))
        side_by_side = list(fitting_columns(sheet, console.width))
        for band in side_by_side:
            console.print(leaderboard_table(sheet, band))
        if len(side_by_side) > 1:
            parts = f"The columns of one table, in {len(side_by_side)} parts."
            wider = (
                "A wider terminal shows more side by side, as does COLUMNS=200 before the command."
            )
            console.print(Text(f"{parts} {wider}", style="dim"))
        for note in sheet.notes:
            console.print(Text(note, style="dim"))


def fitting_columns(sheet: LeaderboardText, width: int) -> Iterator[list[int]]:
    """Numbers of the columns that fit side by side on `width` characters, at least one each.

    Ranks and scores stand in the first band alone.
    """
    names = max(cell_len(row.backbone) for row in sheet.rows) + PADDING
    lines = (line for row in sheet.rows for line in rank_lines(row).split("\n"))
    ranks = max(map(cell_len, ("mean rank", sheet.rank_caption, *lines))) + PADDING
    room = width - names - 1
    band: list[int] = []
    left = room - ranks - cell_len("score") - PADDING
    for number, column in enumerate(sheet.columns):
        need = PADDING + max(
            cell_len(column.task),
            cell_len(column.caption),
            *(cell_len(str(row.cells[number] or NOTHING)) for row in sheet.rows),
        )
        if band and need > left:
            yield band
            band, left = [], room
        band.append(number)
        left -= need
    yield band


def leaderboard_table(sheet: LeaderboardText, band: Sequence[int]) -> Table:
    """The table of some of the columns; with ranks and scores, if the first one is among them."""
    ranked = band[0] == 0
    drawn = Table()
    drawn.add_column("backbone", overflow="fold")
    if ranked:
        drawn.add_column(Text(f"mean rank\n{sheet.rank_caption}"), justify="right")
        drawn.add_column("score", justify="right")
    for number in band:
        drawn.add_column(task_heading(sheet.columns[number]), justify="right", overflow="fold")
    for row in sheet.rows:
        facts = [Text(rank_lines(row)), Text(row.score)] if ranked else []
        figures = (styled_score(row.cells[number]) for number in band)
        drawn.add_row(Text(row.backbone), *facts, *figures)
    return drawn


def rank_lines(row: BackboneRow) -> str:
    """A mean rank, or why there is none, in short lines."""
    return row.mean_rank.replace(", ", ",\n")


def task_heading(column: TaskColumn) -> Text:
    """A task over its caption."""
    return Text.assemble(column.task, "\n", (column.caption, "dim"))


def styled_score(cell: ScoreText | None) -> Text:
    """A cell, its mean in bold if it is the best."""
    if cell is None:
        return Text(NOTHING, style="dim")
    return Text.assemble((cell.mean, "bold green" if cell.best else ""), cell.rest)
