"""Checksums of files of weights. Each is computed once: for ViT-B this takes half a second at every plan and run."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from functools import cache
from pathlib import Path

import msgspec

from lvmmed_backbones.files.home import user_folder
from lvmmed_backbones.files.outside import MIB, Refused, opened, read_json
from lvmmed_backbones.files.writing import sweep, write_json

SMALL = 32 * MIB  # a file up to this size is hashed sooner than looked up
# Seconds. A file that changed so lately may change again within the same tick of the file system's clock.
RECENT = 2.0


def file_sha256(path: Path) -> str:
    """Return the checksum of a file, 64 hex digits; that of a large file which has not changed comes from a cache.

    Raises
    ------
    FileNotFoundError, Refused
        If it cannot be opened.
    """
    with opened(path) as file:
        state = os.fstat(file.fileno())
    key = (str(path.resolve()), state.st_size, state.st_mtime_ns)
    return _hash(*key) if state.st_size <= SMALL else _look_up(*key)


@cache
def _look_up(path: str, size: int, mtime_ns: int) -> str:
    """Return the checksum of a large file in this state, from the file that all processes share, or compute it."""
    known = _read_cache()
    if known.get(path, ())[:2] == (size, mtime_ns):
        return known[path][2]
    checksum = _hash(path, size, mtime_ns)
    if time.time() - mtime_ns / 1e9 > RECENT:
        _write_cache(known | {path: (size, mtime_ns, checksum)})
    return checksum


def _hash(path: str, size: int, mtime_ns: int) -> str:
    """Compute a checksum."""
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cache_file() -> Path:
    """Return the file that holds the known checksums."""
    return user_folder() / "checksums.json"


def _read_cache() -> dict[str, tuple[int, int, str]]:
    """Return size, time of change and checksum of each known file by its path; empty if the cache is bad or absent."""
    try:
        content = read_json(_cache_file(), "It is made anew")
        return msgspec.convert(content, dict[str, tuple[int, int, str]])
    except (FileNotFoundError, Refused, msgspec.ValidationError):  # the cache only saves time
        return {}


def _write_cache(known: dict[str, tuple[int, int, str]]) -> None:
    """Write the known checksums; go on if the cache cannot be written."""
    file = _cache_file()
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        sweep(file.parent)
        write_json(file, known)


def check_sha256(path: Path, expected: str) -> None:
    """Compare the checksum of a file with all digits, or the first digits, of the expected one.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If they differ.
    """
    checksum = file_sha256(path)
    if not checksum.startswith(expected):
        raise Refused(
            path,
            f"has sha256 {checksum}, expected {expected}: it is damaged or another file",
            "Remove it and fetch it again",
        )
