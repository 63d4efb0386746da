"""Checksums of files of weights, each reckoned once: half a second for ViT-B, at every plan and every run."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from functools import cache
from pathlib import Path

from lvmmed_backbones.files.home import user_folder
from lvmmed_backbones.files.outside import MIB, Refused, opened, read_json
from lvmmed_backbones.files.writing import sweep, write_json

SMALL = 32 * MIB  # is hashed sooner than it is looked up
FRESH = 2.0  # seconds: a file changed so lately may change again within the same tick of the file system's clock


def file_sha256(path: Path) -> str:
    """Checksum of a file, 64 hex digits; of a large one that was seen before and has not changed, from memory.

    Raises
    ------
    FileNotFoundError, Refused
        If it cannot be opened.
    """
    with opened(path) as file:
        state = os.fstat(file.fileno())
        key = (str(path.resolve()), state.st_size, state.st_mtime_ns)
        return hashed(*key) if state.st_size <= SMALL else remembered(*key)


@cache
def remembered(path: str, size: int, mtime_ns: int) -> str:
    """The checksum of a large file in this state, from the memory that all processes share, or reckoned."""
    known = memory()
    if known.get(path, [])[:2] == [size, mtime_ns]:
        return known[path][2]
    found = hashed(path, size, mtime_ns)
    if time.time() - mtime_ns / 1e9 > FRESH:
        remember(known | {path: [size, mtime_ns, found]})
    return found


def hashed(path: str, size: int, mtime_ns: int) -> str:
    """Reckon a checksum."""
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def memory_file() -> Path:
    """Where the checksums are remembered."""
    return user_folder() / "checksums.json"


def memory() -> dict[str, list]:
    """Size, time of change and checksum of files, by path; empty if none was remembered, or the file is spoilt."""
    try:
        content = read_json(memory_file(), "It is made anew")
    except (FileNotFoundError, Refused):  # worth no more than the time it saves
        return {}
    sound = isinstance(content, dict) and all(
        isinstance(v, list) and [type(x) for x in v] == [int, int, str] for v in content.values()
    )
    return content if sound else {}


def remember(known: dict[str, list]) -> None:
    """Write the memory; a cache that cannot be written to is no reason to stop."""
    file = memory_file()
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        sweep(file.parent)
        write_json(file, known)


def check_sha256(path: Path, expected: str) -> None:
    """Compare the checksum of a file with all digits, or the first, of the expected one.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If they differ.
    """
    found = file_sha256(path)
    if not found.startswith(expected):
        raise Refused(
            path,
            f"has sha256 {found}, expected {expected}: it is damaged or another file",
            "Remove it and fetch it again",
        )
