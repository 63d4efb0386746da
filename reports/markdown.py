"""Leaderboards in Markdown, as GitHub reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from reports.wording import NOTHING, LEADERBOARD_TITLE, LeaderboardText, ScoreText

# An underscore within a word is an underscore to GitHub, elsewhere it is emphasis.
# It makes a link of http://, of www. and of an address with @.
MARKDOWN_SPECIAL = re.compile(
    r"[\\`*\[\]<>|~&#$@]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=\bwww)\.", re.IGNORECASE
)


def leaderboard_markdown(sheets: Sequence[LeaderboardText]) -> str:
    """The text of leaderboard.md."""
    return (
        "\n".join(
            [
                f"# {LEADERBOARD_TITLE}",
                *(line for sheet in sheets for line in leaderboard_section(sheet)),
            ]
        )
        + "\n"
    )


def leaderboard_section(sheet: LeaderboardText) -> Iterator[str]:
    """The lines of a leaderboard."""
    yield from ("", f"## {escape_markdown(sheet.title)}")
    for warning in sheet.warnings:
        yield from ("", f"> **{escape_markdown(warning)}**")
    yield ""
    yield table_line(
        [
            "backbone",
            f"mean rank<br>{escape_markdown(sheet.rank_caption)}",
            "score",
            *(f"{escape_markdown(c.task)}<br>{escape_markdown(c.caption)}" for c in sheet.columns),
        ]
    )
    yield table_line(["---", *["---:"] * (len(sheet.columns) + 2)])
    for row in sheet.rows:
        yield table_line(
            [escape_markdown(row.backbone), row.mean_rank, row.score, *map(score_markdown, row.cells)]
        )
    yield ""
    yield from (f"- {escape_markdown(note)}" for note in sheet.notes)


def table_line(cells: Iterable[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"


def score_markdown(cell: ScoreText | None) -> str:
    """A cell, its mean in bold if it is the best."""
    if cell is None:
        return NOTHING
    return f"**{cell.mean}**{cell.rest}" if cell.best else str(cell)


def escape_markdown(text: str) -> str:
    """Text that shows as it is, whatever it holds."""
    return MARKDOWN_SPECIAL.sub(lambda match: "\\" + match[0], text)
