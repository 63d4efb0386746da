"""What tables and leaderboards have in common in LaTeX: escaped text, tables, and a document that reads them in."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from reports.agreement import Condition

FIGURE_COLUMNS = "r@{}l"  # columns of a figure: its mean, and what follows it
PREAMBLE = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp}
\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
\usepackage[a4paper, landscape, margin=15mm]{geometry}
\usepackage{booktabs}
\usepackage{adjustbox}
\setlength{\belowcaptionskip}{5pt} % captions stand above
\extrafloats{1000}\maxdeadcycles=1000 % more tables than LaTeX keeps waiting by itself
\begin{document}
"""
NEEDS = r"""% For \input. Your document needs in its preamble:
% \usepackage{booktabs}
% \usepackage{adjustbox}
% \usepackage[T1]{fontenc}
"""
LATEX_SPECIAL = {
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


def latex_document(names: Iterable[str], provenance: str | None) -> str:
    """A document that reads in the files NAME.tex beside it, the tables first, then where they come from."""
    files = [*names, *([provenance] if provenance else [])]
    read = "\\clearpage\n".join(f"\\input{{{name}}}\n" for name in files)
    return f"{PREAMBLE}{read}\\end{{document}}\n"


def table_environment(
    label: str,
    caption: str,
    warnings: Sequence[str],
    columns: str,
    lines: Iterable[str],
    notes: Sequence[str],
) -> Iterator[str]:
    """The lines of a table environment, no wider than the text.

    Parameters
    ----------
    label : str
        For \\ref.
    caption : str
        And behind it, in bold, the warnings; text as it is to be read.
    columns : str
        As tabular takes them.
    lines : iterable of str
        Of the tabular, between its outer rules.
    notes : sequence of str
        Below it.
    """
    bold = "".join(rf" \textbf{{{escape_latex(warning)}}}" for warning in warnings)
    yield r"\begin{table}[tbp]"
    yield r"\centering"
    yield rf"\caption{{{escape_latex(caption)}.{bold}}}"
    yield rf"\label{{{label}}}"
    yield r"\begin{adjustbox}{max width=\linewidth, max totalheight=0.7\textheight}"
    yield rf"\begin{{tabular}}{{{columns}}}"
    yield r"\toprule"
    yield from lines
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield r"\end{adjustbox}"
    if notes:
        yield r"\par\smallskip\footnotesize\raggedright"
        yield " ".join(map(escape_latex, notes))
    yield r"\end{table}"


def paragraphs(sections: Iterable[tuple[str, Sequence[str]]]) -> str:
    """A file of paragraphs, each a heading and its sentences."""
    lines = [r"\begingroup\footnotesize\raggedright"]
    for title, sentences in sections:
        lines += [rf"\paragraph{{{escape_latex(title)}.}}", " ".join(map(escape_latex, sentences))]
    return "\n".join([*lines, r"\par\endgroup"]) + "\n"


def figure_cells(mean: str, rest: str) -> str:
    """The two cells of a figure.

    Parameters
    ----------
    mean : str
        As LaTeX takes it.
    rest : str
        Text; a space at its beginning, which a cell would lose, is kept.
    """
    space = "\\ " if rest.startswith(" ") else ""
    return f"{mean} & {space}{escape_latex(rest.lstrip(' '))}"


def figure_heading(text: str) -> str:
    """What stands above a figure's two columns."""
    return rf"\multicolumn{{2}}{{c}}{{{escape_latex(text)}}}"


def tabular_line(cells: Iterable[str]) -> str:
    """A line of a table."""
    return f"{' & '.join(cells)} \\\\"


def table_label(name: str, condition: Condition | None, *more: str) -> str:
    """What a table is called in \\ref: tab:NAME, and behind it what sets it apart from the paper's condition.

    Parameters
    ----------
    condition : Condition or None
        Of its measured figures; None: there are none.
    more : str
        Further words; one that LaTeX might not take is written as a piece of its checksum.
    """
    words = [name]
    if condition is not None:
        share = f"{100 * condition.label_fraction:g}pct"
        apart = (condition.data_source, condition.profile) != ("measured", "paper")
        words += [condition.data_source, condition.profile] if apart else []
        words += [share] if condition.label_fraction < 1 else []
        words += [condition.split] if condition.split != "published" else []
    return "tab:" + "-".join(map(safe_word, [*words, *more]))


def safe_word(word: str) -> str:
    """A word of a label: letters, digits, dots and underscores."""
    if re.fullmatch(r"[A-Za-z0-9_.]+", word):
        return word
    return hashlib.sha256(word.encode(errors="surrogatepass")).hexdigest()[:8]


def escape_latex(text: str) -> str:
    """Text that LaTeX sets as it is, whatever it holds."""
    return "".join(
        escape_character(one) + ("{}" if one + two in LIGATURES else "")
        for one, two in pairwise(text + " ")
    )


def escape_character(one: str) -> str:
    """A character as LaTeX takes it."""
    if one in LATEX_SPECIAL:
        return LATEX_SPECIAL[one]
    return one if KNOWN.match(one) else f"U+{ord(one):04X}"
