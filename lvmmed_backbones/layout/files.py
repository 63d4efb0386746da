"""The files of a prepared data set and their fingerprint; what systems leave among them is passed over."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lvmmed_backbones.files.folders import is_clutter
from lvmmed_backbones.files.outside import Refused, opened


def names_of(folder: Path) -> set[str]:
    """The files below a folder, relative to it; clutter is passed over."""
    found = (p.relative_to(folder) for p in folder.rglob("*") if not p.is_dir())
    return {p.as_posix() for p in found if not any(map(is_clutter, p.parts))}


def lists_of(folder: Path, suffix: str) -> list[Path]:
    """The lists of the splits with a suffix, sorted; clutter is passed over."""
    return sorted(p for p in (folder / "splits").glob(f"*{suffix}") if not is_clutter(p.name))


def checksums(folder: Path) -> dict[str, str]:
    """The sha256 of each list of the splits, by the file's name.

    Raises
    ------
    Refused
        If one leads out of the folder, or cannot be read.
    """
    found = {}
    for path in lists_of(folder, ""):
        with opened(path, within=folder) as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def check_lists(folder: Path, meta: Mapping[str, Any]) -> None:
    """See that the lists of the splits are those that were prepared: a run takes from them what it trains on and tests.

    Raises
    ------
    Refused
        Naming one that is not, or is missing.
    """
    known, found = meta.get("lists"), checksums(folder)
    if known == found:
        return
    known = known if isinstance(known, dict) else {}
    name = min(name for name in {*known, *found} if known.get(name) != found.get(name))
    raise Refused(
        folder / "splits" / name,
        "is not as it was prepared",
        f"Delete {folder}: it is prepared again",
    )


def fingerprint(folder: Path) -> str:
    """sha256 over the paths and contents of a prepared data set, its meta and clutter left out.

    Raises
    ------
    Refused
        If a file leads out of the folder.
    """
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "meta.json"):
        if any(map(is_clutter, path.relative_to(folder).parts)):
            continue
        digest.update(os.fsencode(path.relative_to(folder)))
        with opened(path, within=folder) as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
