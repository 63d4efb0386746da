"""Leaderboards and the tables of the paper in Markdown, as GitHub reads it.

pandas' `DataFrame.to_markdown` does not serve: it escapes nothing, and needs tabulate.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from reports.analysis.paper_cells import PaperCell
from reports.render.text.leaderboard_text import (
    LEADERBOARD_TITLE,
    NOTHING,
    LeaderboardText,
    ScoreText,
)
from reports.render.text.paper_text import TABLES_TITLE, PaperTable, closing_sections, mean_and_rest

# GitHub takes an underscore for emphasis, unless it stands within a word. It makes links of http://, www. and
# addresses with @.
MARKDOWN_SPECIAL = re.compile(
    r"[\\`*\[\]<>|~&#$@]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=\bwww)\.", re.IGNORECASE
)


def leaderboard_markdown(sheets: Sequence[LeaderboardText]) -> str:
    """The text of leaderboard.md."""
    lines = [f"# {LEADERBOARD_TITLE}"]
    for sheet in sheets:
        columns = [f"{escape(c.task)}<br>{escape(c.caption)}" for c in sheet.columns]
        lines += [
            *("", f"## {escape(sheet.title)}"),
            *_warnings(sheet.warnings),
            "",
            _line(["backbone", f"mean rank<br>{escape(sheet.rank_caption)}", "score", *columns]),
            _line(["---", *["---:"] * (len(columns) + 2)]),
        ]
        for row in sheet.rows:
            scores = map(_score, row.cells)
            lines.append(_line([escape(row.backbone), row.mean_rank, row.score, *scores]))
        lines += ["", *_items(sheet.notes)]
    return "\n".join(lines) + "\n"


def _score(score: ScoreText | None) -> str:
    """A score, its mean in bold if it is the best."""
    if score is None:
        return NOTHING
    return f"**{score.mean}**{score.rest}" if score.best else str(score)


def tables_markdown(tables: Sequence[PaperTable], missing: Sequence[str] = ()) -> str:
    """The text of tables.md: the tables, then `closing_sections`."""
    lines = [f"# {TABLES_TITLE}"]
    for table in tables:
        columns = [f"{escape(task)}<br>{escape(below)}" for task, below in table.headings]
        lines += [
            *("", f"## {escape(table.title)}", ""),
            f"{escape(table.name)}, {escape(table.beside)}",
            *_warnings(table.warnings),
            "",
            _line(["", "source", *columns]),
            _line(["---"] * (len(columns) + 2)),
        ]
        for caption, rows in table.groups:
            lines.append(_line([f"*{escape(caption)}*", *[""] * (len(columns) + 1)]))
            lines += [_line([escape(r.name), r.source, *map(_paper_cell, r.cells)]) for r in rows]
        lines += ["", *_items(table.notes)]
    for heading, sentences in closing_sections(tables, missing):
        lines += ["", f"## {escape(heading)}", "", *_items(sentences)]
    return "\n".join(lines) + "\n"


def _paper_cell(cell: PaperCell | None) -> str:
    """A figure, in bold if it is the best of its group, underlined if it is the best of all."""
    if cell is None:
        return NOTHING
    mean, rest = mean_and_rest(cell)
    mean = f"**{mean}**" if cell.best_in_group else mean
    mean = f"<ins>{mean}</ins>" if cell.best else mean
    return mean + rest


def _warnings(warnings: Iterable[str]) -> Iterator[str]:
    for warning in warnings:
        yield from ("", f"> **{escape(warning)}**")


def _items(sentences: Iterable[str]) -> Iterator[str]:
    return (f"- {escape(sentence)}" for sentence in sentences)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def escape(text: str) -> str:
    """Text that shows as it is, whatever it holds."""
    return MARKDOWN_SPECIAL.sub(lambda match: "\\" + match[0], text)
