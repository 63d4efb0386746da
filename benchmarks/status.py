"""What a folder of results holds: which runs are done, going on, failed, interrupted."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.index import RUNS, folders, scan
from benchmarks.lease import Watch, holder_of, newest
from benchmarks.record import ERROR, IDENTITY, LEASE
from lvmmed_backbones.display import plain
from lvmmed_backbones.outside import MIB, Refused, read_bytes
from lvmmed_backbones.records import FILE

STATES = ("done", "going on", "failed", "interrupted")


class Named(msgspec.Struct):
    """The part of a run's identity.json that is shown."""

    task: str = "?"
    backbone: str = "?"
    profile: str = "?"


def main(results: Path) -> int:
    """Print it; the exit code.

    Raises:
        FileNotFoundError: if there is no such folder.
    """
    if not results.is_dir():
        raise FileNotFoundError(f"--results {results}: no such folder. Name one that `run` wrote.")
    rows = scan(results)
    counts: dict[tuple[str, str, str], Counter] = defaultdict(Counter)
    notes: list[str] = []
    for run in folders(results):
        folder = results / RUNS / run
        row = rows.get(run)
        if row and not row.problem:
            counts[row.profile, row.task, row.backbone]["done"] += 1
            continue
        if row:
            notes.append(f"{folder / FILE}: {row.problem}")
        named, state = read_named(folder), state_of(folder, notes)
        counts[named.profile, named.task, named.backbone][state] += 1
    show(counts)
    for note in notes:
        print(plain(note), file=sys.stderr)
    return 0


def state_of(folder: Path, notes: list[str]) -> str:
    """Of a run without a sound record; who is at it, or why it failed, is added to the notes."""
    lease = newest(folder / LEASE)
    if lease and not Watch().is_dead(lease):
        notes.append(f"{folder}: goes on, by {holder_of(lease)}")
        return "going on"
    if (folder / ERROR).exists():
        notes.append(f"{folder / ERROR}: says why it failed")
        return "failed"
    return "interrupted"


def read_named(folder: Path) -> Named:
    """What the run is; question marks where its folder does not tell."""
    try:
        content = read_bytes(folder / IDENTITY, within=folder, most=MIB)
        return msgspec.json.decode(content, type=Named)
    except (FileNotFoundError, Refused, msgspec.DecodeError):
        return Named()


def show(counts: dict[tuple[str, str, str], Counter]) -> None:
    """A row for each profile, task and backbone."""
    table = Table()
    for name in ("profile", "task", "backbone"):
        table.add_column(name, overflow="fold")
    for state in STATES:
        table.add_column(state, justify="right")
    for key, found in sorted(counts.items()):
        numbers = [str(found[state] or "") for state in STATES]
        table.add_row(*(Text(plain(word)) for word in key), *numbers)
    Console().print(table)
