"""Walk folders of other people: clutter of operating systems is passed over, links are followed within them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lvmmed_backbones.files.outside import Refused

CLUTTER = ("thumbs.db", "desktop.ini", "__macosx")  # Windows, Windows, and zip files of macOS


def is_clutter(name: str) -> bool:
    """Whether a file or folder is hidden, or left by a system: .DS_Store, ._a.png, Thumbs.db, __MACOSX."""
    return name.startswith(".") or name.lower() in CLUTTER


def lies_in(path: str, folder: str) -> bool:
    """Whether a path is a folder or lies in it; both without links."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def walk(folder: Path, without: Path | None = None, links_too: bool = False) -> Iterator[str]:
    """Yield the files below a folder, and folders that cannot be read, relative to it, in no order, without clutter.

    A link to a folder within is followed unless that folder is walked anyway. So every folder is walked once, circles
    end, and no file comes twice by a folder's link. A link that leads out is yielded itself.

    Parameters
    ----------
    without : Path, optional
        A folder that is left out.
    links_too : bool
        Yield links to folders, too.

    Raises
    ------
    Refused
        If the folder itself cannot be read.
    """
    root = os.path.realpath(folder)
    apart = os.path.realpath(without) if without else "\0"
    seen: set[str] = set()
    folders: list[tuple[str, str]] = [("", root)]
    links: list[tuple[str, str]] = []
    while folders or links:
        if folders:
            here, real = folders.pop()
        else:  # links are followed last, in the order of their names
            links.sort(reverse=True)
            here, real = links.pop()
        if real in seen or lies_in(real, apart):
            continue
        seen.add(real)
        try:
            content = list(entries(real))
        except Refused:
            if not here:
                raise
            yield here
            continue
        for entry in content:
            name = os.path.join(here, entry.name)
            if not entry.is_symlink():
                if entry.is_dir():
                    folders.append((name, entry.path))
                else:
                    yield name
                continue
            target = os.path.realpath(entry.path)
            if os.path.isdir(target) and lies_in(target, root):
                links.append((name, target))
                if not links_too:
                    continue
            yield name


def entries(folder: str | Path) -> Iterator[os.DirEntry]:
    """Yield the entries of a folder without clutter. Raises Refused if it cannot be read."""
    try:
        with os.scandir(folder) as scan:
            yield from (entry for entry in scan if not is_clutter(entry.name))
    except OSError as error:
        raise Refused(folder, f"cannot be read ({error.strerror})", "Make it readable") from error


@dataclass(frozen=True)
class State:
    """The facts that change when a file changes; links are followed.

    Attributes
    ----------
    size : int
        Bytes.
    time : int
        Time of the last change, in nanoseconds.
    target : str
        Where the file lies, without links, if a link leads there; else empty.
    regular : bool
        Whether it is a regular file.
    """

    size: int
    time: int
    target: str
    regular: bool


def states(folder: Path, names: Iterable[str]) -> Iterator[State]:
    """Yield the state of each file of a folder. Of a link that leads out of it, only the link itself is looked at.

    Raises
    ------
    OSError
        If there is no such file.
    """
    root = os.path.realpath(folder)
    parents: dict[str, str] = {}
    for name in names:
        path = os.path.join(root, name)
        parent, last = os.path.split(path)
        if parent not in parents:
            parents[parent] = os.path.realpath(parent)
        real = os.path.join(parents[parent], last)
        status = os.lstat(real)
        if stat.S_ISLNK(status.st_mode):
            real = os.path.realpath(real)
            if lies_in(real, root) and os.path.isfile(real):
                status = os.stat(real)
        target = "" if real == path else real
        yield State(status.st_size, status.st_mtime_ns, target, stat.S_ISREG(status.st_mode))
