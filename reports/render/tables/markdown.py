"""Tables in Markdown, as GitHub reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reports.markdown import escape_markdown, table_line
from reports.render.tables.fill import PaperCell
from reports.render.tables.wording import TABLES_TITLE, PaperTable, closing_sections, mean_and_rest
from reports.wording import NOTHING


def tables_markdown(tables: Sequence[PaperTable], missing: Sequence[str] = ()) -> str:
    """The text of tables.md: the tables, then `ending`."""
    lines = [line for one in tables for line in table_section(one)]
    for heading, sentences in closing_sections(tables, missing):
        lines += ["", f"## {escape_markdown(heading)}", "", *(f"- {escape_markdown(one)}" for one in sentences)]
    return "\n".join([f"# {TABLES_TITLE}", *lines]) + "\n"


def table_section(table: PaperTable) -> Iterator[str]:
    """The lines of a table."""
    yield from ("", f"## {escape_markdown(table.title)}", "")
    yield f"{escape_markdown(table.name)}, {escape_markdown(table.beside)}"
    for warning in table.warnings:
        yield from ("", f"> **{escape_markdown(warning)}**")
    yield ""
    yield table_line(["", "source", *(f"{escape_markdown(a)}<br>{escape_markdown(b)}" for a, b in table.headings)])
    yield table_line(["---", "---", *["---"] * len(table.headings)])
    for caption, rows in table.groups:
        yield table_line([f"*{escape_markdown(caption)}*", *[""] * (len(table.headings) + 1)])
        for row in rows:
            yield table_line([escape_markdown(row.name), row.source, *map(cell_markdown, row.cells)])
    yield ""
    yield from (f"- {escape_markdown(note)}" for note in table.notes)


def cell_markdown(cell: PaperCell | None) -> str:
    """A cell, the best of its group in bold, the best of all underlined."""
    if cell is None:
        return NOTHING
    mean, rest = mean_and_rest(cell)
    mean = f"**{mean}**" if cell.best_in_group else mean
    mean = f"<ins>{mean}</ins>" if cell.best else mean
    return mean + rest
