"""Which runs of a folder of results are done: each record is decoded once, and again when its file changes.

RESULTS/index.json may be removed at any time; it only saves time.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from lvmmed_backbones.display import plain
from lvmmed_backbones.outside import TEXT, Refused, read_bytes
from lvmmed_backbones.records import FILE, read_done
from lvmmed_backbones.writing import write_bytes

INDEX = "index.json"
RUNS = "runs"


class Row(msgspec.Struct):
    """What is known of a run's record.

    Attributes:
        stamp: size and times of its file; another one is another record.
        task, backbone, profile: of a sound record, else empty.
        problem: why it does not count, else empty.
    """

    stamp: tuple[int, int, int]
    task: str = ""
    backbone: str = ""
    profile: str = ""
    problem: str = ""


def scan(results: Path) -> dict[str, Row]:
    """The rows of all records in a folder of results, by run."""
    known = read_index(results)
    rows = {}
    for run in folders(results):
        try:
            found = os.stat(results / RUNS / run / FILE, follow_symlinks=False)
        except OSError:
            continue
        stamp = (found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        row = known.get(run)
        rows[run] = row if row and row.stamp == stamp else look(results / RUNS / run, stamp)
    if rows != known:
        with suppress(OSError):  # of somebody else, or full: it is looked at again next time
            write_bytes(results / INDEX, msgspec.json.encode(rows))
    return rows


def folders(results: Path) -> list[str]:
    """The names of the runs' folders."""
    try:
        with os.scandir(results / RUNS) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []


def look(folder: Path, stamp: tuple[int, int, int]) -> Row:
    """Decode a record."""
    try:
        record = read_done(folder)
    except (FileNotFoundError, ValueError) as error:
        return Row(stamp, problem=plain(error))
    return Row(stamp, record.task, record.backbone.name, record.profile)


def read_index(results: Path) -> dict[str, Row]:
    """The rows as they were written last; none if there are none that can be read."""
    try:
        content = read_bytes(results / INDEX, within=results, most=TEXT)
        return msgspec.json.decode(content, type=dict[str, Row])
    except (FileNotFoundError, Refused, msgspec.DecodeError):
        return {}
