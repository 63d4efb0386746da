"""What of a run's folder goes along when its results are shared: what reports read, and no more.

That is the record, the identity, the config, the gallery and the curves. Checkpoints are large, leases are of one
machine, and logs name its folders.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import MIB, Refused, read_bytes, refusing
from lvmmed_backbones.files.writing import sweep, write_bytes
from lvmmed_backbones.records import CONFIG, FILE, IDENTITY, RUNS, StoredRecord
from lvmmed_backbones.records.folder import read_own
from lvmmed_backbones.records.gallery import FOLDER as GALLERY
from lvmmed_backbones.records.record import MOST

RUN = re.compile(r"[0-9a-f]{16}")
SHARED = re.compile(
    rf"{re.escape(FILE)}|{re.escape(IDENTITY)}|{re.escape(CONFIG)}|{GALLERY}/[A-Za-z0-9_][\w.-]{{0,99}}"
    r"|\d{8}_\d{6}/vis_data/scalars\.json",
    re.ASCII,
)
MOST_BYTES = 16 * MIB  # of a file beside the record
MOST_FILES = 1000  # of a run


@dataclass
class RunFiles:
    """The files of a run's folder, by their names relative to it, sorted.

    Attributes
    ----------
    shared : list of str
        Those that go along, the record last: a run counts once its record is there.
    links : list of str
        Links, FIFOs and other things that are no files, where a shared file belongs.
    other : list of str
        All others.
    """

    shared: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)


def most_bytes(name: str) -> int:
    """Return how large a shared file may be."""
    return MOST if name == FILE else MOST_BYTES


def sorted_files(folder: Path) -> RunFiles:
    """Look at the files of a run's folder; no link is followed.

    Raises
    ------
    Refused
        If a folder cannot be read, or there are too many files.
    """
    found = RunFiles()
    for number, (name, mode) in enumerate(_walk(folder)):
        if number == MOST_FILES:
            raise Refused(folder, f"has more than {MOST_FILES:,} files", "Is it a run's folder?")
        if not SHARED.fullmatch(name) and name != GALLERY:
            found.other.append(name)
        elif stat.S_ISREG(mode) and name != GALLERY:
            found.shared.append(name)
        else:
            found.links.append(name)
    for names in (found.shared, found.links, found.other):
        names.sort(key=lambda name: (name == FILE, name))
    return found


def _walk(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield what lies below a folder and is no folder: its relative name and its mode."""
    left = [""]
    while left:
        here = left.pop()
        with refusing(folder / here, "Make it readable"), os.scandir(folder / here) as scan:
            found = [(e.name, e.stat(follow_symlinks=False).st_mode) for e in scan]
        for last, mode in found:
            name = os.path.join(here, last)
            if stat.S_ISDIR(mode):
                left.append(name)
            else:
                yield name, mode


def copy_run(record: StoredRecord, results: Path) -> list[str]:
    """Copy the shared files of a run into a folder of results that does not have its record.

    Each file is there whole or not at all, the record last, so that the same call finishes what a kill has left.

    Returns
    -------
    list of str
        A sentence for each thing that was left out since it is no file.

    Raises
    ------
    Refused
        If another record lies in its place, a link leads elsewhere, or a file is too large or cannot be read.
    DiskFull, OSError
        If it cannot be written.
    """
    source = record.path.parent
    found = sorted_files(source)
    folder = own_folder(own_folder(results / RUNS) / record.run)
    if os.path.lexists(folder / FILE):
        raise Refused(folder / FILE, "is no sound record, and is not overwritten", "Delete it")
    sweep(folder)
    for name in found.shared:
        if name != FILE:
            place = _within(folder, name)
            write_bytes(place, read_bytes(source / name, within=source, most=most_bytes(name)))
    write_bytes(folder / FILE, read_own(record.path, record.results, MOST))
    return [
        f"{plain(source / name)}: is no regular file, not copied"
        for name in found.links
        if name != FILE
    ]


def _within(folder: Path, name: str) -> Path:
    """Return the path of a file in a run's folder; the folders between are made, and are rid of what a kill left."""
    *outer, last = name.split("/")
    for part in outer:
        folder = own_folder(folder / part)
        sweep(folder)
    return folder / last


def own_folder(folder: Path) -> Path:
    """Make a folder, unless it is there, and return it.

    Raises
    ------
    Refused
        If a link or a file lies there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:  # a file, or a link to nowhere
        raise Refused(folder, "is no folder", "Put a folder there") from None
    if folder.is_symlink():
        raise Refused(folder, "is a link", "Put a folder there")
    return folder
