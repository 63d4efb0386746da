"""What a folder of results holds: which runs are done, going on, failed, interrupted.

Each record is decoded once, and again when its file changes. RESULTS/index.json may be removed at any time; it only
saves time.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.record import ERROR, IDENTITY, LEASE
from benchmarks.scheduler.lease import Watch, holder_of, newest
from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import MIB, TEXT, Refused, read_bytes
from lvmmed_backbones.files.writing import write_bytes
from lvmmed_backbones.records import FILE, read_done

INDEX = "index.json"
RUNS = "runs"


class Row(msgspec.Struct):
    """What is known of a run's record.

    Attributes
    ----------
    stamp : (int, int, int)
        Size and times of its file; another one is another record.
    task, backbone, profile : str
        Of a sound record, else empty.
    problem : str
        Why it does not count, else empty.
    """

    stamp: tuple[int, int, int]
    task: str = ""
    backbone: str = ""
    profile: str = ""
    problem: str = ""


class Named(msgspec.Struct):
    """The part of a run's identity.json that is shown."""

    task: str = "?"
    backbone: str = "?"
    profile: str = "?"


@dataclass(frozen=True)
class Status:
    """What a folder of results holds.

    Attributes
    ----------
    counts : mapping of (str, str, str) to Counter[str]
        How many runs are in each of `benchmarks.tables.STATES`, by profile, task and backbone.
    notes : sequence of str
        A sentence for each run that is not done: who is at it, why it failed, why its record does not count.
    """

    counts: Mapping[tuple[str, str, str], Counter[str]]
    notes: Sequence[str]


def scan(results: Path) -> dict[str, Row]:
    """The rows of all records in a folder of results, by run."""
    known = _read_index(results)
    rows = {}
    for run in _folders(results):
        try:
            found = os.stat(results / RUNS / run / FILE, follow_symlinks=False)
        except OSError:
            continue
        stamp = (found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        row = known.get(run)
        rows[run] = row if row and row.stamp == stamp else _look(results / RUNS / run, stamp)
    if rows != known:
        with suppress(OSError):  # of somebody else, or full: it is looked at again next time
            write_bytes(results / INDEX, msgspec.json.encode(rows))
    return rows


def _folders(results: Path) -> list[str]:
    """The names of the runs' folders."""
    try:
        with os.scandir(results / RUNS) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []


def _look(folder: Path, stamp: tuple[int, int, int]) -> Row:
    """Decode a record."""
    try:
        record = read_done(folder)
    except (FileNotFoundError, ValueError) as error:
        return Row(stamp, problem=plain(error))
    return Row(stamp, record.task, record.backbone.name, record.profile)


def _read_index(results: Path) -> dict[str, Row]:
    """The rows as they were written last; none if there are none that can be read."""
    try:
        content = read_bytes(results / INDEX, within=results, most=TEXT)
        return msgspec.json.decode(content, type=dict[str, Row])
    except (FileNotFoundError, Refused, msgspec.DecodeError):
        return {}


def status_of(results: Path) -> Status:
    """Look at every run of a folder of results; nothing is configured or prepared.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    if not results.is_dir():
        raise FileNotFoundError(f"--results {results}: no such folder. Name one that `run` wrote.")
    rows = scan(results)
    counts: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    notes: list[str] = []
    for run in _folders(results):
        folder = results / RUNS / run
        row = rows.get(run)
        if row and not row.problem:
            counts[row.profile, row.task, row.backbone]["done"] += 1
            continue
        if row:
            notes.append(f"{folder / FILE}: {row.problem}")
        named, state = _read_named(folder), _state_of(folder, notes)
        counts[named.profile, named.task, named.backbone][state] += 1
    return Status(dict(counts), [plain(note) for note in notes])


def _state_of(folder: Path, notes: list[str]) -> str:
    """Of a run without a sound record; who is at it, or why it failed, is added to the notes."""
    lease = newest(folder / LEASE)
    if lease and not Watch().is_dead(lease):
        notes.append(f"{folder}: goes on, by {holder_of(lease)}")
        return "going on"
    if (folder / ERROR).exists():
        notes.append(f"{folder / ERROR}: says why it failed")
        return "failed"
    return "interrupted"


def _read_named(folder: Path) -> Named:
    """What the run is; question marks where its folder does not tell."""
    try:
        content = read_bytes(folder / IDENTITY, within=folder, most=MIB)
        return msgspec.json.decode(content, type=Named)
    except (FileNotFoundError, Refused, msgspec.DecodeError):
        return Named()
