"""What a table says, in words and rounded figures: the same in every form that it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from lvmmed_backbones.records import StoredRecord
from reports.agreement import Condition
from reports.render.tables.fill import DECIMALS, FilledTable, PaperCell, PaperRow
from reports.render.tables.frame import Frame
from reports.render.tables.layout import (
    GROUP_CAPTIONS,
    OWN_GROUP,
    OWN_GROUP_ALONE,
    TASK_CAPTIONS,
    Layout,
    column_heading,
    row_key,
    row_label,
)
from reports.wording import DAGGER, NOTHING, provenance_notes
from reports.wording import condition_title as condition_title
from reports.wording import condition_warnings as condition_warnings

TABLES_TITLE = "The tables of LVM-Med (arXiv 2306.11925)"
CLEAN = "‡"
SPREADS = (("trials (published)", ["published"]), ("seeds (measured)", ["measured", "phantom"]))


@dataclass(frozen=True)
class PaperTable:
    """A table, ready to be set.

    Attributes
    ----------
    name, title : str
        Of the layout.
    condition : Condition or None
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
    condition: Condition | None
    beside: str
    warnings: list[str]
    headings: list[tuple[str, str]]
    rows: list[PaperRow]
    notes: list[str]
    records: list[StoredRecord]

    @property
    def phantom(self) -> bool:
        """Whether phantom figures stand in it."""
        return self.condition is not None and self.condition.data_source == "phantom"

    @property
    def groups(self) -> Iterator[tuple[str, list[PaperRow]]]:
        """Caption and rows of each group."""
        alone = all(row.group == OWN_GROUP for row in self.rows)
        for group, members in groupby(self.rows, attrgetter("group")):
            yield OWN_GROUP_ALONE if alone else GROUP_CAPTIONS[group], list(members)


def table_text(frame: Frame, filled: FilledTable, condition: Condition | None) -> PaperTable:
    """A table in words.

    Parameters
    ----------
    condition : Condition or None
        Of the measured figures, without their split; None: all are published.
    """
    layout, condition = frame.layout, condition if filled.used else None
    headings = [column_heading(column) for column in frame.columns]
    if layout.average:
        headings.append(("Average", layout.average))
    return PaperTable(
        name=layout.name,
        title=layout.title,
        condition=condition,
        beside=figures_shown(filled.rows, condition),
        warnings=table_warnings(condition) if condition else [],
        headings=headings,
        rows=filled.rows,
        notes=[*table_notes(layout, filled.rows, filled.used), *printed_notes(frame, filled.rows)],
        records=filled.used,
    )


def figures_shown(rows: Sequence[PaperRow], condition: Condition | None) -> str:
    """Which figures stand in a table."""
    if condition is None:
        return "published figures"
    if not any(row.source == "published" for row in rows):
        return lower_first(condition_title(condition))
    return f"beside the published figures: {lower_first(condition_title(condition))}"


def table_warnings(condition: Condition) -> list[str]:
    """What a reader must know before the figures."""
    said = condition_warnings(condition)
    if condition.label_fraction < 1:
        said.append("Fewer labels than the paper: not to be compared with published figures.")
    return said


def table_notes(
    layout: Layout, rows: Sequence[PaperRow], records: Sequence[StoredRecord]
) -> list[str]:
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


def printed_notes(frame: Frame, rows: Sequence[PaperRow]) -> list[str]:
    """The notes of single published figures in these rows; what is said of a whole column, its heading says."""
    noted = frame.figures[frame.figures["note"] != ""]
    alone = noted[~noted.duplicated(["task", "note"], keep=False)]
    there = {row.name for row in rows if row.source == "published"}
    return [
        f"{TASK_CAPTIONS[one.task]}, {one.method}: {one.note}."
        for one in alone.itertuples()
        if row_label(row_key(one, frame.layout)) in there
    ]


def provenance_sections(tables: Sequence[PaperTable]) -> list[tuple[str, list[str]]]:
    """Where measured figures come from: a condition, and the sentences on its records, each once for all tables."""
    found: dict[Condition, dict[int, StoredRecord]] = {}
    for table in tables:
        if table.condition is not None:
            of_condition = found.setdefault(table.condition, {})
            of_condition.update((id(record), record) for record in table.records)
    return [
        (
            f"Where the figures come from: {lower_first(condition_title(one))}",
            provenance_notes([*some.values()]),
        )
        for one, some in found.items()
    ]


def closing_sections(
    tables: Sequence[PaperTable], missing: Sequence[str]
) -> list[tuple[str, list[str]]]:
    """What stands once behind all tables: headings and sentences.

    Parameters
    ----------
    missing : sequence of str
        A sentence for each task and row that stands in none of them.
    """
    return [
        *([("In none of these tables", [*missing])] if missing else []),
        *provenance_sections(tables),
    ]


def mean_and_rest(cell: PaperCell) -> tuple[str, str]:
    """What a cell says: its mean, which bold and underline are for, and all that follows it."""
    rest = "" if cell.std is None else f" ± {cell.std:.{DECIMALS}f}"
    if cell.difference is not None:
        within = {None: "", True: ", in", False: ", out"}[cell.within]
        rest += f" ({signed_difference(cell.difference)}{within})"
    marks = (DAGGER if cell.incomplete else "") + (CLEAN if cell.split != "published" else "")
    return f"{cell.mean:.{DECIMALS}f}", rest + marks


def signed_difference(number: float) -> str:
    """A difference with its sign, a true minus."""
    return f"{number:+.{DECIMALS}f}".replace("-", "−")


def lower_first(text: str) -> str:
    """A title within a sentence."""
    return text[0].lower() + text[1:]
