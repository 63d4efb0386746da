"""Rows of cells: published figures, measured ones beside them, their difference, the best."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pandas as pd

from lvmmed_backbones.records import StoredRecord
from reports.agreement import group_by, list_paths
from reports.render.tables.frame import Frame
from reports.render.tables.layout import OWN_GROUP, Layout, PaperColumn, RowKey, row_label
from reports.render.tables.matching import (
    averaged_columns,
    fills_column,
    matching_row,
    metric_of,
    paper_protocol,
)
from reports.render.tables.measure import MeasuredFigure, measure, measure_without_interval

DECIMALS = 2  # as printed: means that print alike are a tie


@dataclass(frozen=True)
class PaperCell:
    """A figure of a table.

    Attributes
    ----------
    source : str
        'published', 'measured' or 'phantom'.
    mean, std : float
        In percent (parameters: millions); std None where there is none.
    n : int or None
        Trials or seeds; None where the paper does not say.
    low, high : float or None
        Of the confidence interval of a measured mean, in percent; None without one.
    published : float or None
        The published mean beside a measured one, in percent; None if there is none, or the measured figure is of
        another experiment than the paper's (`is_the_papers`).
    incomplete : bool
        Whether images of the data set are missing.
    split : str
        'published', or 'clean'.
    best_in_group, best : bool
        Among the figures of the same source and split.
    """

    source: str
    mean: float
    std: float | None = None
    n: int | None = None
    low: float | None = None
    high: float | None = None
    published: float | None = None
    incomplete: bool = False
    split: str = "published"
    best_in_group: bool = False
    best: bool = False

    @property
    def difference(self) -> float | None:
        """Measured minus published mean, in percentage points."""
        return None if self.published is None else self.mean - self.published

    @property
    def within(self) -> bool | None:
        """Whether the published mean lies in the measured interval; None where one is missing."""
        if self.published is None or self.low is None or self.high is None:
            return None
        return self.low <= self.published <= self.high


@dataclass(frozen=True)
class PaperRow:
    """A row: its group, name and source, and a cell per column (None: nothing)."""

    group: str
    name: str
    source: str
    cells: list[PaperCell | None]


@dataclass(frozen=True)
class FilledTable:
    """A table that is filled.

    Attributes
    ----------
    rows : list of Row
        In their order.
    used : list of StoredRecord
        The records that the measured rows were made from.
    shown : list of StoredRecord
        Those that have a figure in a row, even if it was not chosen.
    """

    rows: list[PaperRow]
    used: list[StoredRecord]
    shown: list[StoredRecord]


class Entry(NamedTuple):
    """A row on its way: which row of the paper it is or repeats, by which name it is chosen, and from which runs."""

    line: RowKey
    name: str
    row: PaperRow
    runs: list[StoredRecord]


def fill_table(
    frame: Frame, records: Sequence[StoredRecord], problems: list[str], chosen: Sequence[str] = ()
) -> FilledTable:
    """The rows of a table, each measured one below the published one that it repeats.

    Parameters
    ----------
    records : sequence of StoredRecord
        Of one figure, profile and label fraction, that agree with each other.
    problems : list of str
        Is told of records whose cases cannot be read; they have no interval.
    chosen : sequence of str
        Only these rows, in this order: backbones, or rows of the paper by their label; none: all, in the paper's order.
    """
    lines = list(frame.printed)
    printed = printed_entries(frame)
    measured = measured_entries(frame, records, problems, {one.line: one.row for one in printed})
    entries = [*printed, *measured]
    entries.sort(key=lambda one: lines.index(one.line) if one.line in lines else len(lines))
    if chosen:
        entries = [one for one in entries if one.name in chosen]
        entries.sort(key=lambda one: chosen.index(one.name))
    rows = [one.row for one in entries]
    return FilledTable(
        mark_best(rows) if frame.layout.ranked else rows,
        used=[run for one in entries for run in one.runs],
        shown=[run for one in measured for run in one.runs],
    )


def printed_entries(frame: Frame) -> list[Entry]:
    """The rows of the paper, in its order."""
    found = []
    for one, figures in frame.printed.items():
        cells = [published_cell(figures[c]) if c in figures else None for c in frame.columns]
        row = PaperRow(one.group, row_label(one), "published", with_average(frame.layout, cells))
        found.append(Entry(one, row_label(one), row, []))
    return found


def measured_entries(
    frame: Frame,
    records: Sequence[StoredRecord],
    problems: list[str],
    paper: Mapping[RowKey, PaperRow],
) -> list[Entry]:
    """The measured rows that have a figure, in the order of the records."""
    found = []
    for one, runs in measured_rows(frame, records):
        cells = [measured_cell(runs, c, problems) for c in frame.columns]
        if not any(cells):
            continue
        row = with_published(with_average(frame.layout, cells), paper.get(one), runs[0])
        called = row_name(runs[0], one, row, bool(frame.row_protocols))
        there = zip(frame.columns, cells, strict=True)
        tasks = [column for column, cell in there if cell and not column.parameters]
        # Parameters are the same in all runs of a backbone: one tells them.
        used = [run for run in runs if any(fills_column(run, c) for c in tasks)] or runs[:1]
        found.append(
            Entry(
                one,
                runs[0].backbone.name,
                PaperRow(one.group, called, runs[0].data_source, row),
                used,
            )
        )
    return found


def measured_rows(
    frame: Frame, records: Sequence[StoredRecord]
) -> Iterator[tuple[RowKey, list[StoredRecord]]]:
    """The runs of each measured row, and the row of the paper that it repeats."""
    known = frame.row_protocols
    fitting = [r for r in records if not known or paper_protocol(r) in known]
    alike = group_by(fitting, lambda r: (r.backbone.name, r.split, r.protocol, r.task))
    rows = group_by(
        [(matching_row(some[0], frame.printed), some) for some in alike],
        lambda pair: (pair[0], pair[1][0].backbone.name, *split_and_protocol(pair[1][0], frame)),
    )
    for pairs in rows:
        yield pairs[0][0], [run for _, some in pairs for run in some]


def split_and_protocol(record: StoredRecord, frame: Frame) -> tuple[str, str]:
    """Split and protocol, where runs of a backbone that differ in them have rows of their own."""
    return (
        record.split if frame.layout.ranked else "",
        record.protocol if frame.row_protocols else "",
    )


def row_name(
    record: StoredRecord, one: RowKey, cells: Sequence[PaperCell | None], by_protocol: bool
) -> str:
    """What a measured row is called; `by_protocol`: another protocol is another row."""
    words = [record.backbone.name]
    if by_protocol and one.group == OWN_GROUP and record.protocol == "prompt":
        words.append("box prompts")
    words += sorted({f"{c.split} split" for c in cells if c and c.split != "published"})
    return ", ".join(words)


def published_cell(figure: Any) -> PaperCell:
    """The cell of a published figure, a row of `reports.published.read`."""
    return PaperCell(
        "published",
        figure.mean,
        None if pd.isna(figure.std) else figure.std,
        None if pd.isna(figure.trials) else int(figure.trials),
    )


def measured_cell(
    runs: Sequence[StoredRecord], one: PaperColumn, problems: list[str]
) -> PaperCell | None:
    """The cell of the runs of a row in a column; None if they have no figure there."""
    if one.parameters:
        return PaperCell(runs[0].data_source, runs[0].backbone.parameters / 1e6)
    if averaged_columns(one) != [one]:
        found_parts = [
            of_one_task(runs_with_figure(runs, part), problems) for part in averaged_columns(one)
        ]
        return mean_cell(
            [
                cell_of_figure(measure_without_interval(*part), part[0]) if part else None
                for part in found_parts
            ]
        )
    found = of_one_task(runs_with_figure(runs, one), problems)
    return cell_of_figure(measure(*found, problems), found[0]) if found else None


def runs_with_figure(
    runs: Sequence[StoredRecord], one: PaperColumn
) -> tuple[list[StoredRecord], str] | None:
    """The runs that have a figure in a column, and the metric that it is; None if none has."""
    metrics = [(run, metric_of(run, one)) for run in runs]
    found = [(r, m) for r, m in metrics if m is not None and r.metrics.get(m) is not None]
    return ([run for run, _ in found], found[0][1]) if found else None


def of_one_task(
    found: tuple[list[StoredRecord], str] | None, problems: list[str]
) -> tuple[list[StoredRecord], str] | None:
    """What `having` found; None, and a problem, if it is of several tasks: a column is of one."""
    if found is None or len({run.task for run in found[0]}) == 1:
        return found
    runs = found[0]
    tasks = " and ".join(sorted({run.task for run in runs}))
    problems.append(
        f"{list_paths(runs)}: {tasks} are both of the data set {runs[0].dataset}, left out of its column. "
        "Name one of them with --task."
    )
    return None


def cell_of_figure(figure: MeasuredFigure, runs: Sequence[StoredRecord]) -> PaperCell:
    """A figure of fractions as a cell of percent."""
    return PaperCell(
        runs[0].data_source,
        100 * figure.mean,
        None if figure.std is None else 100 * figure.std,
        len(runs),
        None if figure.low is None else 100 * figure.low,
        None if figure.high is None else 100 * figure.high,
        incomplete=not all(run.data.complete for run in runs),
        split=runs[0].split,
    )


def mean_cell(cells: Sequence[PaperCell | None]) -> PaperCell | None:
    """The mean of all cells, of which a spread is not known; None if one of them is missing."""
    there = [one for one in cells if one is not None]
    if not there or len(there) < len(cells):
        return None
    incomplete = any(one.incomplete for one in there)
    value = statistics.fmean(one.mean for one in there)
    return PaperCell(there[0].source, value, incomplete=incomplete, split=there[0].split)


def with_average(layout: Layout, cells: list[PaperCell | None]) -> list[PaperCell | None]:
    """The cells and, where the table has one, their mean."""
    return [*cells, mean_cell(cells)] if layout.average else cells


def with_published(
    cells: list[PaperCell | None], paper: PaperRow | None, record: StoredRecord
) -> list[PaperCell | None]:
    """Measured cells that know the published mean, if they can be compared with it.

    Parameters
    ----------
    paper : Row or None
        The row of the paper; None: there is none.
    record : StoredRecord
        Of a run of the row.
    """
    if paper is None or not repeats_paper(record):
        return cells
    return [
        replace(one, published=other.mean) if one and other and one.split == "published" else one
        for one, other in zip(cells, paper.cells, strict=True)
    ]


def repeats_paper(record: StoredRecord) -> bool:
    """Whether a run is one of the paper's experiments: on real images, in full size, with all labels."""
    whole = record.label_fraction == 1
    return record.data_source == "measured" and record.profile == "paper" and whole


def mark_best(table: Sequence[PaperRow]) -> list[PaperRow]:
    """The rows with the best of each column marked, in its group and overall.

    Figures that print alike lead together, but only if another one is worse.
    """
    overall: dict[Hashable, list[float]] = defaultdict(list)
    in_group: dict[Hashable, list[float]] = defaultdict(list)
    for row, number, one in existing_cells(table):
        overall[number, one.source, one.split].append(round(one.mean, DECIMALS))
        in_group[number, one.source, one.split, row.group].append(round(one.mean, DECIMALS))

    def leads(one: PaperCell, others: Sequence[float]) -> bool:
        return round(one.mean, DECIMALS) == max(others) > min(others)

    return [
        replace(
            row,
            cells=[
                one
                and replace(
                    one,
                    best=leads(one, overall[number, one.source, one.split]),
                    best_in_group=leads(one, in_group[number, one.source, one.split, row.group]),
                )
                for number, one in enumerate(row.cells)
            ],
        )
        for row in table
    ]


def existing_cells(table: Sequence[PaperRow]) -> Iterable[tuple[PaperRow, int, PaperCell]]:
    """Every cell that there is, with its row and the number of its column."""
    for row in table:
        for number, one in enumerate(row.cells):
            if one is not None:
                yield row, number, one
