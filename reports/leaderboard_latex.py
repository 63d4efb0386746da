"""Leaderboards in LaTeX: leaderboard.tex to be read in with \\input, and a document of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, zip_longest

from reports.agreement import Condition, group_by
from reports.analysis.leaderboard import Leaderboard
from reports.latex import (
    FIGURE_COLUMNS,
    NEEDS,
    latex_document,
    escape_latex,
    figure_cells,
    figure_heading,
    paragraphs,
    table_environment,
    table_label,
    tabular_line,
)
from reports.wording import (
    NOTHING,
    LEADERBOARD_TITLE,
    LeaderboardText,
    ScoreText,
    condition_title,
    provenance_notes,
)

LEADERBOARD = "leaderboard"
WIDEST_BAND = 8  # tasks side by side: as many as a page holds in its own size of letters


def leaderboard_files(
    sheets: Sequence[LeaderboardText], boards: Sequence[Leaderboard]
) -> dict[str, str]:
    """The texts of the files, by name.

    Parameters
    ----------
    sheets : sequence of Sheet
        One of each board, then perhaps one of published figures.
    """
    lines: list[str] = []
    for sheet, board in zip_longest(sheets, boards):
        if board is None:
            name, said = table_label(f"{LEADERBOARD}_published", None), set()
        else:
            name = table_label(
                LEADERBOARD, board.condition, *([board.metric] if board.metric else [])
            )
            said = set(provenance_notes(board.records))  # once for all, at the end
        lines += leaderboard_environments(
            sheet, name, [note for note in sheet.notes if note not in said]
        )
    return {
        f"{LEADERBOARD}.tex": NEEDS + "\n".join(lines) + "\n",
        f"{LEADERBOARD}_provenance.tex": paragraphs(leaderboard_sections(boards)),
        f"{LEADERBOARD}_document.tex": latex_document([LEADERBOARD], f"{LEADERBOARD}_provenance"),
    }


def leaderboard_sections(boards: Sequence[Leaderboard]) -> Iterator[tuple[str, list[str]]]:
    """Where the figures of each condition come from, however many boards it has."""
    for some in group_by(boards, lambda board: board.condition):
        condition: Condition = some[0].condition
        records = {id(record): record for board in some for record in board.records}
        yield (
            f"Where the figures come from: {condition_title(condition)}",
            provenance_notes([*records.values()]),
        )


def leaderboard_environments(
    sheet: LeaderboardText, name: str, notes: Sequence[str]
) -> Iterator[str]:
    """The lines of a leaderboard: a table for each band of columns, the notes below the last."""
    parts = column_bands(len(sheet.columns))
    for number, band in enumerate(parts, start=1):
        several = len(parts) > 1
        part = f" (part {number} of {len(parts)})" if several else ""
        yield from table_environment(
            f"{name}-{number}" if several else name,
            f"{LEADERBOARD_TITLE}. {sheet.title}{part}",
            sheet.warnings,
            "lrr" + FIGURE_COLUMNS * len(band),
            band_lines(sheet, band),
            notes if number == len(parts) else [],
        )


def column_bands(count: int) -> list[range]:
    """Numbers of the columns that stand side by side, as many in each band as in the others, or one less."""
    parts = -(-count // WIDEST_BAND)
    ends = [round(count * part / parts) for part in range(parts + 1)]
    return [range(*pair) for pair in pairwise(ends)]


def band_lines(sheet: LeaderboardText, band: Sequence[int]) -> Iterator[str]:
    """The lines of a tabular of some of the columns."""
    columns = [sheet.columns[number] for number in band]
    yield tabular_line(
        ["", "mean rank", "score", *(figure_heading(column.task) for column in columns)]
    )
    yield tabular_line(
        [
            "",
            escape_latex(sheet.rank_caption),
            "",
            *(figure_heading(column.caption) for column in columns),
        ]
    )
    yield r"\midrule"
    for row in sheet.rows:
        facts = (row.backbone, row.mean_rank, row.score)
        yield tabular_line(
            [*map(escape_latex, facts), *(score_cells(row.cells[number]) for number in band)]
        )


def score_cells(one: ScoreText | None) -> str:
    """A figure, its mean in bold if it is the best."""
    if one is None:
        return figure_cells(escape_latex(NOTHING), "")
    return figure_cells(rf"\textbf{{{one.mean}}}" if one.best else one.mean, one.rest)
