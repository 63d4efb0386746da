"""What a folder of results holds: which runs are done, going on, failed, interrupted.

Each record is decoded once, and again when its file changes. RESULTS/index.json only saves time: it may be removed at
any time.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.overrides import checked
from benchmarks.scheduler.lease import Watch, holder_of, newest
from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import MIB, TEXT, Refused, read_bytes
from lvmmed_backbones.files.writing import write_bytes
from lvmmed_backbones.records import (
    FILE,
    IDENTITY,
    RUNS,
    SUITE,
    Override,
    Recipe,
    read_done,
)

INDEX = "index.json"
INDEX_VERSION = 2
# In the folder of a run, beside its record:
CASES = "cases.json"  # the scores of the test cases, which go into the record
ERROR = "error.txt"  # the traceback, if the run failed
NO_MEMORY = "no_memory"  # an empty file, if it failed since there was no memory left
LEASE = "lease"  # and a number: which driver has the run while it goes on
# Exit codes of the process of a run, beside 0 and 1:
TAKEN = 75  # another driver was quicker
OUT_OF_MEMORY = 76  # a GPU, or the machine, has not enough memory for the run


def is_done(folder: Path) -> bool:
    """Return whether a run left its record, whole and of this version."""
    try:
        read_done(folder)
    except (FileNotFoundError, ValueError):
        return False
    return True


class Row(msgspec.Struct):
    """What is known of a run's record.

    Attributes
    ----------
    stamp : (int, int, int)
        Size and times of its file; they differ once the record is written anew.
    task, task_version, backbone, profile, recipe, label_fraction, split, seed, overrides, data_source
        What a sound record says; else empty.
    gpu : str
        Name of the GPU that the run had; empty: none.
    seconds, memory_mb : float
        What training and testing took, and the most memory.
    problem : str
        Why the record does not count; empty for a sound record.
    """

    stamp: tuple[int, int, int]
    task: str = ""
    task_version: int = 0
    backbone: str = ""
    profile: str = ""
    recipe: Recipe = SUITE
    label_fraction: float = 1.0
    split: str = "published"
    seed: int = 0
    overrides: dict[str, Override] = {}
    data_source: str = ""
    gpu: str = ""
    seconds: float = 0.0
    memory_mb: float = 0.0
    problem: str = ""


class _Index(msgspec.Struct):
    """What is known of the records of a folder of results, by run."""

    version: int
    rows: dict[str, Row]


class RunNames(msgspec.Struct):
    """What `status` shows of a run's identity.json."""

    task: str = "?"
    backbone: str = "?"
    profile: str = "?"
    recipe: str = SUITE  # a suite's run does not say it


@dataclass(frozen=True)
class Status:
    """What a folder of results holds.

    Attributes
    ----------
    counts : mapping of (str, str, str, str) to Counter[str]
        How many runs are in each of `benchmarks.terminal.STATES`, by profile, recipe, task and
        backbone.
    notes : sequence of str
        A sentence for each run that is not done: who carries it out, why it failed, why its record does not count.
    """

    counts: Mapping[tuple[str, str, str, str], Counter[str]]
    notes: Sequence[str]


def scan(results: Path) -> dict[str, Row]:
    """Return what is known of each record in a folder of results, by run."""
    known = _read_index(results)
    rows = {}
    for run in _folders(results):
        try:
            status = os.stat(results / RUNS / run / FILE, follow_symlinks=False)
        except OSError:
            continue
        stamp = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        row = known.get(run)
        rows[run] = row if row and row.stamp == stamp else _read_row(results / RUNS / run, stamp)
    if rows != known:
        with suppress(OSError):  # no right to write, or a full disk: next time looks again
            write_bytes(results / INDEX, msgspec.json.encode(_Index(INDEX_VERSION, rows)))
    return rows


def _folders(results: Path) -> list[str]:
    """Return the names of the runs' folders, sorted."""
    try:
        with os.scandir(results / RUNS) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []


def _read_row(folder: Path, stamp: tuple[int, int, int]) -> Row:
    """Decode the record of a run."""
    try:
        record = read_done(folder)
        checked(record.overrides)  # others are of no run
    except (FileNotFoundError, ValueError) as error:
        return Row(stamp, problem=plain(error))
    cost, gpu = record.cost, record.provenance.machine.get("gpu")
    return Row(
        stamp=stamp,
        task=record.task,
        task_version=record.task_version,
        backbone=record.backbone.name,
        profile=record.profile,
        recipe=record.recipe,
        label_fraction=record.label_fraction,
        split=record.split,
        seed=record.seed,
        overrides=record.overrides,
        data_source=record.data_source,
        gpu=gpu if isinstance(gpu, str) else "",
        seconds=cost.get("train_seconds", 0.0) + cost.get("test_seconds", 0.0),
        memory_mb=cost.get("peak_memory_mb", 0.0),
    )


def _read_index(results: Path) -> dict[str, Row]:
    """Return the rows as they were written last; none if the file is absent or cannot be read."""
    try:
        content = read_bytes(results / INDEX, within=results, most=TEXT)
        index = msgspec.json.decode(content, type=_Index)
        return index.rows if index.version == INDEX_VERSION else {}
    except (FileNotFoundError, Refused, msgspec.DecodeError):
        return {}


def status_of(results: Path) -> Status:
    """Return the state of every run of a folder of results; nothing is configured or prepared.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    if not results.is_dir():
        raise FileNotFoundError(f"--results {results}: no such folder. Name one that `run` wrote.")
    rows = scan(results)
    counts: dict[tuple[str, str, str, str], Counter[str]] = defaultdict(Counter)
    notes: list[str] = []
    for run in _folders(results):
        folder = results / RUNS / run
        row = rows.get(run)
        if row and not row.problem:
            counts[row.profile, row.recipe, row.task, row.backbone]["done"] += 1
            continue
        if row:
            notes.append(f"{folder / FILE}: {row.problem}")
        names, state = read_names(folder), state_of(folder, notes)
        counts[names.profile, names.recipe, names.task, names.backbone][state] += 1
    return Status(dict(counts), [plain(note) for note in notes])


def state_of(folder: Path, notes: list[str]) -> str:
    """Return the state of a run without a sound record; add to the notes who carries it out, or why it failed."""
    lease = newest(folder / LEASE)
    if lease and not Watch().is_dead(lease):
        notes.append(f"{folder}: goes on, by {holder_of(lease)}")
        return "going on"
    if (folder / ERROR).exists():
        notes.append(f"{folder / ERROR}: says why it failed")
        return "failed"
    return "interrupted"


def read_names(folder: Path) -> RunNames:
    """Return what the run is; question marks where its folder does not tell."""
    try:
        content = read_bytes(folder / IDENTITY, within=folder, most=MIB)
        return msgspec.json.decode(content, type=RunNames)
    except (FileNotFoundError, Refused, msgspec.DecodeError):
        return RunNames()
