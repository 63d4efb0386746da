"""Leaderboards in LaTeX: leaderboard.tex to be read in with \\input, and a document of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, zip_longest

from reports.agreement import Setting, grouped
from reports.analysis.leaderboard import Leaderboard
from reports.latex import (
    FIGURE,
    NEEDS,
    document,
    escape,
    figure,
    heading,
    label,
    line,
    paragraphs,
    table,
)
from reports.wording import NOTHING, TITLE, Cell, Sheet, provenance, title

NAME = "leaderboard"
WIDEST = 8  # tasks side by side: as many as a page holds in its own size of letters


def files(sheets: Sequence[Sheet], boards: Sequence[Leaderboard]) -> dict[str, str]:
    """The texts of the files, by name.

    Parameters
    ----------
    sheets : sequence of Sheet
        One of each board, then perhaps one of published figures.
    """
    lines: list[str] = []
    for sheet, board in zip_longest(sheets, boards):
        if board is None:
            name, said = label(f"{NAME}_published", None), set()
        else:
            name = label(NAME, board.setting, *([board.metric] if board.metric else []))
            said = set(provenance(board.records))  # once for all, at the end
        lines += environments(sheet, name, [note for note in sheet.notes if note not in said])
    return {
        f"{NAME}.tex": NEEDS + "\n".join(lines) + "\n",
        f"{NAME}_provenance.tex": paragraphs(origins(boards)),
        f"{NAME}_document.tex": document([NAME], f"{NAME}_provenance"),
    }


def origins(boards: Sequence[Leaderboard]) -> Iterator[tuple[str, list[str]]]:
    """Where the figures of each setting come from, however many boards it has."""
    for some in grouped(boards, lambda board: board.setting):
        setting: Setting = some[0].setting
        records = {id(record): record for board in some for record in board.records}
        yield f"Where the figures come from: {title(setting)}", provenance([*records.values()])


def environments(sheet: Sheet, name: str, notes: Sequence[str]) -> Iterator[str]:
    """The lines of a leaderboard: a table for each band of columns, the notes below the last."""
    parts = bands(len(sheet.columns))
    for number, band in enumerate(parts, start=1):
        several = len(parts) > 1
        part = f" (part {number} of {len(parts)})" if several else ""
        yield from table(
            f"{name}-{number}" if several else name,
            f"{TITLE}. {sheet.title}{part}",
            sheet.warnings,
            "lrr" + FIGURE * len(band),
            band_lines(sheet, band),
            notes if number == len(parts) else [],
        )


def bands(count: int) -> list[range]:
    """Numbers of the columns that stand side by side, as many in each band as in the others, or one less."""
    parts = -(-count // WIDEST)
    ends = [round(count * part / parts) for part in range(parts + 1)]
    return [range(*pair) for pair in pairwise(ends)]


def band_lines(sheet: Sheet, band: Sequence[int]) -> Iterator[str]:
    """The lines of a tabular of some of the columns."""
    columns = [sheet.columns[number] for number in band]
    yield line(["", "mean rank", "score", *(heading(column.task) for column in columns)])
    yield line(
        ["", escape(sheet.rank_caption), "", *(heading(column.caption) for column in columns)]
    )
    yield r"\midrule"
    for row in sheet.rows:
        facts = (row.backbone, row.mean_rank, row.score)
        yield line([*map(escape, facts), *(cell(row.cells[number]) for number in band)])


def cell(one: Cell | None) -> str:
    """A figure, its mean in bold if it is the best."""
    if one is None:
        return figure(escape(NOTHING), "")
    return figure(rf"\textbf{{{one.mean}}}" if one.best else one.mean, one.rest)
