"""All tables that were asked for, in every condition that was measured, and which records stand in none."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lvmmed_backbones.display import plain
from lvmmed_backbones.records import StoredRecord
from reports.agreement import Condition, condition_of, group_by
from reports.analysis.leaderboard import condition_order
from reports.render.tables.fill import fill_table
from reports.render.tables.frame import Frame
from reports.render.tables.layout import TABLE_NAMES, PaperColumn
from reports.render.tables.matching import averaged_columns, fills_column, paper_protocol
from reports.render.tables.wording import PaperTable, table_text
from reports.wording import plural


@dataclass(frozen=True)
class Collected:
    """The tables of a call.

    Attributes
    ----------
    tables : list of Table
        In their order, each in every condition.
    notes : list of str
        A sentence for each task that stands in none of them, and each chosen row without a figure.
    problems : list of str
        A sentence for each record whose cases cannot be read.
    """

    tables: list[PaperTable]
    notes: list[str]
    problems: list[str]


def collect_tables(
    frames: Sequence[Frame], records: Sequence[StoredRecord], chosen: Sequence[str] = ()
) -> Collected:
    """Each table with the published figures, and once for each condition with measured figures in it.

    Rows of a table may differ in the split, which they name; in nothing else.

    Parameters
    ----------
    records : sequence of StoredRecord
        That agree with each other (`reports.agreement.agreeing`); none: published alone.
    chosen : sequence of str
        Only these rows, in this order, and no table that has none of them; none: all rows.

    Raises
    ------
    ValueError
        If no table has a row.
    """
    problems: list[str] = []
    conditions = sorted({without_split(condition_of(r)) for r in records}, key=condition_order)
    by_condition = [
        (one, [r for r in records if without_split(condition_of(r)) == one]) for one in conditions
    ]
    made: list[PaperTable] = []
    shown: set[int] = set()
    for frame in frames:
        measured = []
        for one, some in by_condition:
            found = fill_table(frame, some, problems, chosen)
            shown |= {id(record) for record in found.shown} if frame.layout.ranked else set()
            if found.used:
                measured.append(table_text(frame, found, one))
        made += measured or [table_text(frame, fill_table(frame, [], problems, chosen), None)]
    made = [one for one in made if one.rows]
    if not made:
        raise ValueError(
            f"--rows {' '.join(chosen)}: no figure in any of these tables. Choose other rows."
        )
    hidden = [record for record in records if id(record) not in shown]
    notes = [*notes_on_rows(chosen, made), *notes_on_columns(frames, hidden, records)]
    return Collected(made, notes, list(dict.fromkeys(problems)))


def without_split(one: Condition) -> Condition:
    """The condition, whatever its split."""
    return one._replace(split="published")


def notes_on_rows(chosen: Sequence[str], made: Sequence[PaperTable]) -> Iterator[str]:
    """A sentence for each chosen row that stands in no table."""
    there = {row.name for one in made for row in one.rows}
    there |= {record.backbone.name for one in made for record in one.records}
    for name in chosen:
        if name not in there:
            yield f"{name}: no figure in these tables."


def notes_on_columns(
    frames: Sequence[Frame], hidden: Sequence[StoredRecord], records: Sequence[StoredRecord]
) -> Iterator[str]:
    """A sentence for each task and protocol of which records stand in no table.

    Nothing of a table of chosen columns, which has no other on purpose.

    Parameters
    ----------
    hidden : sequence of StoredRecord
        The records that stand in none.
    records : sequence of StoredRecord
        All of them.
    """
    if any(frame.layout.name not in TABLE_NAMES for frame in frames):
        return
    for runs in group_by(hidden, lambda r: (r.task, r.protocol)):
        fitting = [columns_filled(run, frames) for run in runs]
        lost = [some for some in fitting if not some]
        in_means = [
            some for some in fitting if some and all(averaged_columns(c) != [c] for c in some)
        ]
        one = runs[0]
        protocols = {r.protocol for r in records if r.task == one.task}
        name = one.task if len(protocols) == 1 else f"{one.task}:{one.protocol}"
        remedy = f"Show it with --columns {shlex.quote(plain(name))}, or in the leaderboard."
        said = f"{plain(one.task)} ({plain(one.protocol)})"
        if lost:
            count = plural(len(lost), "record")
            yield f"{said}: fits no column of {name_tables(frames)}: {count}. {remedy}"
        if in_means:
            count = plural(len(in_means), "record")
            yield (
                f"{said}: stands in {name_tables(frames)} only as part of a mean, and other parts are "
                f"missing: {count}. {remedy}"
            )


def columns_filled(record: StoredRecord, frames: Sequence[Frame]) -> list[PaperColumn]:
    """The columns of tables that a run has a part in; not those of parameters, which need no task."""
    return [
        column
        for frame in frames
        if not frame.row_protocols or paper_protocol(record) in frame.row_protocols
        for column in frame.columns
        if not column.parameters and fills_column(record, column)
    ]


def name_tables(frames: Sequence[Frame]) -> str:
    """The tables in words."""
    names = [frame.layout.name for frame in frames]
    return "the paper's tables" if tuple(names) == TABLE_NAMES else ", ".join(names)
