"""Tables in Markdown, as GitHub reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reports.markdown import escape, line
from reports.render.tables.fill import Cell
from reports.render.tables.wording import TITLE, Table, ending, mean_and_rest
from reports.wording import NOTHING


def render(tables: Sequence[Table], missing: Sequence[str] = ()) -> str:
    """The text of tables.md: the tables, then `ending`."""
    lines = [line for one in tables for line in section(one)]
    for heading, sentences in ending(tables, missing):
        lines += ["", f"## {escape(heading)}", "", *(f"- {escape(one)}" for one in sentences)]
    return "\n".join([f"# {TITLE}", *lines]) + "\n"


def section(table: Table) -> Iterator[str]:
    """The lines of a table."""
    yield from ("", f"## {escape(table.title)}", "")
    yield f"{escape(table.name)}, {escape(table.beside)}"
    for warning in table.warnings:
        yield from ("", f"> **{escape(warning)}**")
    yield ""
    yield line(["", "source", *(f"{escape(a)}<br>{escape(b)}" for a, b in table.headings)])
    yield line(["---", "---", *["---"] * len(table.headings)])
    for caption, rows in table.groups:
        yield line([f"*{escape(caption)}*", *[""] * (len(table.headings) + 1)])
        for row in rows:
            yield line([escape(row.name), row.source, *map(figure, row.cells)])
    yield ""
    yield from (f"- {escape(note)}" for note in table.notes)


def figure(cell: Cell | None) -> str:
    """A cell, the best of its group in bold, the best of all underlined."""
    if cell is None:
        return NOTHING
    mean, rest = mean_and_rest(cell)
    mean = f"**{mean}**" if cell.best_in_group else mean
    mean = f"<ins>{mean}</ins>" if cell.best else mean
    return mean + rest
