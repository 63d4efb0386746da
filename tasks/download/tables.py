"""Read the tables of a download, with errors that name the file, the row and the value."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lvmmed_backbones.files.outside import Refused, read_bytes, read_text, refusing
from tasks.download.folders import missing_error

REMEDY = "Is it the right file? Download it again if it is cut off or damaged"
MEND = "Use the table as the download has it, or correct the row"
NUMBER = re.compile(r"-?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table. Its cells are texts: an id such as 007 stays as it is.

    Attributes
    ----------
    path : Path
        The table's file.
    number : int
        Its number as a spreadsheet counts: from 1, with the header.
    cells : dict of str to str
        Its cells, by column.
    """

    path: Path
    number: int
    cells: dict[str, str]

    def text(self, column: str) -> str:
        """Return a cell. Raises Refused if it is empty."""
        cell = self.cells[column]
        if not cell.strip():
            raise self.refused(f"the {column} is empty")
        return cell

    def real(self, column: str) -> float:
        """Return a cell as a number with a decimal point. Raises Refused if it is none."""
        cell = self.text(column)
        if NUMBER.fullmatch(cell.strip(" ")) and math.isfinite(value := float(cell)):
            return value
        raise self.refused(f"the {column} is {cell!r}, not a number such as 480.5")

    def whole(self, column: str) -> int:
        """Return a cell as a whole number. Raises Refused if it is none."""
        value = self.real(column)
        if not value.is_integer():
            raise self.refused(f"the {column} is {self.cells[column]!r}, not a whole number")
        return int(value)

    def refused(self, reason: str, remedy: str = MEND) -> Refused:
        """Return the error for a row, to be raised."""
        return Refused(self.path, f"row {self.number}: {reason}", remedy)


def read_csv(path: Path, what: str, names: Sequence[str] | None = None) -> list[Row]:
    """Return the rows of a table with commas; blank ones are passed over.

    Parameters
    ----------
    names : sequence of str, optional
        Names of the columns, if the table has no header.

    Raises
    ------
    FileNotFoundError
        If there is none, naming what was looked for.
    Refused
        If it is no text in UTF-8, a quoted cell does not end, it has no header, or one that repeats a name, or a row
        has more or fewer cells than there are columns.
    """
    try:
        text = read_text(path).removeprefix("\ufeff")  # Excel's byte-order mark
    except FileNotFoundError:
        raise missing_error(path, what) from None
    with refusing(path, REMEDY, "is no whole table"):
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    rows = [(number, cells) for number, cells in enumerate(lines, 1) if cells]
    if not names:
        if not rows:
            raise Refused(path, "is no whole table (it is empty)", REMEDY)
        names, rows = rows[0][1], rows[1:]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise Refused(path, f"has the column {twice[0]!r} twice", "Is it the right table?")
    for number, cells in rows:
        if len(cells) != len(names):
            reason = f"row {number} has {len(cells)} cells, of {len(names)} columns"
            raise Refused(path, reason, f"Is it the right table, and whole? {MEND}")
    return [Row(path, n, dict(zip(names, cells, strict=True))) for n, cells in rows]


def read_json(path: Path, what: str) -> dict:
    """Return the content of a JSON file, which must be an object.

    Raises
    ------
    FileNotFoundError
        If there is none, naming what was looked for.
    Refused
        If it is not whole, of another structure, or an object in it has a key twice.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise Refused(path, f"has the entry {twice!r} twice", "Take one of the two out")
        return found

    try:
        content = read_bytes(path)
    except FileNotFoundError:
        raise missing_error(path, what) from None
    with refusing(path, REMEDY, "is no whole JSON file"):
        found = json.loads(content, object_pairs_hook=once)
    if not isinstance(found, dict):
        reason = f"holds a {type(found).__name__}, not {what} by name"
        raise Refused(path, reason, "Is it the right file?")
    return found
