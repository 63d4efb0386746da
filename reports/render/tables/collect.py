"""All tables that were asked for, in every setting that was measured, and which records stand in none."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lvmmed_backbones.display import plain
from lvmmed_backbones.records import StoredRecord
from reports.agreement import Setting, grouped, setting
from reports.analysis.leaderboard import order
from reports.render.tables.fill import filled
from reports.render.tables.frame import Frame
from reports.render.tables.layout import NAMES, Column
from reports.render.tables.matching import fills, parts, protocol
from reports.render.tables.wording import Table, table
from reports.wording import plural


@dataclass(frozen=True)
class Collected:
    """The tables of a call.

    Attributes
    ----------
    tables : list of Table
        In their order, each in every setting.
    notes : list of str
        A sentence for each task that stands in none of them, and each chosen row without a figure.
    problems : list of str
        A sentence for each record whose cases cannot be read.
    """

    tables: list[Table]
    notes: list[str]
    problems: list[str]


def tables(
    frames: Sequence[Frame], records: Sequence[StoredRecord], chosen: Sequence[str] = ()
) -> Collected:
    """Each table with the published figures, and once for each setting with measured figures in it.

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
    settings = sorted({whole(setting(r)) for r in records}, key=order)
    by_setting = [(one, [r for r in records if whole(setting(r)) == one]) for one in settings]
    made: list[Table] = []
    shown: set[int] = set()
    for frame in frames:
        measured = []
        for one, some in by_setting:
            found = filled(frame, some, problems, chosen)
            shown |= {id(record) for record in found.shown} if frame.layout.ranked else set()
            if found.used:
                measured.append(table(frame, found, one))
        made += measured or [table(frame, filled(frame, [], problems, chosen), None)]
    made = [one for one in made if one.rows]
    if not made:
        raise ValueError(
            f"--rows {' '.join(chosen)}: no figure in any of these tables. Choose other rows."
        )
    hidden = [record for record in records if id(record) not in shown]
    notes = [*without_row(chosen, made), *without_column(frames, hidden, records)]
    return Collected(made, notes, list(dict.fromkeys(problems)))


def whole(one: Setting) -> Setting:
    """The setting, whatever its split."""
    return one._replace(split="published")


def without_row(chosen: Sequence[str], made: Sequence[Table]) -> Iterator[str]:
    """A sentence for each chosen row that stands in no table."""
    there = {row.name for one in made for row in one.rows}
    there |= {record.backbone.name for one in made for record in one.records}
    for name in chosen:
        if name not in there:
            yield f"{name}: no figure in these tables."


def without_column(
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
    if any(frame.layout.name not in NAMES for frame in frames):
        return
    for runs in grouped(hidden, lambda r: (r.task, r.protocol)):
        fitting = [columns_of(run, frames) for run in runs]
        lost = [some for some in fitting if not some]
        in_means = [some for some in fitting if some and all(parts(c) != [c] for c in some)]
        one = runs[0]
        protocols = {r.protocol for r in records if r.task == one.task}
        name = one.task if len(protocols) == 1 else f"{one.task}:{one.protocol}"
        remedy = f"Show it with --columns {shlex.quote(plain(name))}, or in the leaderboard."
        said = f"{plain(one.task)} ({plain(one.protocol)})"
        if lost:
            count = plural(len(lost), "record")
            yield f"{said}: fits no column of {named(frames)}: {count}. {remedy}"
        if in_means:
            count = plural(len(in_means), "record")
            yield (
                f"{said}: stands in {named(frames)} only as part of a mean, and other parts are "
                f"missing: {count}. {remedy}"
            )


def columns_of(record: StoredRecord, frames: Sequence[Frame]) -> list[Column]:
    """The columns of tables that a run has a part in; not those of parameters, which need no task."""
    return [
        column
        for frame in frames
        if not frame.row_protocols or protocol(record) in frame.row_protocols
        for column in frame.columns
        if not column.parameters and fills(record, column)
    ]


def named(frames: Sequence[Frame]) -> str:
    """The tables in words."""
    names = [frame.layout.name for frame in frames]
    return "the paper's tables" if tuple(names) == NAMES else ", ".join(names)
