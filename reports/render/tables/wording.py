"""What a table says, in words and rounded figures: the same in every form that it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from lvmmed_backbones.records import StoredRecord
from reports.agreement import Setting
from reports.render.tables.fill import DECIMALS, Cell, Filled, Row
from reports.render.tables.frame import Frame
from reports.render.tables.layout import (
    ALONE,
    GROUPS,
    MEASURED,
    TASKS,
    Layout,
    heading,
    label,
    line,
)
from reports.wording import DAGGER, NOTHING, provenance
from reports.wording import title as setting_title
from reports.wording import warnings as setting_warnings

TITLE = "The tables of LVM-Med (arXiv 2306.11925)"
CLEAN = "‡"
SPREADS = (("trials (published)", ["published"]), ("seeds (measured)", ["measured", "phantom"]))


@dataclass(frozen=True)
class Table:
    """A table, ready to be set.

    Attributes
    ----------
    name, title : str
        Of the layout.
    setting : Setting or None
        What its measured figures have in common; None if all are published.
    beside : str
        That in words.
    warnings : list of str
        Above the table.
    headings : list of (str, str)
        Of each column: the task, and below it metric and protocol.
    rows : list of Row
        In groups.
    notes : list of str
        Below the table.
    records : list of StoredRecord
        That its measured figures were made from.
    """

    name: str
    title: str
    setting: Setting | None
    beside: str
    warnings: list[str]
    headings: list[tuple[str, str]]
    rows: list[Row]
    notes: list[str]
    records: list[StoredRecord]

    @property
    def phantom(self) -> bool:
        """Whether phantom figures stand in it."""
        return self.setting is not None and self.setting.data_source == "phantom"

    @property
    def groups(self) -> Iterator[tuple[str, list[Row]]]:
        """Caption and rows of each group."""
        alone = all(row.group == MEASURED for row in self.rows)
        for group, members in groupby(self.rows, attrgetter("group")):
            yield ALONE if alone else GROUPS[group], list(members)


def table(frame: Frame, filled: Filled, setting: Setting | None) -> Table:
    """A table in words.

    Parameters
    ----------
    setting : Setting or None
        Of the measured figures, without their split; None: all are published.
    """
    layout, setting = frame.layout, setting if filled.used else None
    headings = [heading(column) for column in frame.columns]
    if layout.average:
        headings.append(("Average", layout.average))
    return Table(
        name=layout.name,
        title=layout.title,
        setting=setting,
        beside=beside(filled.rows, setting),
        warnings=warnings(setting) if setting else [],
        headings=headings,
        rows=filled.rows,
        notes=[*notes(layout, filled.rows, filled.used), *printed_notes(frame, filled.rows)],
        records=filled.used,
    )


def beside(rows: Sequence[Row], setting: Setting | None) -> str:
    """Which figures stand in a table."""
    if setting is None:
        return "published figures"
    if not any(row.source == "published" for row in rows):
        return lower(setting_title(setting))
    return f"beside the published figures: {lower(setting_title(setting))}"


def warnings(setting: Setting) -> list[str]:
    """What a reader must know before the figures."""
    said = setting_warnings(setting)
    if setting.label_fraction < 1:
        said.append("Fewer labels than the paper: not to be compared with published figures.")
    return said


def notes(layout: Layout, rows: Sequence[Row], records: Sequence[StoredRecord]) -> list[str]:
    """What a reader must know to read the table; where its figures come from, `origins` says once for all."""
    cells = [cell for row in rows for cell in row.cells if cell]
    unit = "Percent" if layout.ranked else "Millions"
    over = [
        words
        for words, of in SPREADS
        if any(cell.std is not None and cell.source in of for cell in cells)
    ]
    said = [f"{unit}: mean ± standard deviation over {' or '.join(over)}." if over else f"{unit}."]
    if any(cell.best or cell.best_in_group for cell in cells):
        among = "; the figures of each source among themselves" if records else ""
        said.append(f"Bold: the best of its group; underlined: the best of the column{among}.")
    if any(cell.difference is not None for cell in cells):
        said.append(
            "In brackets: measured minus published mean, and whether the published mean lies in "
            "the 95 % confidence interval of the measured one (in, out; neither: no interval)."
        )
    if any(cell.incomplete for cell in cells):
        said.append(f"{DAGGER} incomplete data set: images of the published one are missing.")
    if any(cell.split != "published" for cell in cells):
        said.append(
            f"{CLEAN} clean split: the checkpoint was chosen on a fifth of the training images. In the "
            "published list of FGADR the valid images are the test images."
        )
    if any(cell is None for row in rows for cell in row.cells):
        said.append(f"{NOTHING} no figure.")
    if records and layout.caveat:
        said.append(layout.caveat)
    return said


def printed_notes(frame: Frame, rows: Sequence[Row]) -> list[str]:
    """The notes of single published figures in these rows; what is said of a whole column, its heading says."""
    noted = frame.figures[frame.figures["note"] != ""]
    alone = noted[~noted.duplicated(["task", "note"], keep=False)]
    there = {row.name for row in rows if row.source == "published"}
    return [
        f"{TASKS[one.task]}, {one.method}: {one.note}."
        for one in alone.itertuples()
        if label(line(one, frame.layout)) in there
    ]


def origins(tables: Sequence[Table]) -> list[tuple[str, list[str]]]:
    """Where measured figures come from: a setting, and the sentences on its records, each once for all tables."""
    found: dict[Setting, dict[int, StoredRecord]] = {}
    for table in tables:
        if table.setting is not None:
            of_setting = found.setdefault(table.setting, {})
            of_setting.update((id(record), record) for record in table.records)
    return [
        (f"Where the figures come from: {lower(setting_title(one))}", provenance([*some.values()]))
        for one, some in found.items()
    ]


def ending(tables: Sequence[Table], missing: Sequence[str]) -> list[tuple[str, list[str]]]:
    """What stands once behind all tables: headings and sentences.

    Parameters
    ----------
    missing : sequence of str
        A sentence for each task and row that stands in none of them.
    """
    return [*([("In none of these tables", [*missing])] if missing else []), *origins(tables)]


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
