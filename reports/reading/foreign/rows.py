"""What the reader of each format turns a file into: a value a row, and a sentence for whatever it did not use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from lvmmed_backbones.display import plain
from lvmmed_backbones.records import nfc
from lvmmed_backbones.records.checked import fault
from reports.reading.scores import task_label

MOST_BYTES = 64 * 2**20  # of a file
MOST_ROWS = 2_000_000  # of all files
LARGEST = 1e6  # of any score
SHOWN = 3  # places that a sentence names


class Origin(NamedTuple):
    """What stands in the place of a condition: scores of other tools do not tell theirs."""

    formats: tuple[str, ...]


class Source(NamedTuple):
    """Where rows come from.

    Attributes
    ----------
    path : Path
        The file.
    format : str
        Its format in texts.
    preferred : tuple of str
        The metrics that the tool itself takes first; empty: none, so that a user must choose.
    """

    path: Path
    format: str
    preferred: tuple[str, ...] = ()


class Row(NamedTuple):
    """A value.

    Attributes
    ----------
    backbone, task, protocol, metric : str
        Names; the protocol may be empty.
    seed : int or None
        Seed, or number of the run; None: not told.
    case : str
        Name of the test case; empty: the value is of the whole run.
    value : float
        As it stands in the file; NaN: undefined.
    source : Source
        The file.
    line : int
        Line of the file; 0: the file has no lines.
    """

    backbone: str
    task: str
    protocol: str
    metric: str
    seed: int | None
    case: str
    value: float
    source: Source
    line: int = 0

    @property
    def label(self) -> str:
        """The task in texts."""
        return task_label(self.task, self.protocol)


@dataclass
class Remarks:
    """What a reader of the result should know.

    Attributes
    ----------
    notes : list of str
        A sentence for each choice that was made.
    problems : list of str
        A sentence for whatever was left out.
    """

    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass
class Found(Remarks):
    """What was read.

    Attributes
    ----------
    rows : list of Row
        The values.
    """

    rows: list[Row] = field(default_factory=list)

    def add(self, other: Found) -> None:
        """Take in what another file holds."""
        self.rows += other.rows
        self.notes += other.notes
        self.problems += other.problems


def sound_name(name: str) -> str:
    """A name without blanks around it, in the form of all records.

    Raises
    ------
    ValueError
        If it has no place in a report: not printable, or endless.
    """
    if wrong := fault(name):
        raise ValueError(wrong)
    return nfc(name.strip())


def number(value: Any) -> float | None:
    """A finite number of a JSON file, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # An integer may be beyond all floats; no score is.
    return float(value) if abs(value) <= LARGEST else None


def places(rows: Iterable[Row]) -> str:
    """Where some rows stand: the file and the first few lines of each."""
    lines: dict[Path, list[int]] = {}
    for row in rows:
        lines.setdefault(row.source.path, []).append(row.line)
    texts = [
        plain(path) + (f" ({numbered(at)})" if at[0] else "")
        for path, at in list(lines.items())[:SHOWN]
    ]
    return ", ".join(texts) + (f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else "")


def numbered(lines: Sequence[int]) -> str:
    """The first few of some lines: 'line 3', 'lines 3, 7, 9 and 4 more'."""
    shown = ", ".join(map(str, lines[:SHOWN]))
    more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    return f"line{'s' if len(lines) > 1 else ''} {shown}{more}"
