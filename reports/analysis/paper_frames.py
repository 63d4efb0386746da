"""Which tables, columns and rows were asked for: tables before measured figures are in them."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lvmmed_backbones.display import plain
from lvmmed_backbones.records import StoredRecord
from reports.published.layout import (
    GROUP_CAPTIONS,
    LAYOUTS,
    SELECTION,
    TABLE_NAMES,
    Layout,
    PaperColumn,
    RowKey,
    column_of,
    row_key,
    row_label,
)
from reports.published.paper_rows import METRICS, metric_of, paper_protocol


@dataclass(frozen=True)
class Frame:
    """A table that is to be filled.

    Attributes
    ----------
    layout : Layout
        Name and layout.
    columns : list of PaperColumn
        Columns in their order, without the average.
    printed : dict of RowKey to dict of PaperColumn to object
        The rows of the paper in its order, and the published figures of each (rows of `reports.published.read`) by
        column.
    figures : DataFrame
        All of these figures.
    """

    layout: Layout
    columns: list[PaperColumn]
    printed: dict[RowKey, dict[PaperColumn, Any]]
    figures: pd.DataFrame

    @property
    def row_protocols(self) -> set[str]:
        """The protocols in which rows differ; empty if they do not."""
        return {key.protocol for key in self.printed} - {""}


def choose_frames(
    names: Sequence[str] | None,
    columns: Sequence[str] | None,
    figures: pd.DataFrame,
    records: Sequence[StoredRecord],
) -> list[Frame]:
    """The tables of these names, in the order of the paper (None: all); or one table of these columns.

    Parameters
    ----------
    names, columns : sequence of str or None
        Values of `--table` and `--columns`.
    figures : DataFrame
        Result of `reports.published.read`.

    Raises
    ------
    ValueError
        If there is no table or column of a name, or both are named.
    """
    if names and columns:
        raise ValueError(
            "--table and --columns: choose tables of the paper, or columns of one of your own. "
            "Leave out one of them."
        )
    if columns:
        return [_frame_of_columns(_choose_columns(columns, figures, records), figures)]
    for name in names or ():
        if name not in TABLE_NAMES:
            raise ValueError(f"--table {name}: no such table. {_list_choices(name, TABLE_NAMES)}")
    layouts = (layout for layout in LAYOUTS if not names or layout.name in names)
    return [_frame_of_layout(layout, figures) for layout in layouts]


def _frame_of_layout(layout: Layout, figures: pd.DataFrame) -> Frame:
    """A table of the paper."""
    of_table = figures[figures["table"] == layout.name]
    printed: dict[RowKey, dict[PaperColumn, Any]] = {}
    columns: dict[PaperColumn, None] = {}
    for figure in of_table.itertuples():
        column = column_of(figure, layout)
        columns[column] = None
        printed.setdefault(row_key(figure, layout), {})[column] = figure
    return Frame(layout, list(columns), printed, of_table)


def _frame_of_columns(
    columns: Mapping[PaperColumn, StoredRecord | None], figures: pd.DataFrame
) -> Frame:
    """A table of chosen columns, with the rows of the paper that have a figure in one of them.

    `columns` has a record of each column that is a task of the records.
    """
    groups: dict[tuple[str, str], str] = {}
    printed: dict[RowKey, dict[PaperColumn, Any]] = {}
    fitting = []
    for number, figure in enumerate(figures.itertuples()):
        cells = {c: figure for c, record in columns.items() if _belongs(figure, c, record)}
        if cells:
            fitting.append(number)
            # Fine-tuned and with box prompts, a row of the paper stands in two groups; here it is one row.
            group = groups.setdefault((figure.method, figure.backbone), figure.group)
            key = row_key(figure, SELECTION)._replace(group=group)
            printed.setdefault(key, {}).update(cells)
    order = list(GROUP_CAPTIONS)
    in_order = dict(sorted(printed.items(), key=lambda pair: order.index(pair[0].group)))
    return Frame(SELECTION, list(columns), in_order, figures.iloc[fitting])


def _belongs(figure: Any, chosen: PaperColumn, record: StoredRecord | None) -> bool:
    """Whether a published figure belongs to a chosen column: it is of the same data, protocol and metric."""
    column = column_of(figure, SELECTION)
    if record is None:
        return column == chosen
    return column.metric in METRICS and metric_of(record, column) == chosen.metric


def _choose_columns(
    names: Sequence[str], figures: pd.DataFrame, records: Sequence[StoredRecord]
) -> dict[PaperColumn, StoredRecord | None]:
    """The columns of these names, in their order, with a record of each that is a task of the records.

    A name is a task of the records or a data set of the paper, or one of these in one protocol, such as fgadr:linear.

    Raises
    ------
    ValueError
        If a name is neither.
    """
    by_task: dict[str, dict[PaperColumn, StoredRecord | None]] = {}
    by_protocol: dict[str, dict[PaperColumn, StoredRecord | None]] = {}
    for record in records:
        column = PaperColumn(record.task, paper_protocol(record), record.metric, own=True)
        by_task.setdefault(record.task, {}).setdefault(column, record)
        by_protocol.setdefault(f"{record.task}:{record.protocol}", {}).setdefault(column, record)
    for figure in figures[~figures["task"].isin({"", *by_task})].itertuples():
        column = column_of(figure, SELECTION)
        by_task.setdefault(column.task, {})[column] = None
        by_protocol.setdefault(f"{column.task}:{column.protocol}", {})[column] = None
    chosen: dict[PaperColumn, StoredRecord | None] = {}
    for name in names:
        task = name.rpartition(":")[0]
        if name in by_task or name in by_protocol:
            chosen |= by_task.get(name) or by_protocol[name]
        elif task in by_task:
            known = [column for column in by_protocol if column.startswith(f"{task}:")]
            choices = _list_choices(name, known)
            raise ValueError(f"--columns {name}: no such protocol of {task}. {choices}")
        else:
            raise ValueError(
                f"--columns {name}: no task of the records and no data set of the paper. "
                f"{_list_choices(name, by_task)}"
            )
    return chosen


def check_rows(
    names: Sequence[str], figures: pd.DataFrame, records: Sequence[StoredRecord]
) -> None:
    """Refuse rows that no table has.

    Parameters
    ----------
    names : sequence of str
        Backbones of the records, or rows of the paper by their labels in its tables.

    Raises
    ------
    ValueError
        If there is no such row; the message names the first one.
    """
    printed = (row_label(row_key(figure, SELECTION)) for figure in figures.itertuples())
    known = dict.fromkeys([*sorted({record.backbone.name for record in records}), *printed])
    for name in names:
        if name not in known:
            raise ValueError(
                f"--rows {name}: no backbone of the records and no row of the paper. "
                f"{_list_choices(name, known)}"
            )


def _list_choices(name: str, known: Collection[str]) -> str:
    """The known names, in quotes if they hold a space; before them the one that is most like a name."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    guess = f"Did you mean {plain(near[0])}? " if near else ""
    quoted = [f'"{choice}"' if " " in choice else choice for choice in map(plain, known)]
    return f"{guess}Choose from {', '.join(quoted)}."
