"""What the tables of the paper say, in words and rounded figures: the same in every form that they take."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from lvmmed_backbones.display import plain
from lvmmed_backbones.records import StoredRecord
from reports.analysis.paper_cells import DECIMALS, FilledTable, PaperCell, PaperRow, fill_table
from reports.analysis.paper_frames import Frame
from reports.published.layout import (
    GROUP_CAPTIONS,
    METRIC_CAPTIONS,
    OWN_GROUP,
    OWN_GROUP_ALONE,
    PROTOCOL_CAPTIONS,
    TABLE_NAMES,
    TASK_CAPTIONS,
    Layout,
    PaperColumn,
    row_key,
    row_label,
)
from reports.published.paper_rows import averaged_columns, fills_column, paper_protocol
from reports.reading.consistency import Condition, by_condition, condition_of, group_by
from reports.reading.metrics import metric_name
from reports.reading.seen import NOTHING_SEEN, SeenByCell, told
from reports.render.text.leaderboard_text import (
    DAGGER,
    NOTHING,
    ScoreText,
    condition_title,
    condition_warnings,
    plural,
    provenance_by_condition,
    split_notes,
)
from reports.render.text.seen_text import mark_of, seen_notes, seen_words

TABLES_TITLE = "The tables of LVM-Med (arXiv 2306.11925)"
CLEAN = "‡"
SPREADS = {"trials (published)": ("published",), "seeds (measured)": ("measured", "phantom")}


@dataclass(frozen=True)
class PaperTable:
    """A table in words.

    Attributes
    ----------
    name, title : str
        Name and title of the layout.
    condition : Condition or None
        Condition of the measured figures; None if all figures are published.
    beside : str
        Which figures it shows.
    warnings : list of str
        Sentences above the table.
    headings : list of (str, str)
        Task of each column, and below it metric and protocol.
    rows : list of PaperRow
        Rows in groups.
    notes : list of str
        Sentences below the table.
    records : list of StoredRecord
        Records that the measured figures were made from.
    """

    name: str
    title: str
    condition: Condition | None
    beside: str
    warnings: list[str]
    headings: list[tuple[str, str]]
    rows: list[PaperRow]
    notes: list[str]
    records: list[StoredRecord]

    def texts(self, row: PaperRow) -> list[ScoreText | None]:
        """The cells of a row in words; marks tell what backbones have seen, if anything is known of it."""
        marked = told(cell.seen for one in self.rows for cell in one.cells if cell and cell.seen)
        return [cell_text(cell, marked) for cell in row.cells]

    @property
    def groups(self) -> Iterator[tuple[str, list[PaperRow]]]:
        """Caption and rows of each group."""
        alone = all(row.group == OWN_GROUP for row in self.rows)
        for group, rows in groupby(self.rows, attrgetter("group")):
            yield OWN_GROUP_ALONE if alone else GROUP_CAPTIONS[group], list(rows)


@dataclass(frozen=True)
class Collected:
    """The tables of a call.

    Attributes
    ----------
    tables : list of PaperTable
        Tables in their order, each in every condition.
    notes : list of str
        A sentence for each task that no table shows, and each chosen row without a figure.
    problems : list of str
        A sentence for each record whose cases cannot be read.
    """

    tables: list[PaperTable]
    notes: list[str]
    problems: list[str]


def collect_tables(
    frames: Sequence[Frame],
    records: Sequence[StoredRecord],
    chosen: Sequence[str] = (),
    seen: SeenByCell = NOTHING_SEEN,
) -> Collected:
    """Each table with the published figures, and once for each condition with measured figures in it.

    Rows of a table may differ in the split, which they name; in nothing else.

    Parameters
    ----------
    records : sequence of StoredRecord
        Records that `reports.reading.consistency.consistent_records` let through; none: published figures alone.
    chosen : sequence of str
        The rows to show, in this order; a table that has none of them is left out. None: all rows.
    seen : mapping of Cell to Seen
        What `reports.reading.seen.find_seen` found.

    Raises
    ------
    ValueError
        If no table has a row.
    """
    problems: list[str] = []
    conditions = by_condition(records, lambda r: condition_of(r)._replace(split="published"))
    tables: list[PaperTable] = []
    shown: set[int] = set()
    for frame in frames:
        measured = []
        for condition, of_condition in conditions:
            filled = fill_table(frame, of_condition, problems, chosen, seen)
            shown |= {id(record) for record in filled.shown} if frame.layout.ranked else set()
            if filled.used:
                measured.append(_make_table(frame, filled, condition))
        tables += measured or [_make_table(frame, fill_table(frame, [], problems, chosen), None)]
    tables = [table for table in tables if table.rows]
    if not tables:
        raise ValueError(
            f"--rows {' '.join(chosen)}: no figure in any of these tables. Choose other rows."
        )
    hidden = [record for record in records if id(record) not in shown]
    names = {row.name for table in tables for row in table.rows}
    names |= {record.backbone.name for table in tables for record in table.records}
    without = [f"{name}: no figure in these tables." for name in chosen if name not in names]
    notes = [*without, *_notes_on_hidden(frames, hidden, records)]
    return Collected(tables, notes, list(dict.fromkeys(problems)))


def _notes_on_hidden(
    frames: Sequence[Frame], hidden: Sequence[StoredRecord], records: Sequence[StoredRecord]
) -> Iterator[str]:
    """A sentence for each task and protocol with records that no table shows; none for a table of chosen columns.

    `hidden` are the records that no table shows, `records` all of them.
    """
    names = [frame.layout.name for frame in frames]
    if not set(names) <= set(TABLE_NAMES):
        return
    tables = "the paper's tables" if tuple(names) == TABLE_NAMES else ", ".join(names)
    for runs in group_by(hidden, lambda r: (r.task, r.protocol)):
        task, protocol = runs[0].task, runs[0].protocol
        columns = [_columns_filled(run, frames) for run in runs]
        lost = sum(not of_run for of_run in columns)
        in_means = sum(bool(c) and all(averaged_columns(x) != [x] for x in c) for c in columns)
        protocols = {r.protocol for r in records if r.task == task}
        name = plain(task if len(protocols) == 1 else f"{task}:{protocol}")
        remedy = f"Show it with --columns {shlex.quote(name)}, or in the leaderboard."
        label = f"{plain(task)} ({plain(protocol)})"
        if lost:
            yield f"{label}: fits no column of {tables}: {plural(lost, 'record')}. {remedy}"
        if in_means:
            yield (
                f"{label}: stands in {tables} only as part of a mean, and other parts are "
                f"missing: {plural(in_means, 'record')}. {remedy}"
            )


def _columns_filled(record: StoredRecord, frames: Sequence[Frame]) -> list[PaperColumn]:
    """The columns of tables that a run fills or has a part in, but those of parameters, which need no task."""
    return [
        column
        for frame in frames
        if not frame.row_protocols or paper_protocol(record) in frame.row_protocols
        for column in frame.columns
        if not column.parameters and fills_column(record, column)
    ]


def _make_table(frame: Frame, filled: FilledTable, condition: Condition | None) -> PaperTable:
    """A table in words; `condition` is that of the measured figures, whatever their split, None without any."""
    layout, condition = frame.layout, condition if filled.used else None
    average = [("Average", layout.average)] if layout.average else []
    warnings = condition_warnings(condition) if condition else []
    if condition and condition.label_fraction < 1:
        warnings.append("Fewer labels than the paper: not to be compared with published figures.")
    return PaperTable(
        name=layout.name,
        title=layout.title,
        condition=condition,
        beside=_figures_shown(filled.rows, condition),
        warnings=warnings,
        headings=[*map(_column_heading, frame.columns), *average],
        rows=filled.rows,
        notes=[*_notes(layout, filled), *_printed_notes(frame, filled.rows)],
        records=filled.used,
    )


def _column_heading(column: PaperColumn) -> tuple[str, str]:
    """The task of a column, and below it the metric and the protocol."""
    metric = metric_name(column.metric) if column.own else METRIC_CAPTIONS[column.metric]
    protocol = PROTOCOL_CAPTIONS.get(column.protocol, column.protocol)
    return TASK_CAPTIONS.get(column.task, column.task), ", ".join(filter(None, [metric, protocol]))


def _figures_shown(rows: Sequence[PaperRow], condition: Condition | None) -> str:
    """Which figures a table shows."""
    if condition is None:
        return "published figures"
    beside = any(row.source == "published" for row in rows)
    return f"{'beside the published figures: ' if beside else ''}{_title_within(condition)}"


def _notes(layout: Layout, filled: FilledTable) -> list[str]:
    """Sentences that a reader needs to read the table; `provenance_sections` says where its figures come from."""
    cells = [cell for row in filled.rows for cell in row.cells if cell]
    with_std = {cell.source for cell in cells if cell.std is not None}
    over = [words for words, sources in SPREADS.items() if with_std.intersection(sources)]
    spread = f": mean ± standard deviation over {' or '.join(over)}" if over else ""
    among = "; the figures of each source among themselves" if filled.used else ""
    notes = {
        f"{'Percent' if layout.ranked else 'Millions'}{spread}.": True,
        f"Bold: the best of its group; underlined: the best of the column{among}.": any(
            cell.best or cell.best_in_group for cell in cells
        ),
        "In brackets: measured minus published mean, and whether the published mean lies in "
        "the 95 % confidence interval of the measured one (in, out; neither: no interval).": any(
            cell.difference is not None for cell in cells
        ),
        f"{DAGGER} incomplete data set: images of the published one are missing.": any(
            cell.incomplete for cell in cells
        ),
        f"{CLEAN} clean split: the checkpoint was chosen on a fifth of the training images. In the "
        "published list of FGADR the valid images are the test images.": any(
            cell.split != "published" for cell in cells
        ),
        **dict.fromkeys(split_notes(filled.used), layout.ranked),
        **dict.fromkeys(seen_notes([cell.seen for cell in cells if cell.seen]), True),
        f"{NOTHING} no figure.": any(None in row.cells for row in filled.rows),
        layout.caveat: filled.used and layout.caveat,
    }
    return [note for note, applies in notes.items() if applies]


def _printed_notes(frame: Frame, rows: Sequence[PaperRow]) -> list[str]:
    """The notes of single published figures in these rows; the heading says what holds for a whole column."""
    noted = frame.figures[frame.figures["note"] != ""]
    single = noted[~noted.duplicated(["task", "note"], keep=False)]
    names = {row.name for row in rows if row.source == "published"}
    return [
        f"{TASK_CAPTIONS[figure.task]}, {figure.method}: {figure.note}."
        for figure in single.itertuples()
        if row_label(row_key(figure, frame.layout)) in names
    ]


def provenance_sections(tables: Sequence[PaperTable]) -> list[tuple[str, list[str]]]:
    """Where measured figures come from: a condition, and the sentences on its records, each once for all tables."""
    notes = provenance_by_condition((t.condition, t.records) for t in tables if t.condition)
    return [(f"Where the figures come from: {_title_within(c)}", notes[c]) for c in notes]


def closing_sections(
    tables: Sequence[PaperTable], missing: Sequence[str]
) -> list[tuple[str, list[str]]]:
    """Headings and sentences that stand once behind all tables.

    `missing` has a sentence for each task and row that no table shows.
    """
    hidden = [("In none of these tables", [*missing])] if missing else []
    return [*hidden, *provenance_sections(tables)]


def cell_text(cell: PaperCell | None, marked: bool = True) -> ScoreText | None:
    """A cell in words: bold if it is the best of its group, underlined if it is the best of all.

    `marked`: whether a mark tells what the backbone has seen.
    """
    if cell is None:
        return None
    rest = "" if cell.std is None else f" ± {cell.std:.{DECIMALS}f}"
    if cell.difference is not None:
        within = {None: "", True: ", in", False: ", out"}[cell.within]
        signed = f"{cell.difference:+.{DECIMALS}f}".replace("-", "−")
        rest += f" ({signed}{within})"
    marks = (DAGGER if cell.incomplete else "") + (CLEAN if cell.split != "published" else "")
    seen = cell.seen if marked else None
    return ScoreText(
        f"{cell.mean:.{DECIMALS}f}",
        rest + marks,
        cell.best_in_group,
        cell.best,
        mark=mark_of(seen.state) if seen else "",
        seen=seen_words(seen.state, seen.number, seen.tested) if seen else "",
    )


def _title_within(condition: Condition) -> str:
    """The title of a condition within a sentence."""
    title = condition_title(condition)
    return title[0].lower() + title[1:]
