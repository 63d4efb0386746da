"""Tables in LaTeX, with booktabs: files NAME.tex to be read in with \\input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter

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
from reports.render.tables.fill import PaperCell
from reports.render.tables.wording import PaperTable, mean_and_rest, provenance_sections
from reports.wording import NOTHING

PROVENANCE = "provenance"


def table_files(tables: Sequence[PaperTable]) -> dict[str, str]:
    """The texts of the files, by name: a NAME.tex for each table, where its measured figures come from, a document."""
    by_name = {name: list(some) for name, some in groupby(tables, attrgetter("name"))}
    sections = provenance_sections(tables)
    return {
        **{f"{name}.tex": table_latex(some) for name, some in by_name.items()},
        **({f"{PROVENANCE}.tex": paragraphs(sections)} if sections else {}),
        "tables.tex": latex_document(by_name, PROVENANCE if sections else None),
    }


def table_latex(tables: Sequence[PaperTable]) -> str:
    """The text of NAME.tex: the same table in each condition."""
    return (
        NEEDS
        + "\n".join(line for one in tables for line in paper_environment(one))
        + "\n"
    )


def paper_environment(one: PaperTable) -> Iterator[str]:
    """The lines of a table environment."""
    return table_environment(
        table_label(one.name, one.condition),
        f"{one.title}, {one.beside}",
        one.warnings,
        "ll" + FIGURE_COLUMNS * len(one.headings),
        table_lines(one),
        one.notes,
    )


def table_lines(one: PaperTable) -> Iterator[str]:
    """The lines of its tabular."""
    width = 2 + 2 * len(one.headings)
    yield tabular_line(["", "", *(figure_heading(task) for task, _ in one.headings)])
    yield tabular_line(["", "source", *(figure_heading(below) for _, below in one.headings)])
    for caption, rows in one.groups:
        yield r"\midrule"
        yield rf"\multicolumn{{{width}}}{{l}}{{\emph{{{escape_latex(caption)}}}}} \\"
        for row in rows:
            yield tabular_line([escape_latex(row.name), row.source, *map(paper_cells, row.cells)])


def paper_cells(one: PaperCell | None) -> str:
    """A figure, the best of its group in bold, the best of all underlined."""
    if one is None:
        return figure_cells(escape_latex(NOTHING), "")
    mean, rest = mean_and_rest(one)
    mean = rf"\textbf{{{mean}}}" if one.best_in_group else mean
    mean = rf"\underline{{{mean}}}" if one.best else mean
    return figure_cells(mean, rest)
