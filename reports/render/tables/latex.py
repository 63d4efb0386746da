"""Tables in LaTeX, with booktabs: files NAME.tex to be read in with \\input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter

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
from reports.render.tables.fill import Cell
from reports.render.tables.wording import Table, mean_and_rest, origins
from reports.wording import NOTHING

PROVENANCE = "provenance"


def files(tables: Sequence[Table]) -> dict[str, str]:
    """The texts of the files, by name: a NAME.tex for each table, where its measured figures come from, a document."""
    by_name = {name: list(some) for name, some in groupby(tables, attrgetter("name"))}
    sections = origins(tables)
    return {
        **{f"{name}.tex": render(some) for name, some in by_name.items()},
        **({f"{PROVENANCE}.tex": paragraphs(sections)} if sections else {}),
        "tables.tex": document(by_name, PROVENANCE if sections else None),
    }


def render(tables: Sequence[Table]) -> str:
    """The text of NAME.tex: the same table in each setting."""
    return NEEDS + "\n".join(line for one in tables for line in environment(one)) + "\n"


def environment(one: Table) -> Iterator[str]:
    """The lines of a table environment."""
    return table(
        label(one.name, one.setting),
        f"{one.title}, {one.beside}",
        one.warnings,
        "ll" + FIGURE * len(one.headings),
        lines(one),
        one.notes,
    )


def lines(one: Table) -> Iterator[str]:
    """The lines of its tabular."""
    width = 2 + 2 * len(one.headings)
    yield line(["", "", *(heading(task) for task, _ in one.headings)])
    yield line(["", "source", *(heading(below) for _, below in one.headings)])
    for caption, rows in one.groups:
        yield r"\midrule"
        yield rf"\multicolumn{{{width}}}{{l}}{{\emph{{{escape(caption)}}}}} \\"
        for row in rows:
            yield line([escape(row.name), row.source, *map(cell, row.cells)])


def cell(one: Cell | None) -> str:
    """A figure, the best of its group in bold, the best of all underlined."""
    if one is None:
        return figure(escape(NOTHING), "")
    mean, rest = mean_and_rest(one)
    mean = rf"\textbf{{{mean}}}" if one.best_in_group else mean
    mean = rf"\underline{{{mean}}}" if one.best else mean
    return figure(mean, rest)
