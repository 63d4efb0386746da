"""The files of a prepared data set and their fingerprint; clutter of operating systems is passed over."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lvmmed_backbones.files.folders import is_clutter
from lvmmed_backbones.files.outside import Refused, opened

CROISSANT, CROISSANT_TABLE = "croissant.json", "croissant.csv"  # descriptions for other tools
APART = {"meta.json", CROISSANT, CROISSANT_TABLE}  # files that say what a data set is


def file_names(folder: Path) -> set[str]:
    """Return the files below a folder, relative to it, without clutter."""
    paths = (p.relative_to(folder) for p in folder.rglob("*") if not p.is_dir())
    return {p.as_posix() for p in paths if not any(map(is_clutter, p.parts))}


def split_files(folder: Path, suffix: str) -> list[Path]:
    """Return the files of the splits with a suffix, sorted, without clutter."""
    return sorted(p for p in (folder / "splits").glob(f"*{suffix}") if not is_clutter(p.name))


def such_as(subject: object, names: Sequence[str], problem: str) -> list[str]:
    """Return one sentence that says how many names have a problem, and the first of them; none without names."""
    return [f"{subject} {len(names)} {problem}, such as {names[0]}"] if names else []


def checksums(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file of the splits, by the file's name.

    Raises
    ------
    Refused
        If one leads out of the folder, or cannot be read.
    """
    sums = {}
    for path in split_files(folder, ""):
        with opened(path, within=folder) as file:
            sums[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return sums


def check_lists(folder: Path, meta: Mapping[str, Any]) -> None:
    """Check that the files of the splits are as they were prepared: they say what a run trains on and tests.

    Raises
    ------
    Refused
        Naming one that is not, or is missing.
    """
    known, actual = meta.get("lists"), checksums(folder)
    if known == actual:
        return
    known = known if isinstance(known, dict) else {}
    name = min(name for name in {*known, *actual} if known.get(name) != actual.get(name))
    raise Refused(
        folder / "splits" / name,
        "is not as it was prepared",
        f"Delete {folder}: it is prepared again",
    )


def fingerprint(folder: Path) -> str:
    """Return the sha256 of the paths and contents of a prepared data set, without clutter and what describes it.

    Raises
    ------
    Refused
        If a file leads out of the folder.
    """
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in APART):
        if any(map(is_clutter, path.relative_to(folder).parts)):
            continue
        digest.update(os.fsencode(path.relative_to(folder)))
        with opened(path, within=folder) as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
