"""Leaderboards and the tables of the paper in Markdown, as GitHub reads it.

pandas' `DataFrame.to_markdown` does not serve: it escapes nothing, and needs tabulate.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from reports.render.text.leaderboard_text import (
    LEADERBOARD_TITLE,
    NOTHING,
    LeaderboardText,
    ScoreText,
)
from reports.render.text.leads_text import BEST, LeadCell, LeadsText
from reports.render.text.leads_text import TITLE as LEADS_TITLE
from reports.render.text.leaked_text import HEADINGS, TEXTS, LeakedText
from reports.render.text.leaked_text import TITLE as LEAKED_TITLE
from reports.render.text.paper_text import TABLES_TITLE, PaperTable, closing_sections

# GitHub takes an underscore for emphasis, unless it stands within a word. It makes links of http://, www. and
# addresses with @.
MARKDOWN_SPECIAL = re.compile(
    r"[\\`*\[\]<>|~&#$@]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=\bwww)\.", re.IGNORECASE
)


def leaderboard_markdown(sheets: Sequence[LeaderboardText]) -> str:
    """The text of leaderboard.md."""
    lines = [f"# {LEADERBOARD_TITLE}"]
    for sheet in sheets:
        columns = [f"{escape(task)}<br>{escape(below)}" for task, below in sheet.columns]
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
        lines += ["", *_items(sheet.notes), *_leaked(sheet.leaked), *_leads(sheet.leads)]
    return "\n".join(lines) + "\n"


def _leaked(leaked: LeakedText | None) -> Iterator[str]:
    """The section of scores without the test images that were seen."""
    if leaked is None:
        return
    yield from ("", f"### {LEAKED_TITLE}", "", _line(HEADINGS))
    yield _line(["---" if n < TEXTS else "---:" for n in range(len(HEADINGS))])
    yield from (_line(map(escape, row)) for row in leaked.rows)
    yield from ("", *_items(leaked.notes))


def _leads(leads: LeadsText | None) -> Iterator[str]:
    """The section of how sure the best are."""
    if leads is None:
        return
    yield from ("", f"### {LEADS_TITLE}", "")
    if leads.rows:
        columns = [f"{escape(task)}<br>{escape(below)}" for task, below in leads.columns]
        yield _line(["backbone", *columns])
        yield _line(["---", *["---:"] * len(columns)])
        for name, cells in leads.rows:
            yield _line([escape(name), *map(_lead, cells)])
        yield ""
    yield from _items(leads.notes)


def _lead(cell: LeadCell | None) -> str:
    if cell is None:
        return NOTHING
    verdict = f"**{cell.verdict}**" if cell.verdict == BEST else cell.verdict
    return f"{verdict}<br>{cell.interval}" if cell.interval else verdict


def _score(score: ScoreText | None) -> str:
    """A figure with the marks of its mean."""
    if score is None:
        return NOTHING
    mean = f"**{score.mean}**" if score.bold else score.mean
    mean = f"<ins>{mean}</ins>" if score.underlined else mean
    return mean + score.tail


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
            for row in rows:
                scores = map(_score, table.texts(row))
                lines.append(_line([escape(row.name), row.source, *scores]))
        lines += ["", *_items(table.notes)]
    for heading, sentences in closing_sections(tables, missing):
        lines += ["", f"## {escape(heading)}", "", *_items(sentences)]
    return "\n".join(lines) + "\n"


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
