r"""Leaderboards and the tables of the paper in LaTeX: files to be read in with \input, and documents of them.

pandas' `Styler.to_latex` does not serve: it has no two-column cells, and it leaves ligatures, brackets behind a line's
end and letters that pdflatex cannot set as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise, zip_longest
from operator import attrgetter

from lvmmed_backbones.records import SUITE
from reports.analysis.leaderboard import Leaderboard
from reports.reading.consistency import Condition
from reports.render.files import checksum
from reports.render.text.leaderboard_text import (
    LEADERBOARD_TITLE,
    NOTHING,
    LeaderboardText,
    ScoreText,
    condition_title,
    provenance_by_condition,
    provenance_notes,
)
from reports.render.text.leads_text import BEST, LeadCell, LeadsText
from reports.render.text.leads_text import TITLE as LEADS_TITLE
from reports.render.text.leaked_text import HEADINGS, TEXTS
from reports.render.text.leaked_text import TITLE as LEAKED_TITLE
from reports.render.text.paper_text import PaperTable, provenance_sections

LEADERBOARD = "leaderboard"
WIDEST_BAND = 8  # tasks side by side on a page, in letters of its own size
SCORE_COLUMNS = "r@{}l"  # of the mean, and of what follows it
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
    "●": r"$\bullet$",
    "○": r"$\circ$",
}
LIGATURES = ("--", "-–", "–-", "––", ",,")  # LaTeX sets each as one other character
# pdflatex can set these; any other character stands as its number, such as U+6F22.
KNOWN = re.compile(r"[ -~¡-ÿĀ-ž]")


def leaderboard_files(
    sheets: Sequence[LeaderboardText], boards: Sequence[Leaderboard]
) -> dict[str, str]:
    """The texts of the files, by name.

    Parameters
    ----------
    sheets : sequence of LeaderboardText
        A text for each board; perhaps one more, of published figures.
    """
    lines: list[str] = []
    for sheet, board in zip_longest(sheets, boards):
        if board is None:
            label, at_the_end = table_label(f"{LEADERBOARD}_published", None), set()
        else:
            more = [*filter(None, [board.metric]), *(["unseen"] if board.unseen_cases else [])]
            label = table_label(LEADERBOARD, board.condition, *more)
            at_the_end = set(provenance_notes(board.records))
        notes = [note for note in sheet.notes if note not in at_the_end]
        lines += _leaderboard_lines(sheet, label, notes)
    of_conditions = provenance_by_condition((board.condition, board.records) for board in boards)
    sections = [
        (f"Where the figures come from: {condition_title(condition)}", notes)
        for condition, notes in of_conditions.items()
    ]
    return {
        f"{LEADERBOARD}.tex": NEEDS + "\n".join(lines) + "\n",
        f"{LEADERBOARD}_provenance.tex": _paragraphs(sections),
        f"{LEADERBOARD}_document.tex": _document([LEADERBOARD, f"{LEADERBOARD}_provenance"]),
    }


def _leaderboard_lines(sheet: LeaderboardText, label: str, notes: Sequence[str]) -> Iterator[str]:
    """The lines of a leaderboard: a table for each band of columns, the notes below the last table."""
    bands = column_bands(len(sheet.columns))
    several = len(bands) > 1
    lead = [("", ""), ("mean rank", escape(sheet.rank_caption)), ("score", "")]
    for number, band in enumerate(bands, start=1):
        part = f" (part {number} of {len(bands)})" if several else ""
        lines = [*_headings(lead, [sheet.columns[n] for n in band]), r"\midrule"]
        for row in sheet.rows:
            facts = map(escape, (row.backbone, row.mean_rank, row.score))
            lines.append(_line([*facts, *(_score_cells(row.cells[n]) for n in band)]))
        yield from _table(
            f"{label}-{number}" if several else label,
            f"{LEADERBOARD_TITLE}. {sheet.title}{part}",
            sheet.warnings,
            "lrr" + SCORE_COLUMNS * len(band),
            lines,
            notes if number == len(bands) else [],
        )
    if sheet.leaked:
        yield from _table(
            f"{label}-seen",
            f"{LEAKED_TITLE}. {sheet.title}",
            sheet.warnings,
            "l" * TEXTS + "r" * (len(HEADINGS) - TEXTS),
            [_line(HEADINGS), r"\midrule", *(_line(map(escape, r)) for r in sheet.leaked.rows)],
            sheet.leaked.notes,
        )
    if sheet.leads:
        yield from _leads_lines(sheet, sheet.leads, label)


def _leads_lines(sheet: LeaderboardText, leads: LeadsText, label: str) -> Iterator[str]:
    """The lines of how sure the best are: a table for each band of columns; notes alone if nothing is told."""
    if not leads.rows:
        yield from (r"\noindent{\footnotesize", *map(escape, (LEADS_TITLE, *leads.notes)), r"\par}")
        return
    bands = column_bands(len(leads.columns))
    for number, band in enumerate(bands, start=1):
        lines = [*_headings([("", "")], [leads.columns[n] for n in band]), r"\midrule"]
        for name, cells in leads.rows:
            lines.append(_line([escape(name), *(_lead_cells(cells[n]) for n in band)]))
        yield from _table(
            f"{label}-best-{number}" if len(bands) > 1 else f"{label}-best",
            f"{LEADS_TITLE} {sheet.title}",
            sheet.warnings,
            "l" + SCORE_COLUMNS * len(band),
            lines,
            leads.notes if number == len(bands) else [],
        )


def _lead_cells(cell: LeadCell | None) -> str:
    """The two cells of a backbone beside the best one: how it differs, and the interval."""
    if cell is None:
        return f"{escape(NOTHING)} & "
    verdict = rf"\textbf{{{cell.verdict}}}" if cell.verdict == BEST else escape(cell.verdict)
    return f"{verdict} & " + (rf"\ ({cell.interval})" if cell.interval else "")


def column_bands(count: int) -> list[range]:
    """Numbers of the columns of each band; the bands differ by one column at most."""
    parts = -(-count // WIDEST_BAND)
    ends = [round(count * part / parts) for part in range(parts + 1)]
    return [range(*pair) for pair in pairwise(ends)]


def _score_cells(score: ScoreText | None) -> str:
    """The two cells of a figure: the mean with its marks, and the rest; a space between them is kept."""
    if score is None:
        return f"{escape(NOTHING)} & "
    mean = rf"\textbf{{{score.mean}}}" if score.bold else score.mean
    mean = rf"\underline{{{mean}}}" if score.underlined else mean
    space = "\\ " if score.tail.startswith(" ") else ""
    return f"{mean} & {space}{escape(score.tail.lstrip(' '))}"


def table_files(tables: Sequence[PaperTable]) -> dict[str, str]:
    """The texts of the files, by name: NAME.tex for each table, the provenance of measured figures, a document."""
    files = {
        f"{name}.tex": table_latex(list(same)) for name, same in groupby(tables, attrgetter("name"))
    }
    if sections := provenance_sections(tables):
        files["provenance.tex"] = _paragraphs(sections)
    return files | {"tables.tex": _document(name.removesuffix(".tex") for name in files)}


def table_latex(tables: Sequence[PaperTable]) -> str:
    """The text of NAME.tex: the same table in each condition."""
    return NEEDS + "\n".join(line for table in tables for line in _paper_lines(table)) + "\n"


def _paper_lines(table: PaperTable) -> Iterator[str]:
    width = 2 + 2 * len(table.headings)
    lines = [*_headings([("", ""), ("", "source")], table.headings)]
    for caption, rows in table.groups:
        lines.append(r"\midrule")
        lines.append(rf"\multicolumn{{{width}}}{{l}}{{\emph{{{escape(caption)}}}}} \\")
        for row in rows:
            scores = map(_score_cells, table.texts(row))
            lines.append(_line([escape(row.name), row.source, *scores]))
    return _table(
        table_label(table.name, table.condition),
        f"{table.title}, {table.beside}",
        table.warnings,
        "ll" + SCORE_COLUMNS * len(table.headings),
        lines,
        table.notes,
    )


def _document(names: Iterable[str]) -> str:
    """A document that reads in the files NAME.tex beside it."""
    inputs = "\\clearpage\n".join(f"\\input{{{name}}}\n" for name in names)
    return f"{PREAMBLE}{inputs}\\end{{document}}\n"


def _table(
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
    caption : str
        Unescaped; the warnings stand behind it in bold.
    columns : str
        Columns as tabular takes them.
    lines : iterable of str
        Lines of the tabular, between its outer rules.
    notes : sequence of str
        Sentences below it, unescaped.
    """
    bold = "".join(rf" \textbf{{{escape(warning)}}}" for warning in warnings)
    yield r"\begin{table}[tbp]"
    yield r"\centering"
    yield rf"\caption{{{escape(caption)}.{bold}}}"
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
        yield " ".join(map(escape, notes))
    yield r"\end{table}"


def _headings(lead: Sequence[tuple[str, str]], columns: Sequence[tuple[str, str]]) -> Iterator[str]:
    """The two lines of headings: `lead` over single columns, in LaTeX; `columns` over those of scores, unescaped."""
    for level in (0, 1):
        scores = (rf"\multicolumn{{2}}{{c}}{{{escape(column[level])}}}" for column in columns)
        yield _line([*(text[level] for text in lead), *scores])


def _paragraphs(sections: Iterable[tuple[str, Sequence[str]]]) -> str:
    """A file of paragraphs, each a heading and its sentences."""
    lines = [r"\begingroup\footnotesize\raggedright"]
    for title, sentences in sections:
        lines += [rf"\paragraph{{{escape(title)}.}}", " ".join(map(escape, sentences))]
    return "\n".join([*lines, r"\par\endgroup"]) + "\n"


def _line(cells: Iterable[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def table_label(name: str, condition: Condition | None, *more: str) -> str:
    """The name of a table for \\ref: tab:NAME, and behind it what sets it apart.

    Measured on real images, of profile paper, the suite's recipe, all labels, the published split and no override go
    unsaid.

    Parameters
    ----------
    condition : Condition or None
        Condition of the measured figures; None: there are none.
    more : str
        Further words. A piece of its checksum stands for a word that LaTeX may not take.
    """
    words = [name]
    if condition is not None:
        share = f"{100 * condition.label_fraction:g}pct"
        apart = (condition.data_source, condition.profile) != ("measured", "paper")
        words += [condition.data_source, condition.profile] if apart else []
        words += [condition.recipe] if condition.recipe != SUITE else []
        words += [share] if condition.label_fraction < 1 else []
        words += [condition.split] if condition.split != "published" else []
        words += [condition.overrides] if condition.overrides else []
    safe = (w if re.fullmatch(r"[A-Za-z0-9_.]+", w) else checksum(w) for w in [*words, *more])
    return "tab:" + "-".join(safe)


def escape(text: str) -> str:
    """Text that LaTeX sets as it is, whatever it holds."""
    return "".join(
        _escape_character(character) + ("{}" if character + following in LIGATURES else "")
        for character, following in pairwise(text + " ")
    )


def _escape_character(character: str) -> str:
    if character in LATEX_SPECIAL:
        return LATEX_SPECIAL[character]
    return character if KNOWN.match(character) else f"U+{ord(character):04X}"
