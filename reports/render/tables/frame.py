"""A table before measured figures are in it: its columns, and the paper's rows with their figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lvmmed_backbones.records import StoredRecord
from reports.render.tables.layout import (
    GROUP_CAPTIONS,
    SELECTION,
    Layout,
    PaperColumn,
    RowKey,
    column_of,
    figures_of,
    row_key,
)
from reports.render.tables.matching import METRICS, metric_of


@dataclass(frozen=True)
class Frame:
    """A table that is to be filled.

    Attributes
    ----------
    layout : Layout
        What it is called, and how it is laid out.
    columns : list of Column
        In their order, without the average.
    printed : dict of Line to dict of Column to object
        The rows of the paper in its order, and of each its published figures (rows of `reports.published.read`) by
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
        """The protocols that its rows differ in; empty if they do not."""
        return {one.protocol for one in self.printed} - {""}


def frame_of_layout(layout: Layout, figures: pd.DataFrame) -> Frame:
    """A table of the paper.

    Parameters
    ----------
    figures : DataFrame
        `reports.published.read`.
    """
    mine = figures_of(figures, layout)
    printed: dict[RowKey, dict[PaperColumn, Any]] = {}
    for one in mine.itertuples():
        printed.setdefault(row_key(one, layout), {})[column_of(one, layout)] = one
    columns = list(dict.fromkeys(column_of(one, layout) for one in mine.itertuples()))
    return Frame(layout, columns, printed, mine)


def frame_of_columns(
    columns: Mapping[PaperColumn, StoredRecord | None], figures: pd.DataFrame
) -> Frame:
    """A table of chosen columns, with those rows of the paper that have a figure in one of them.

    Parameters
    ----------
    columns : mapping of Column to StoredRecord or None
        Each own one with a record of it.
    figures : DataFrame
        `reports.published.read`.
    """
    mine = figures.iloc[
        [
            place
            for place, one in enumerate(figures.itertuples())
            if any(belongs_to_column(one, *chosen) for chosen in columns.items())
        ]
    ]
    groups: dict[tuple[str, str], str] = {}
    printed: dict[RowKey, dict[PaperColumn, Any]] = {}
    for one in mine.itertuples():
        # Fine-tuned and with box prompts, a row of the paper stands in two groups; here it is one row.
        group = groups.setdefault((one.method, one.backbone), one.group)
        cells = printed.setdefault(row_key(one, SELECTION)._replace(group=group), {})
        cells.update({c: one for c, record in columns.items() if belongs_to_column(one, c, record)})
    order = list(GROUP_CAPTIONS)
    in_order = dict(sorted(printed.items(), key=lambda pair: order.index(pair[0].group)))
    return Frame(SELECTION, list(columns), in_order, mine)


def belongs_to_column(figure: Any, chosen: PaperColumn, record: StoredRecord | None) -> bool:
    """Whether a published figure stands in a chosen column: it is of the same data, protocol and metric."""
    its_own = column_of(figure, SELECTION)
    if record is None:
        return its_own == chosen
    return its_own.metric in METRICS and metric_of(record, its_own) == chosen.metric
