"""Tables in LaTeX, with booktabs: one to be read in with \\input, and a document of all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from reports.tables.fill import Cell
from reports.tables.wording import Table, mean_and_rest
from reports.wording import NOTHING

PREAMBLE = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp}
\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
\usepackage[a4paper, landscape, margin=15mm]{geometry}
\usepackage{booktabs}
\usepackage{adjustbox}
\begin{document}
"""
SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",  # behind \\ it would be part of the command
    "±": r"$\pm$",
    "−": r"$-$",
    "–": "--",
    "†": r"\textdagger{}",
    "‡": r"\textdaggerdbl{}",
}
LIGATURES = ("--", "-–", "–-", "––", ",,")  # which it would set as one other character
# What pdflatex cannot set stands as its number, such as U+6F22.
KNOWN = re.compile(r"[ -~¡-ÿĀ-ž]")


def document(names: Iterable[str]) -> str:
    """A document that reads in the files NAME.tex beside it."""
    return PREAMBLE + "".join(f"\\input{{{name}}}\n" for name in names) + "\\end{document}\n"


def render(tables: Sequence[Table]) -> str:
    """The text of NAME.tex: the same table of the paper in each setting."""
    return "\n".join(line for one in tables for line in environment(one)) + "\n"


def environment(table: Table) -> Iterator[str]:
    """The lines of a table environment."""
    width = len(table.headings)
    said = [table.title, table.beside]
    yield "% needs booktabs and adjustbox"
    yield r"\begin{table}[p]"
    yield r"\centering"
    yield rf"\caption{{{escape(', '.join(said))}.{warned(table)}}}"
    yield r"\begin{adjustbox}{max width=\linewidth, max totalheight=0.7\textheight}"
    yield rf"\begin{{tabular}}{{ll{'l' * width}}}"
    yield r"\toprule"
    yield line(["", "", *(escape(task) for task, _ in table.headings)])
    yield line(["", "source", *(escape(below) for _, below in table.headings)])
    for caption, rows in table.groups:
        yield r"\midrule"
        yield rf"\multicolumn{{{width + 2}}}{{l}}{{\emph{{{escape(caption)}}}}} \\"
        for row in rows:
            yield line([escape(row.name), row.source, *map(figure, row.cells)])
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield r"\end{adjustbox}"
    yield r"\par\smallskip\footnotesize\raggedright"
    yield " ".join(map(escape, table.notes))
    yield r"\end{table}"


def warned(table: Table) -> str:
    """The warnings, in bold, behind the caption."""
    return "".join(rf" \textbf{{{escape(warning)}}}" for warning in table.warnings)


def line(cells: Iterable[str]) -> str:
    """A line of a table."""
    return f"{' & '.join(cells)} \\\\"


def figure(cell: Cell | None) -> str:
    """A cell, the best of its group in bold, the best of all underlined."""
    if cell is None:
        return escape(NOTHING)
    mean, rest = mean_and_rest(cell)
    mean = rf"\textbf{{{mean}}}" if cell.best_in_group else mean
    mean = rf"\underline{{{mean}}}" if cell.best else mean
    return mean + escape(rest)


def escape(text: str) -> str:
    """Text that LaTeX sets as it is, whatever it holds."""
    return "".join(
        character(one) + ("{}" if one + two in LIGATURES else "")
        for one, two in pairwise(text + " ")
    )


def character(one: str) -> str:
    """A character as LaTeX takes it."""
    if one in SPECIAL:
        return SPECIAL[one]
    return one if KNOWN.match(one) else f"U+{ord(one):04X}"
