"""The files of a prepared data set; what systems leave among them is passed over."""

from __future__ import annotations

from pathlib import Path

from lvmmed_backbones.folders import is_clutter


def names_of(folder: Path) -> set[str]:
    """The files below a folder, relative to it; clutter is passed over."""
    found = (p.relative_to(folder) for p in folder.rglob("*") if not p.is_dir())
    return {p.as_posix() for p in found if not any(map(is_clutter, p.parts))}


def lists_of(folder: Path, suffix: str) -> list[Path]:
    """The lists of the splits with a suffix, sorted; clutter is passed over."""
    return sorted(p for p in (folder / "splits").glob(f"*{suffix}") if not is_clutter(p.name))
