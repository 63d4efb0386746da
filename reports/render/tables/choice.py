"""What `--table`, `--columns` and `--rows` choose; a name that is unknown is an error with the choices."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

import pandas as pd

from lvmmed_backbones.display import plain
from lvmmed_backbones.records import StoredRecord
from reports.render.tables.frame import Frame, frame_of_columns, frame_of_layout
from reports.render.tables.layout import (
    LAYOUTS,
    SELECTION,
    TABLE_NAMES,
    PaperColumn,
    column_of,
    row_key,
    row_label,
)
from reports.render.tables.matching import paper_protocol


def choose_frames(
    names: Sequence[str] | None,
    columns: Sequence[str] | None,
    figures: pd.DataFrame,
    records: Sequence[StoredRecord],
) -> list[Frame]:
    """The tables of these names, all if None, in the order of the paper; or one of these columns.

    Parameters
    ----------
    names, columns : sequence of str or None
        As after `--table` and `--columns`.
    figures : DataFrame
        `reports.published.read`.

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
        return [frame_of_columns(choose_columns(columns, figures, records), figures)]
    for name in names or ():
        if name not in TABLE_NAMES:
            raise ValueError(f"--table {name}: no such table. {list_choices(name, TABLE_NAMES)}")
    return [frame_of_layout(one, figures) for one in LAYOUTS if not names or one.name in names]


def choose_columns(
    names: Sequence[str], figures: pd.DataFrame, records: Sequence[StoredRecord]
) -> dict[PaperColumn, StoredRecord | None]:
    """The columns of these names, in their order, each own one with a record of it.

    Parameters
    ----------
    names : sequence of str
        Each a task of the records or a data set of the published figures, or one in one protocol, such as fgadr:linear.

    Raises
    ------
    ValueError
        If a name is neither.
    """
    whole: dict[str, dict[PaperColumn, StoredRecord | None]] = {}
    single: dict[str, dict[PaperColumn, StoredRecord | None]] = {}
    for record in records:
        one = PaperColumn(record.task, paper_protocol(record), record.metric, own=True)
        whole.setdefault(record.task, {}).setdefault(one, record)
        single.setdefault(f"{record.task}:{record.protocol}", {}).setdefault(one, record)
    for figure in figures[~figures["task"].isin({"", *whole})].itertuples():
        one = column_of(figure, SELECTION)
        whole.setdefault(one.task, {})[one] = None
        single.setdefault(f"{one.task}:{one.protocol}", {})[one] = None
    chosen: dict[PaperColumn, StoredRecord | None] = {}
    for name in names:
        task = name.rpartition(":")[0]
        if name in whole or name in single:
            chosen |= whole.get(name) or single[name]
        elif task in whole:
            there = [one for one in single if one.startswith(f"{task}:")]
            raise ValueError(
                f"--columns {name}: no such protocol of {task}. {list_choices(name, there)}"
            )
        else:
            raise ValueError(
                f"--columns {name}: no task of the records and no data set of the paper. "
                f"{list_choices(name, whole)}"
            )
    return chosen


def check_rows(
    names: Sequence[str], figures: pd.DataFrame, records: Sequence[StoredRecord]
) -> None:
    """Refuse rows of which there are none, in no table.

    Parameters
    ----------
    names : sequence of str
        Backbones of the records, or rows of the paper by what they are called in its tables.

    Raises
    ------
    ValueError
        Naming the first such row.
    """
    printed = (row_label(row_key(figure, SELECTION)) for figure in figures.itertuples())
    there = list(dict.fromkeys([*sorted({record.backbone.name for record in records}), *printed]))
    for name in names:
        if name not in there:
            raise ValueError(
                f"--rows {name}: no backbone of the records and no row of the paper. "
                f"{list_choices(name, there)}"
            )


def list_choices(name: str, there: Collection[str]) -> str:
    """What a name may be, each in quotes if it holds a space; and first the one that is most like it."""
    near = difflib.get_close_matches(name, there, n=1, cutoff=0.5)
    guess = f"Did you mean {plain(near[0])}? " if near else ""
    quoted = [f'"{one}"' if " " in one else one for one in map(plain, there)]
    return f"{guess}Choose from {', '.join(quoted)}."
