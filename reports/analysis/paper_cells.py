"""The rows of the paper's tables: published figures, measured ones beside them, their difference, the best."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lvmmed_backbones.records import RELEASE, StoredRecord
from reports.analysis.paper_frames import Frame
from reports.published.layout import OWN_GROUP, Layout, PaperColumn, RowKey, row_label
from reports.published.paper_rows import (
    averaged_columns,
    fills_column,
    matching_row,
    metric_of,
    paper_protocol,
    site_of,
)
from reports.reading.consistency import Condition, condition_of, group_by, list_paths
from reports.reading.scores import Scores, read_scores
from reports.reading.seen import NOTHING_SEEN, STATES, Seen, SeenByCell, cell_of
from reports.statistics.intervals import mean_interval

PAPERS = Condition("measured", "paper", 1.0, "published", RELEASE)  # the experiment of the paper
DECIMALS = 2  # as printed: means that print alike are a tie


@dataclass(frozen=True)
class PaperCell:
    """A figure of a table.

    Attributes
    ----------
    source : str
        'published', 'measured' or 'phantom'.
    mean, std : float
        Percent (parameters: millions); std is None where there is none.
    n : int or None
        Number of trials or seeds; None where the paper does not say.
    low, high : float or None
        Ends of the confidence interval of a measured mean, in percent; None without one.
    published : float or None
        The published mean beside a measured one, in percent. None if there is none, or the measured figure does not
        repeat the paper's experiment.
    incomplete : bool
        Whether images of the data set are missing.
    split : str
        'published', or 'clean'.
    best_in_group, best : bool
        Whether it is the best of its group, or of its column, among the figures of the same source and split.
    seen : Seen or None
        What the backbone of a measured figure has seen of the task's images; of a mean the worst of its parts.
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
    seen: Seen | None = None

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
    """The rows of a table.

    Attributes
    ----------
    rows : list of PaperRow
        Rows in their order.
    used : list of StoredRecord
        Records that the measured rows were made from.
    shown : list of StoredRecord
        Records that have a figure in a row, even in a row that was not chosen.
    """

    rows: list[PaperRow]
    used: list[StoredRecord]
    shown: list[StoredRecord]


class _Entry(NamedTuple):
    """A row before it has its place: its key in the paper, the name by which it is chosen, and its runs."""

    key: RowKey
    name: str
    row: PaperRow
    runs: list[StoredRecord]


def fill_table(
    frame: Frame,
    records: Sequence[StoredRecord],
    problems: list[str],
    chosen: Sequence[str] = (),
    seen: SeenByCell = NOTHING_SEEN,
) -> FilledTable:
    """The rows of a table, each measured row below the published row that it repeats.

    Parameters
    ----------
    records : sequence of StoredRecord
        Consistent records of one data source, profile and label fraction.
    problems : list of str
        Takes a sentence for each record whose cases cannot be read; its figure has no interval.
    chosen : sequence of str
        The rows to show, in this order: backbones, or rows of the paper by their label; none: all, in the paper's
        order.
    seen : mapping of Cell to Seen
        What `reports.reading.seen.find_seen` found.
    """
    keys = list(frame.printed)
    printed = [_published_entry(frame, key) for key in keys]
    paper = {entry.key: entry.row for entry in printed}
    measured = [*_measured_entries(frame, records, problems, paper, seen)]
    entries = [*printed, *measured]
    entries.sort(key=lambda entry: keys.index(entry.key) if entry.key in keys else len(keys))
    if chosen:
        entries = [entry for entry in entries if entry.name in chosen]
        entries.sort(key=lambda entry: chosen.index(entry.name))
    rows = [entry.row for entry in entries]
    return FilledTable(
        rows=mark_best(rows) if frame.layout.ranked else rows,
        used=[run for entry in entries for run in entry.runs],
        shown=[run for entry in measured for run in entry.runs],
    )


def _published_entry(frame: Frame, key: RowKey) -> _Entry:
    """A row of the paper."""
    figures = frame.printed[key]
    cells = [_published_cell(figures[c]) if c in figures else None for c in frame.columns]
    row = PaperRow(key.group, row_label(key), "published", _with_average(frame.layout, cells))
    return _Entry(key, row.name, row, [])


def _measured_entries(
    frame: Frame,
    records: Sequence[StoredRecord],
    problems: list[str],
    paper: Mapping[RowKey, PaperRow],
    seen: SeenByCell,
) -> Iterator[_Entry]:
    """The measured rows that have a figure, in the order of the records."""
    for key, runs in _measured_rows(frame, records):
        run = runs[0]
        cells = [_measured_cell(runs, column, problems, seen) for column in frame.columns]
        if not any(cells):
            continue
        pairs = zip(frame.columns, cells, strict=True)
        tasks = [column for column, cell in pairs if cell and not column.parameters]
        # Parameters are the same in all runs of a backbone: one tells them.
        used = [r for r in runs if any(fills_column(r, c) for c in tasks)] or runs[:1]
        cells = _with_published(_with_average(frame.layout, cells), paper.get(key), run)
        name = _row_name(run, key, cells, bool(frame.row_protocols))
        yield _Entry(
            key, run.backbone.name, PaperRow(key.group, name, run.data_source, cells), used
        )


def _measured_rows(
    frame: Frame, records: Sequence[StoredRecord]
) -> Iterator[tuple[RowKey, list[StoredRecord]]]:
    """The row of the paper that each measured row repeats, and its runs.

    Runs of a backbone that differ in the split or the protocol have rows of their own, if the table shows these.
    """
    known = frame.row_protocols
    fitting = [r for r in records if not known or paper_protocol(r) in known]
    alike = group_by(fitting, lambda r: (r.backbone.name, r.split, r.protocol, r.task))

    def row(pair: tuple[RowKey, list[StoredRecord]]) -> Hashable:
        key, (run, *_) = pair
        split = run.split if frame.layout.ranked else ""
        return key, run.backbone.name, split, run.protocol if known else ""

    for pairs in group_by([(matching_row(runs[0], frame.printed), runs) for runs in alike], row):
        yield pairs[0][0], [run for _, runs in pairs for run in runs]


def _row_name(
    record: StoredRecord, key: RowKey, cells: Sequence[PaperCell | None], by_protocol: bool
) -> str:
    """The name of a measured row; `by_protocol`: rows differ in the protocol."""
    parts = [record.backbone.name]
    if by_protocol and key.group == OWN_GROUP and record.protocol == "prompt":
        parts.append("box prompts")
    parts += sorted({f"{c.split} split" for c in cells if c and c.split != "published"})
    return ", ".join(parts)


def _published_cell(figure: Any) -> PaperCell:
    """The cell of a published figure, a row of `reports.published.read`."""
    return PaperCell(
        "published",
        figure.mean,
        None if pd.isna(figure.std) else figure.std,
        None if pd.isna(figure.trials) else int(figure.trials),
    )


def _measured_cell(
    runs: Sequence[StoredRecord], column: PaperColumn, problems: list[str], seen: SeenByCell
) -> PaperCell | None:
    """The cell of the runs of a row in a column; None if they have no figure there."""
    if column.parameters:
        return PaperCell(runs[0].data_source, runs[0].backbone.parameters / 1e6)
    parts = averaged_columns(column)
    if parts == [column]:
        return _cell_of_runs(runs, column, problems, seen, with_interval=True)
    return mean_cell(
        [_cell_of_runs(runs, part, problems, seen, with_interval=False) for part in parts]
    )


def _cell_of_runs(
    runs: Sequence[StoredRecord],
    column: PaperColumn,
    problems: list[str],
    seen: SeenByCell,
    with_interval: bool,
) -> PaperCell | None:
    """The cell of the runs that have a figure in a column; None, and a problem, if they are of several tasks."""
    metrics = [(run, metric_of(run, column)) for run in runs]
    having = [(r, m) for r, m in metrics if m is not None and r.metrics.get(m) is not None]
    if not having:
        return None
    runs, metric = [run for run, _ in having], having[0][1]
    if len(tasks := sorted({run.task for run in runs})) > 1:
        problems.append(
            f"{list_paths(runs)}: {' and '.join(tasks)} are both of the data set {runs[0].dataset}, left out of its "
            "column. Name one of them with --task."
        )
        return None
    interval = None
    if with_interval:
        try:
            interval = mean_interval(_scores_in_metric(runs, metric))
        except (OSError, ValueError) as error:
            problems.append(str(error))
    values = [float(run.metrics[metric] or 0) for run in runs]
    of_runs = seen.get(cell_of(runs[0]))
    return PaperCell(
        runs[0].data_source,
        100 * statistics.fmean(values),
        100 * statistics.stdev(values) if len(values) > 1 else None,
        len(runs),
        100 * interval.low if interval else None,
        100 * interval.high if interval else None,
        incomplete=not all(run.data.complete for run in runs),
        split=runs[0].split,
        seen=of_runs and of_runs.in_site(site_of(metric)) if site_of(metric) else of_runs,
    )


def _scores_in_metric(runs: Sequence[StoredRecord], metric: str) -> Scores:
    """The scores of the runs in a metric that need not be their headline.

    The metric of a site, such as dice/BMC, is the mean of dice over the cases of the site.
    """
    of_site = bool(site_of(metric)) and metric.partition("/")[0] == runs[0].metric
    if metric != runs[0].metric and not of_site:
        runs = [replace(r, metric=metric, value=float(r.metrics[metric] or 0)) for r in runs]
    (scores,) = read_scores(runs)
    if not of_site:
        return scores
    in_site = np.array([case.startswith(f"{site_of(metric)}/") for case in scores.cases], bool)
    by_seed = sorted(runs, key=lambda run: run.seed)
    return replace(
        scores,
        metric=metric,
        cases=tuple(np.array(scores.cases)[in_site].tolist()),
        strata=np.zeros(in_site.sum(), np.int64),
        values=scores.values[:, in_site],
        headlines=np.array([run.metrics[metric] for run in by_seed], float),
    )


def mean_cell(cells: Sequence[PaperCell | None]) -> PaperCell | None:
    """The mean of all cells, without a spread; None if one of them is missing."""
    known = [cell for cell in cells if cell is not None]
    if not known or len(known) < len(cells):
        return None
    incomplete = any(cell.incomplete for cell in known)
    mean = statistics.fmean(cell.mean for cell in known)
    seen = [cell.seen for cell in known if cell.seen]
    return PaperCell(
        known[0].source,
        mean,
        incomplete=incomplete,
        split=known[0].split,
        seen=min(seen, key=lambda one: STATES.index(one.state)) if seen else None,
    )


def _with_average(layout: Layout, cells: list[PaperCell | None]) -> list[PaperCell | None]:
    """The cells and, where the table has one, their mean."""
    return [*cells, mean_cell(cells)] if layout.average else cells


def _with_published(
    cells: list[PaperCell | None], paper: PaperRow | None, record: StoredRecord
) -> list[PaperCell | None]:
    """Measured cells with the published mean beside them, if the runs repeat the paper's experiment.

    That is a run by the authors' recipe on real images, in full size, with all labels and nothing overridden. `paper`
    is the row of the paper, None if there is none.
    """
    if paper is None or condition_of(record)._replace(split="published") != PAPERS:
        return cells
    return [
        replace(c, published=other.mean) if c and other and c.split == "published" else c
        for c, other in zip(cells, paper.cells, strict=True)
    ]


def mark_best(rows: Sequence[PaperRow]) -> list[PaperRow]:
    """The rows with the best of each column marked, in its group and overall.

    Figures that print alike lead together, but only if another one is worse.
    """
    rivals: dict[Hashable, list[float]] = defaultdict(list)

    def keys(row: PaperRow, number: int, cell: PaperCell) -> tuple[Hashable, Hashable]:
        overall = (number, cell.source, cell.split)
        return overall, (*overall, row.group)

    for row in rows:
        for number, cell in enumerate(row.cells):
            if cell:
                for key in keys(row, number, cell):
                    rivals[key].append(round(cell.mean, DECIMALS))

    def marked(row: PaperRow, number: int, cell: PaperCell) -> PaperCell:
        mean = round(cell.mean, DECIMALS)
        best, in_group = (mean == max(rivals[k]) > min(rivals[k]) for k in keys(row, number, cell))
        return replace(cell, best=best, best_in_group=in_group)

    return [
        replace(row, cells=[c and marked(row, number, c) for number, c in enumerate(row.cells)])
        for row in rows
    ]
