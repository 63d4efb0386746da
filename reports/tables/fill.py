"""Rows of cells: published figures, measured ones beside them, their difference, the best."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from reports.agreement import grouped, paths
from reports.records import Record
from reports.tables.layout import MEASURED, Column, Layout, Line, column, label, line, of_table
from reports.tables.matching import MEANS, line_of, metric_of, protocol
from reports.tables.measure import Figure, figure, plain_figure

DECIMALS = 2  # as printed: means that print alike are a tie


@dataclass(frozen=True)
class Cell:
    """A figure of a table.

    Attributes:
        source: 'published', 'measured' or 'phantom'.
        mean, std: in percent (parameters: millions); std None where there is none.
        n: trials or seeds; None where the paper does not say.
        low, high: of the confidence interval of a measured mean, in percent; None without one.
        published: the published mean beside a measured one, in percent; None if there is none, or
            the measured figure is a phantom's.
        incomplete: whether images of the data set are missing.
        split: 'published', or 'clean'.
        best_in_group, best: among the figures of the same source and split.
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
class Row:
    """A row: its group, name and source, and a cell per column (None: nothing)."""

    group: str
    name: str
    source: str
    cells: list[Cell | None]


def rows(
    layout: Layout, figures: pd.DataFrame, records: Sequence[Record], problems: list[str]
) -> tuple[list[Column], list[Row], list[Record]]:
    """The columns and rows of a table, each measured row below the published one that it repeats.

    Args:
        figures: `reports.published.read`.
        records: of one figure, profile and label fraction, that agree with each other.
        problems: is told of records whose cases cannot be read; they have no interval.

    Returns:
        Columns, without the average; rows; the records that the measured ones were made from.
    """
    mine = list(of_table(figures, layout).itertuples())
    columns = list(dict.fromkeys(column(f, layout) for f in mine))
    lines = list(dict.fromkeys(line(f, layout) for f in mine))
    cells = {(line(f, layout), column(f, layout)): published(f) for f in mine}
    table, used = [], []
    for one in lines:
        row = with_average(layout, [cells.get((one, c)) for c in columns])
        table.append((one, Row(one.group, label(one), "published", row)))
    printed = {one: row.cells for one, row in table}
    of_rows = {one.protocol for one in lines} - {""}
    known = of_rows | {one.protocol for one in columns} - {""}
    fitting = [r for r in records if not known or protocol(r) in known]
    for runs in grouped(fitting, lambda r: (r.backbone, *apart(r, layout, bool(of_rows)))):
        one = line_of(runs[0], lines) or Line(MEASURED, "", "", "")
        row = with_average(layout, [measured(runs, c, problems) for c in columns])
        if any(row):
            row = beside(row, printed.get(one, [None] * len(row)))
            table.append((one, Row(one.group, name(runs[0], one, row), runs[0].figure, row)))
            used += [run for run in runs if any(fills(run, c) for c in columns)]
    order = {one: number for number, one in enumerate(lines)}
    in_order = [row for one, row in sorted(table, key=lambda p: order.get(p[0], len(order)))]
    return columns, marked(in_order) if layout.ranked else in_order, used


def fills(run: Record, one: Column) -> bool:
    """Whether a run has a part in a column."""
    if one.metric == "params_millions":
        return True
    return any(metric_of(run, part) for part in MEANS.get(one.task, [one]))


def apart(record: Record, layout: Layout, by_protocol: bool) -> tuple[str, str]:
    """Split and protocol, where runs of a backbone that differ in them have rows of their own."""
    return record.split if layout.ranked else "", record.protocol if by_protocol else ""


def name(record: Record, one: Line, cells: Sequence[Cell | None]) -> str:
    """What a measured row is called."""
    parts = [record.backbone]
    if one.group == MEASURED and record.protocol == "prompt":
        parts.append("box prompts")
    parts += sorted({f"{c.split} split" for c in cells if c and c.split != "published"})
    return ", ".join(parts)


def published(figure: Any) -> Cell:
    """The cell of a published figure, a row of `reports.published.read`."""
    return Cell(
        "published",
        figure.mean,
        None if pd.isna(figure.std) else figure.std,
        None if pd.isna(figure.trials) else int(figure.trials),
    )


def measured(runs: Sequence[Record], one: Column, problems: list[str]) -> Cell | None:
    """The cell of the runs of a row in a column; None if they have no figure there."""
    if one.metric == "params_millions":
        return Cell(runs[0].figure, runs[0].parameters / 1e6)
    if one.task in MEANS:
        parts = [unmixed(having(runs, part), problems) for part in MEANS[one.task]]
        return mean([cell(plain_figure(*part), part[0]) if part else None for part in parts])
    found = unmixed(having(runs, one), problems)
    return cell(figure(*found, problems), found[0]) if found else None


def having(runs: Sequence[Record], one: Column) -> tuple[list[Record], str] | None:
    """The runs that have a figure in a column, and the metric that it is; None if none has."""
    metrics = [(run, metric_of(run, one)) for run in runs]
    found = [(r, m) for r, m in metrics if m is not None and r.metrics.get(m) is not None]
    return ([run for run, _ in found], found[0][1]) if found else None


def unmixed(
    found: tuple[list[Record], str] | None, problems: list[str]
) -> tuple[list[Record], str] | None:
    """What `having` found; None, and a problem, if it is of several tasks: a column is of one."""
    if found is None or len({run.task for run in found[0]}) == 1:
        return found
    runs = found[0]
    tasks = " and ".join(sorted({run.task for run in runs}))
    problems.append(
        f"{paths(runs)}: {tasks} are both of the data set {runs[0].dataset}, left out of its column. "
        "Name one of them with --task."
    )
    return None


def cell(figure: Figure, runs: Sequence[Record]) -> Cell:
    """A figure of fractions as a cell of percent."""
    return Cell(
        runs[0].figure,
        100 * figure.mean,
        None if figure.std is None else 100 * figure.std,
        len(runs),
        None if figure.low is None else 100 * figure.low,
        None if figure.high is None else 100 * figure.high,
        incomplete=not all(run.complete for run in runs),
        split=runs[0].split,
    )


def mean(cells: Sequence[Cell | None]) -> Cell | None:
    """The mean of all cells, of which a spread is not known; None if one of them is missing."""
    there = [one for one in cells if one is not None]
    if not there or len(there) < len(cells):
        return None
    incomplete = any(one.incomplete for one in there)
    value = statistics.fmean(one.mean for one in there)
    return Cell(there[0].source, value, incomplete=incomplete, split=there[0].split)


def with_average(layout: Layout, cells: list[Cell | None]) -> list[Cell | None]:
    """The cells and, where the table has one, their mean."""
    return [*cells, mean(cells)] if layout.average else cells


def beside(cells: Sequence[Cell | None], printed: Sequence[Cell | None]) -> list[Cell | None]:
    """Measured cells that know the published mean; a phantom's is compared with none."""
    return [
        replace(one, published=other.mean) if one and other and one.source == "measured" else one
        for one, other in zip(cells, printed, strict=True)
    ]


def marked(table: Sequence[Row]) -> list[Row]:
    """The rows with the best of each column marked, in its group and overall, of at least two."""
    overall: dict[Hashable, list[float]] = defaultdict(list)
    in_group: dict[Hashable, list[float]] = defaultdict(list)
    for row, number, one in entries(table):
        overall[number, one.source, one.split].append(round(one.mean, DECIMALS))
        in_group[number, one.source, one.split, row.group].append(round(one.mean, DECIMALS))

    def leads(one: Cell, others: Sequence[float]) -> bool:
        return len(others) > 1 and round(one.mean, DECIMALS) == max(others)

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


def entries(table: Sequence[Row]) -> Iterable[tuple[Row, int, Cell]]:
    """Every cell that there is, with its row and the number of its column."""
    for row in table:
        for number, one in enumerate(row.cells):
            if one is not None:
                yield row, number, one
