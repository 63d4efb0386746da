"""Files that are there whole or not at all, whatever kills the process or the machine that writes them."""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCRATCH = ".partial"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """An empty scratch file beside `path`, to be written to within; whole and on the disk, it takes `path`'s place.

    After an error `path` is as it was. A kill leaves the scratch file, which `sweep` takes away.

    Raises:
        OSError: if the folder cannot be written to, or is full.
    """
    scratch = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}{SCRATCH}")
    number = os.open(scratch, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        lock(number)
        yield scratch
        os.fsync(number)
        os.replace(scratch, path)
        sync_folder(path.parent)
    finally:
        scratch.unlink(missing_ok=True)
        os.close(number)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file as `replacing`."""
    with replacing(path) as scratch:
        scratch.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8, its line ends as they are, as `replacing`."""
    write_bytes(path, text.encode())


def sweep(folder: Path) -> None:
    """Take away the scratch files of a folder that no living process writes to."""
    for path in folder.glob(f".*{SCRATCH}"):
        try:
            number = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:  # gone meanwhile, no file, or not ours
            continue
        try:
            if lock(number):
                path.unlink(missing_ok=True)
        finally:
            os.close(number)


def lock(number: int) -> bool:
    """Take the lock of an open file, which ends with the process; False if another process has it, or none can be."""
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def sync_folder(folder: Path) -> None:
    """Have a folder's names on the disk."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)
