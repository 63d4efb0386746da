"""What a table says, in words and rounded figures: the same in every form that it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

import pandas as pd

from reports.agreement import Setting
from reports.records import Record
from reports.tables.fill import DECIMALS, Cell, Row, rows
from reports.tables.layout import GROUPS, TASKS, Layout, heading, of_table
from reports.wording import DAGGER, NOTHING, provenance
from reports.wording import title as setting_title
from reports.wording import warnings as setting_warnings

TITLE = "The tables of LVM-Med (arXiv 2306.11925)"
CLEAN = "‡"


@dataclass(frozen=True)
class Table:
    """A table, ready to be set.

    Attributes:
        name, title: of the layout.
        setting: what its measured figures have in common; None if all are published.
        beside: that in words.
        warnings: above the table.
        headings: of each column: the task, and below it metric and protocol.
        rows: in groups.
        notes: below the table.
    """

    name: str
    title: str
    setting: Setting | None
    beside: str
    warnings: list[str]
    headings: list[tuple[str, str]]
    rows: list[Row]
    notes: list[str]

    @property
    def phantom(self) -> bool:
        """Whether phantom figures stand in it."""
        return self.setting is not None and self.setting.figure == "phantom"

    @property
    def groups(self) -> Iterator[tuple[str, list[Row]]]:
        """Caption and rows of each group."""
        for group, members in groupby(self.rows, attrgetter("group")):
            yield GROUPS[group], list(members)


def table(
    layout: Layout,
    figures: pd.DataFrame,
    setting: Setting | None,
    records: Sequence[Record],
    problems: list[str],
) -> Table:
    """A table of the paper, with the measured figures of a setting.

    Args:
        figures: the published ones.
        setting: of the records, without their split; None for the published figures alone.
        problems: is told of cases that cannot be read.
    """
    columns, filled, used = rows(layout, figures, records, problems)
    headings = [heading(column) for column in columns]
    if layout.average:
        headings.append(("Average", layout.average))
    return Table(
        name=layout.name,
        title=layout.title,
        setting=setting if used else None,
        beside=f"beside the published figures: {lower(setting_title(setting))}"
        if setting and used
        else "published figures",
        warnings=warnings(setting) if setting and used else [],
        headings=headings,
        rows=filled,
        notes=[*notes(layout, filled, used), *printed_notes(of_table(figures, layout))],
    )


def warnings(setting: Setting) -> list[str]:
    """What a reader must know before the figures."""
    said = setting_warnings(setting)
    if setting.label_fraction < 1:
        said.append("Fewer labels than the paper: not to be compared with published figures.")
    return said


def notes(layout: Layout, filled: Sequence[Row], records: Sequence[Record]) -> list[str]:
    """What a reader must know to judge the figures."""
    cells = [cell for row in filled for cell in row.cells if cell]
    unit = "Percent" if layout.ranked else "Millions"
    said = [
        f"{unit}: mean ± standard deviation over trials (published) or seeds (measured)."
        if any(cell.std is not None for cell in cells)
        else f"{unit}."
    ]
    if layout.ranked:
        said.append(
            "Bold: the best of its group, of at least two; underlined: the best of the column; "
            "the figures of each source among themselves."
            if records
            else "Bold: the best of its group; underlined: the best of the column."
        )
    if any(cell.difference is not None for cell in cells):
        said.append(
            "In brackets: measured minus published mean, and whether the published mean lies in "
            "the 95 % confidence interval of the measured one (in, out; neither: no interval)."
        )
    if any(cell.incomplete for cell in cells):
        said.append(f"{DAGGER} incomplete data set: images of the published one are missing.")
    if any(cell.split != "published" for cell in cells):
        said.append(
            f"{CLEAN} clean split: no test image was used to choose the checkpoint, as it was in "
            "the published split."
        )
    if any(cell is None for row in filled for cell in row.cells):
        said.append(f"{NOTHING} no figure.")
    if records:
        said += [*([layout.caveat] if layout.caveat else []), *provenance(records)]
    return said


def printed_notes(figures: pd.DataFrame) -> list[str]:
    """The notes of single published figures; what is said of a whole column, its heading says."""
    noted = figures[figures["note"] != ""]
    alone = noted[~noted.duplicated(["task", "note"], keep=False)]
    return [f"{TASKS[one.task]}, {one.method}: {one.note}." for one in alone.itertuples()]


def mean_and_rest(cell: Cell) -> tuple[str, str]:
    """What a cell says: its mean, which bold and underline are for, and all that follows it."""
    rest = "" if cell.std is None else f" ± {cell.std:.{DECIMALS}f}"
    if cell.difference is not None:
        within = {None: "", True: ", in", False: ", out"}[cell.within]
        rest += f" ({signed(cell.difference)}{within})"
    marks = (DAGGER if cell.incomplete else "") + (CLEAN if cell.split != "published" else "")
    return f"{cell.mean:.{DECIMALS}f}", rest + marks


def signed(number: float) -> str:
    """A difference with its sign, a true minus."""
    return f"{number:+.{DECIMALS}f}".replace("-", "−")


def lower(text: str) -> str:
    """A title within a sentence."""
    return text[0].lower() + text[1:]
