"""Leaderboards in Markdown, as GitHub reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from reports.wording import NOTHING, TITLE, Cell, Sheet

# An underscore within a word is an underscore to GitHub, elsewhere it is emphasis.
# It makes a link of http://, of www. and of an address with @.
SPECIAL = re.compile(
    r"[\\`*\[\]<>|~&#$@]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=\bwww)\.", re.IGNORECASE
)


def render(sheets: Sequence[Sheet]) -> str:
    """The text of leaderboard.md."""
    return "\n".join([f"# {TITLE}", *(line for sheet in sheets for line in section(sheet))]) + "\n"


def section(sheet: Sheet) -> Iterator[str]:
    """The lines of a leaderboard."""
    yield from ("", f"## {escape(sheet.title)}")
    for warning in sheet.warnings:
        yield from ("", f"> **{escape(warning)}**")
    yield ""
    yield line(
        [
            "backbone",
            f"mean rank<br>{escape(sheet.rank_caption)}",
            "score",
            *(f"{escape(c.task)}<br>{escape(c.caption)}" for c in sheet.columns),
        ]
    )
    yield line(["---", *["---:"] * (len(sheet.columns) + 2)])
    for row in sheet.rows:
        yield line([escape(row.backbone), row.mean_rank, row.score, *map(figure, row.cells)])
    yield ""
    yield from (f"- {escape(note)}" for note in sheet.notes)


def line(cells: Iterable[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"


def figure(cell: Cell | None) -> str:
    """A cell, its mean in bold if it is the best."""
    if cell is None:
        return NOTHING
    return f"**{cell.mean}**{cell.rest}" if cell.best else str(cell)


def escape(text: str) -> str:
    """Text that shows as it is, whatever it holds."""
    return SPECIAL.sub(lambda match: "\\" + match[0], text)
