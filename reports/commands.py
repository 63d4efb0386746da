"""The functions behind `python -m reports`: each has the name and the arguments of a verb.

Each function reads the records of a folder of results that pass the filters and are consistent, and returns what it
made, with a sentence for each problem: records that were left out, figures that cannot be drawn. The first paragraphs
of its docstring are the verb's help. pandas and scipy take a second to import, so a wrong folder is refused before.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.records import StoredRecord, nfc, read
from reports.reading.consistency import (
    Condition,
    by_condition,
    consistent_records,
    single_networks,
)
from reports.reading.selection import Filters, select_records

if TYPE_CHECKING:
    import pandas as pd

    from reports.analysis.compare import Comparison
    from reports.analysis.leaderboard import Leaderboard
    from reports.analysis.leads import Lead
    from reports.analysis.leaked import LeakedScore
    from reports.reading.foreign.rows import Origin
    from reports.reading.scores import Scores
    from reports.reading.seen import Cell, Seen
    from reports.render.text.leaderboard_text import LeaderboardText
    from reports.render.text.paper_text import PaperTable

REPAIR = "no record is left to report, so nothing was written. Repair those above."


class NothingLeft(ValueError):
    """No record can be reported.

    Attributes
    ----------
    problems : sequence of str
        A sentence for each reason.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


@dataclass(frozen=True)
class LeaderboardReport:
    """What `leaderboard` made.

    Attributes
    ----------
    boards : list of Leaderboard
        A board for each condition, and for each metric that was asked for.
    leads : list of list of Lead
        For each board, the best backbone of each task against each other one.
    leaked : list of list of LeakedScore
        For each board, the scores of backbones that saw test images, with and without these.
    cells : DataFrame
        Every figure of all boards, exact, a row each; published figures, too.
    sheets : list of LeaderboardText
        The boards in words, as they are printed.
    files : list of Path
        Files that were written.
    notes : list of str
        A sentence for each thing that was asked for and does not exist, and for each audit that fits no record.
    problems : list of str
        A sentence for each record that was left out.
    """

    boards: list[Leaderboard]
    leads: list[list[Lead]]
    leaked: list[list[LeakedScore]]
    cells: pd.DataFrame
    sheets: list[LeaderboardText]
    files: list[Path]
    notes: list[str]
    problems: list[str]


@dataclass(frozen=True)
class TablesReport:
    """What `tables` made.

    Attributes
    ----------
    tables : list of PaperTable
        Tables in the order of the paper, each in every condition.
    text : str
        The tables in Markdown.
    files : list of Path
        Files that were written.
    notes : list of str
        A sentence for each task that no table shows, each row without a figure, and each audit that fits no record.
    problems : list of str
        A sentence for each record that was left out.
    """

    tables: list[PaperTable]
    text: str
    files: list[Path]
    notes: list[str]
    problems: list[str]


@dataclass(frozen=True)
class CompareReport:
    """What `compare` found.

    Attributes
    ----------
    comparisons : list of (Condition or Origin, Comparison)
        The comparison of each condition under which both backbones have a task in common; of scores of other tools
        there is one.
    notes : list of str
        A sentence for each choice that was made among scores of other tools, and for each audit that fits no record.
    problems : list of str
        A sentence for each record or score that was left out, and one if there is no such condition.
    """

    comparisons: list[tuple[Condition | Origin, Comparison]]
    notes: list[str]
    problems: list[str]


@dataclass(frozen=True)
class FiguresReport:
    """What `figures` drew.

    Attributes
    ----------
    files : list of Path
        Files that were written: an SVG and a PNG of each figure.
    not_drawn : list of str
        A sentence for each figure with too little data.
    problems : list of str
        A sentence for each record that was left out, and each figure that cannot be drawn.
    """

    files: list[Path]
    not_drawn: list[str]
    problems: list[str]


@dataclass(frozen=True)
class SiteReport:
    """What `site` wrote.

    Attributes
    ----------
    index : Path
        The page to open.
    notes : list of str
        A sentence for each audit that fits no record.
    problems : list of str
        A sentence for each record that was left out, and each thing that could not be shown.
    """

    index: Path
    notes: list[str]
    problems: list[str]


def leaderboard(
    results: str | Path,
    *,
    out: str | Path | None = None,
    metric: Sequence[str] | None = None,
    by: Literal["rank", "score"] = "rank",
    without_leaked: bool = False,
    published: bool = False,
    latex: bool = False,
    **filters: Unpack[Filters],
) -> LeaderboardReport:
    """Write the leaderboard of a folder of results.

    It has a row per backbone and a column per task, by mean rank or by normalised score over the tasks that all have;
    `--task NAME` chooses one task. Below it stands how sure the best of each task is. It is written as Markdown and
    CSV, and with `--latex` in LaTeX. Records that cannot be used are named as problems; the others are reported all
    the same.

    Parameters
    ----------
    results : str or Path
        Folder of runs; any record.json in it is read.
    out : str, Path, optional
        Folder to write to; None: RESULTS/leaderboard.
    metric : sequence of str, optional
        A board for each of these, such as 'dice' and 'accuracy'; None: one board, each task in its headline metric.
    by : {"rank", "score"}
        Order of the rows.
    without_leaked : bool
        Rank on the test cases that no backbone of the board is known to have seen in its pretraining. A task whose
        headline is no mean of cases is left out if its test images were seen.
    published : bool
        Add the paper's own figures of these tasks, in a table of their own.
    latex : bool
        Write leaderboard.tex, too, and leaderboard_document.tex, which reads it in.
    filters : Unpack[Filters]
        Which records to use (`reports.reading.selection.Filters`).

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no record in it.
    NothingLeft
        If no record can be reported.
    ValueError
        If there is no such order.
    OSError
        If the files cannot be written.
    """
    if by not in ("rank", "score"):
        raise ValueError(f"--by {by}: choose from rank, score")
    records, problems, every = load(results, filters)

    import pandas as pd

    from reports.analysis.leaderboard import in_metric, leaderboards, long_table, published_cells
    from reports.analysis.leads import leads as find_leads
    from reports.analysis.leaked import Kept, leaked_scores, on_unseen_cases
    from reports.published import read as read_published
    from reports.render.files import as_csv, write_texts
    from reports.render.text.latex import leaderboard_files
    from reports.render.text.leaderboard_text import leaderboard_text, published_text
    from reports.render.text.leads_text import leads_text
    from reports.render.text.leaked_text import leaked_text
    from reports.render.text.markdown import leaderboard_markdown

    seen, notes = _what_was_seen(results, records, every, problems)
    boards, leads, leaked, sheets = [], [], [], []
    for name in metric or (None,):
        try:
            headed, undefined = in_metric(records, name) if name else (records, [])
        except ValueError as error:
            raise NothingLeft([*problems, str(error)]) from error
        problems += undefined
        kept = on_unseen_cases(headed, seen) if without_leaked else Kept(headed, {}, seen, {})
        notes += [plain(note) for same in kept.notes.values() for note in same]
        as_read = {record.path: record for record in headed}
        for board in leaderboards(kept.records, by, name, kept.seen, without_leaked):
            runs = [as_read[record.path] for record in board.records]
            found, unsound = find_leads(runs, kept.left_out)
            without, spoilt = leaked_scores(runs, board.seen)
            problems += [*unsound, *(p for p in spoilt if p not in unsound)]
            boards.append(board)
            leads.append(found)
            leaked.append(without)
            texts_below = leads_text(board, found), leaked_text(without)
            more = kept.notes.get(board.condition, [])
            sheets.append(leaderboard_text(board, *texts_below, more))
    if not boards:
        raise NothingLeft([*problems, *notes, "no task is left to rank without leaked cases."])
    cells = long_table(boards, leads, leaked)
    if published:
        of_paper = published_cells(read_published(), [r for board in boards for r in board.records])
        if len(of_paper):
            sheets.append(published_text(of_paper))
            cells = pd.concat([cells, of_paper], ignore_index=True)
        else:
            notes.append("the paper has no figures of these tasks")
    texts = {"leaderboard.md": leaderboard_markdown(sheets), "leaderboard.csv": as_csv(cells)}
    texts |= leaderboard_files(sheets, boards) if latex else {}
    files = write_texts(_destination(results, out, "leaderboard"), texts)
    return LeaderboardReport(boards, leads, leaked, cells, sheets, files, notes, problems)


def tables(
    results: str | Path | None = None,
    *,
    out: str | Path | None = None,
    table: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    rows: Sequence[str] | None = None,
    **filters: Unpack[Filters],
) -> TablesReport:
    """Fill the tables of the paper.

    They show the published figures, and beside them those of a folder of results, as LaTeX, Markdown, CSV and HTML.
    Tasks that fit no column are named in notes. Records that cannot be used are named as problems; the others are
    reported all the same.

    Parameters
    ----------
    results : str, Path, optional
        Folder of runs; None: published figures alone.
    out : str, Path, optional
        Folder to write LaTeX, Markdown, CSV and HTML to; None: RESULTS/tables, and nothing without results.
    table : sequence of str, optional
        Names of tables, such as 'table2'; None: all.
    columns : sequence of str, optional
        Instead of the paper's tables one of these columns, in this order: tasks of the records, or data sets of the
        paper; 'TASK:PROTOCOL' for one protocol.
    rows : sequence of str, optional
        The rows to show, in this order: backbones of the records, or rows of the paper; None: all.
    filters : Unpack[Filters]
        Which records to use (`reports.reading.selection.Filters`).

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no record in it.
    NothingLeft
        If no record can be reported.
    ValueError
        If there is no table, column or row of a name; the message lists the names.
    OSError
        If the files cannot be written.
    """
    records, problems, every = load(results, filters) if results else ([], [], [])

    from reports import published
    from reports.analysis.paper_frames import check_rows, choose_frames
    from reports.render.files import write_texts
    from reports.render.text.latex import table_files
    from reports.render.text.markdown import tables_markdown
    from reports.render.text.paper_files import tables_csv, tables_page
    from reports.render.text.paper_text import collect_tables

    figures, rows = published.read(), rows or []
    check_rows(rows, figures, records)
    frames = choose_frames(table, columns, figures, records)
    seen, notes = _what_was_seen(results, records, every, problems) if results else ({}, [])
    collected = collect_tables(frames, records, rows, seen)
    text, files = tables_markdown(collected.tables, collected.notes), []
    if out or results:
        texts = {
            **table_files(collected.tables),
            "tables.md": text,
            "tables.csv": tables_csv(collected.tables),
            "tables.html": tables_page(collected.tables, collected.notes),
        }
        files = write_texts(_destination(results, out, "tables"), texts)
    problems += collected.problems
    notes += collected.notes
    return TablesReport(collected.tables, text, files, notes, list(dict.fromkeys(problems)))


def compare(
    results: str | Path,
    a: str,
    b: str,
    *,
    metric: str | None = None,
    percent: bool = False,
    **filters: Unpack[Filters],
) -> CompareReport:
    """Say on which tasks one backbone is better than another, by how much and how sure.

    RESULTS is a folder of runs; or scores of other tools, a file or a folder of them: a CSV with the columns backbone,
    task, seed, case, metric and value, or results of eva, THUNDER or MTEB. There is a comparison for each condition:
    measured and phantom figures, profiles and shares of labels are never mixed. docs/statistics.md explains every
    figure. Records and scores that cannot be used are named as problems; the others are compared all the same.

    Parameters
    ----------
    results : str or Path
        Folder of runs, any record.json in it is read; or scores of other tools.
    a, b : str
        Names of the backbones.
    metric : str, optional
        The metric to compare in; None: each task in its headline metric.
    percent : bool
        Whether all scores of another tool are percent, even those of 1 and less.
    filters : Unpack[Filters]
        Which records to use (`reports.reading.selection.Filters`); scores of other tools have a task and a protocol
        alone.

    Raises
    ------
    FileNotFoundError
        If there is no such folder or file, or no record in it.
    NothingLeft
        If nothing can be compared, or a backbone has no scores; the message suggests a name.
    ValueError
        If a file is of no known format, or an option does not fit the results.
    """
    from reports.reading.foreign.files import is_foreign

    a, b = nfc(a), nfc(b)
    if is_foreign(Path(results)):
        return _compare_foreign(Path(results), a, b, metric, percent, filters)
    if percent:
        raise ValueError("--percent is of scores of other tools: records have fractions.")
    records, problems, every = load(results, filters)
    try:
        _check_names(a, b, {record.backbone.name for record in records})
        if metric:
            from reports.analysis.leaderboard import in_metric

            records, undefined = in_metric(records, metric)
            problems += undefined
    except ValueError as error:
        raise NothingLeft([*problems, str(error)]) from error

    from reports.reading.scores import read_sound_scores

    records = [run for run in records if run.backbone.name in (a, b)]
    seen, notes = _what_was_seen(results, records, every, problems)
    comparisons: list[tuple[Condition | Origin, Comparison]] = []
    for condition, runs in by_condition(records):
        scores, unsound = read_sound_scores(runs)
        scores.sort(key=lambda s: (s.task, s.protocol))  # records come by checksums
        problems += [problem for problem in unsound if problem not in problems]
        of_a, of_b = ([s for s in scores if s.backbone == name] for name in (a, b))
        here = {cell[1:]: one for cell, one in seen.items() if cell.condition == condition}
        comparison = _compared(of_a, of_b, single_networks(runs), problems, here)
        if comparison:
            comparisons.append((condition, comparison))
    if not comparisons:
        problems.append(f"{a} and {b} have no task in common under any condition.")
    return CompareReport(comparisons, notes, problems)


def _compare_foreign(
    results: Path, a: str, b: str, metric: str | None, percent: bool, filters: Filters
) -> CompareReport:
    """Compare two backbones by scores of other tools."""
    from reports.reading.foreign.files import read_rows, select_rows
    from reports.reading.foreign.gathering import gather, say_seeds
    from reports.reading.foreign.rows import Origin

    found = read_rows(results)
    problems = found.problems
    try:
        rows = select_rows(found.rows, filters)
        _check_names(a, b, {row.backbone for row in rows})
    except ValueError as error:
        raise NothingLeft([*problems, str(error)]) from error
    rows = [row for row in rows if row.backbone in (a, b)]
    gathered = gather(rows, metric, percent)
    problems += gathered.problems
    of_a, of_b = ([s for s in gathered.scores if s.backbone == name] for name in (a, b))
    notes = [*found.notes, *gathered.notes, *say_seeds(of_a, of_b)]
    # A tool runs one checkpoint; whoever makes a CSV may have several pretrainings.
    networks = sorted({row.backbone for row in rows if row.source.preferred})
    comparison = _compared(of_a, of_b, networks, problems)
    if not comparison:
        problems.append(f"{a} and {b} have no task in common.")
        return CompareReport([], notes, problems)
    origin = Origin(tuple(sorted({row.source.format for row in rows})))
    return CompareReport([(origin, comparison)], notes, problems)


def _compared(
    a: list[Scores],
    b: list[Scores],
    one_network: Sequence[str],
    problems: list[str],
    seen: Mapping[tuple[str, str, str], Seen] | None = None,
) -> Comparison | None:
    """The comparison on the tasks that both have; None if there is none. Tasks without a common case are named."""
    from reports.analysis.compare import compare as compared
    from reports.analysis.compare import task_label
    from reports.statistics.pairs import comparable

    of_b = {(s.task, s.protocol): s for s in b}
    apart = set()
    for one in a:
        other = of_b.get((one.task, one.protocol))
        if other and comparable([one, other], [(0, 1)])[1]:
            apart.add((one.task, one.protocol))
            problems.append(
                f"{task_label(one.task, one.protocol)}: {one.backbone} and {other.backbone} have no case "
                "in common, left out."
            )
    a, b = ([s for s in scores if (s.task, s.protocol) not in apart] for scores in (a, b))
    if not {(s.task, s.protocol) for s in a} & {(s.task, s.protocol) for s in b}:
        return None
    return compared(a, b, one_network=one_network, seen=seen or {})


def figures(
    results: str | Path,
    *,
    out: str | Path | None = None,
    kind: Sequence[str] | None = None,
    pretraining: Sequence[str | Path] = (),
    **filters: Unpack[Filters],
) -> FiguresReport:
    """Draw the figures that a folder of results gives.

    These are scores with intervals, scores of cases, ranks, label efficiency, cost and, with --pretraining, the curves
    of pretraining; each as SVG and PNG. Galleries, one for each backbone on each task, are drawn with --kind gallery.
    Figures with too little data are named, with the reason. Records that cannot be used are named as problems; the
    others are drawn all the same.

    Parameters
    ----------
    results : str or Path
        Folder of runs; any record.json in it is read.
    out : str, Path, optional
        Folder to write to; None: RESULTS/figures.
    kind : sequence of str, optional
        Kinds of figures, of `reports.render.figures.KINDS`; None: all but gallery.
    pretraining : sequence of str or Path
        Work folders of pretraining runs, whose curves are drawn, too.
    filters : Unpack[Filters]
        Which records to use (`reports.reading.selection.Filters`).

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no record in it.
    NothingLeft
        If no record can be reported.
    ValueError
        If there is no such kind.
    OSError
        If the files cannot be written.
    """
    from reports.render.figures import KINDS, USUAL

    if unknown := set(kind or ()) - set(KINDS):
        raise ValueError(f"--kind {min(unknown)}: choose from {', '.join(KINDS)}")
    records, problems, _ = load(results, filters)

    from tqdm import tqdm

    from reports.reading.gallery import has_gallery
    from reports.render.figures.plan import first_seeds, plan_figures
    from reports.render.figures.style import save_figure
    from reports.render.text.leaderboard_text import plural

    plan = plan_figures(records, [Path(run) for run in pretraining], kind or USUAL)
    problems += plan.problems
    if not kind and (galleries := sum(map(has_gallery, first_seeds(records)))):
        number = plural(galleries, "run")
        plan.missing.append(f"galleries of {number}: `--kind gallery` draws them.")
    files = []
    # disable=None: no bar where stderr is no terminal.
    for figure in tqdm(plan.figures, desc="figures", unit="figure", leave=False, disable=None):
        folder, _, name = figure.name.rpartition("/")
        destination = _destination(results, out, "figures", folder)
        try:
            files += save_figure(figure.draw(), destination / name)
        except (FileNotFoundError, ValueError) as error:
            problems.append(f"{figure.name} is not drawn: {error}")
    return FiguresReport(files, plan.missing, problems)


def site(
    results: str | Path,
    *,
    out: str | Path,
    pretraining: Sequence[str | Path] = (),
    **filters: Unpack[Filters],
) -> SiteReport:
    """Write the site: leaderboards, a page per task and backbone, comparisons.

    The pages are static and work from a disk and without a network. Records that cannot be used are named as problems;
    the others are shown all the same.

    Parameters
    ----------
    results : str or Path
        Folder of runs; any record.json in it is read.
    out : str or Path
        Folder to write; one that this function made is replaced as a whole.
    pretraining : sequence of str or Path
        Work folders of pretraining runs, whose curves are shown, too.
    filters : Unpack[Filters]
        Which records to use (`reports.reading.selection.Filters`).

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no record in it.
    FileExistsError
        If something else lies at `out`.
    NothingLeft
        If no record can be reported.
    OSError
        If it cannot be written.
    """
    records, problems, every = load(results, filters)

    from tqdm import tqdm

    from reports.render.site.build import build_site
    from reports.render.site.files import SiteFolder, replacing_site

    seen, notes = _what_was_seen(results, records, every, problems)
    out = Path(out)
    # disable=None: no bar where stderr is no terminal.
    progress = partial(tqdm, leave=False, disable=None)
    with replacing_site(out) as folder:
        files = SiteFolder(folder, progress, problems)
        build_site(records, [Path(run) for run in pretraining], files, seen)
    return SiteReport(out / "index.html", notes, list(dict.fromkeys(problems)))


def load(
    results: str | Path,
    filters: Filters,
    choose: Callable[
        [Sequence[StoredRecord]], tuple[list[StoredRecord], list[str]]
    ] = consistent_records,
) -> tuple[list[StoredRecord], list[str], list[StoredRecord]]:
    """The records of `results` that pass the filters and are consistent.

    Parameters
    ----------
    choose : callable
        Takes records and returns those that can stand together, and a sentence for each contradiction.

    Returns
    -------
    (list of StoredRecord, list of str, list of StoredRecord)
        The records, at least one; a sentence for each problem: files that are no sound records, records that
        contradict each other; and all sound records.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no record in it.
    Refused
        If it is a file.
    NothingLeft
        If no record is left.
    """
    from tqdm import tqdm

    if os.path.isfile(results):
        raise Refused(results, "is a file, no folder of runs", "`compare` reads scores in a file")
    bar = partial(tqdm, desc="reading", unit=" records", disable=None, delay=1, leave=False)
    every, problems = read(Path(results), bar)
    records: list[StoredRecord] = []
    if every:
        try:
            records, contradictions = choose(select_records(every, filters))
        except ValueError as error:
            raise NothingLeft([*problems, str(error)]) from error
        problems += contradictions
    if not records:
        raise NothingLeft([*problems, f"{results}: {REPAIR}"])
    return records, problems, every


def _what_was_seen(
    results: str | Path,
    records: Sequence[StoredRecord],
    every: Sequence[StoredRecord],
    problems: list[str],
) -> tuple[dict[Cell, Seen], list[str]]:
    """What the backbones of some records have seen, and a sentence for each audit that fits no record.

    Audits that are not sound become problems. `every` are all records of the results.
    """
    from reports.reading.seen import collect_audits, find_seen

    audits = collect_audits(Path(results), every)
    seen, unread, misfits = find_seen(records, audits.audits)
    problems += [*audits.problems, *unread]
    return seen, [*audits.notes, *misfits]


def _destination(results: str | Path | None, out: str | Path | None, *parts: str) -> Path:
    """The folder to write to: `out`, else a folder of the results, which may be somebody else's.

    Parameters
    ----------
    parts : str
        Name of the folder in the results, then names of folders in it.

    Raises
    ------
    Refused
        If a link in the results leads elsewhere.
    """
    if out:
        return Path(out).joinpath(*parts[1:])
    folder = Path(results or "").joinpath(*parts)
    if not Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(results or "")):
        raise Refused(folder, f"leads out of {results}", "Name a folder with --out")
    return folder


def _check_names(a: str, b: str, backbones: set[str]) -> None:
    """Check that both are among the backbones.

    Raises
    ------
    ValueError
        If one is not; the message lists the backbones and suggests one.
    """
    names = sorted(backbones)
    for name in (a, b):
        if name not in names:
            meant = difflib.get_close_matches(name, names, n=1)
            hint = f" Did you mean {meant[0]}?" if meant else ""
            raise ValueError(f"no run of a backbone {name}.{hint} There are {', '.join(names)}.")
    if a == b:
        raise ValueError(f"{a} cannot be compared with itself. Name two backbones.")
