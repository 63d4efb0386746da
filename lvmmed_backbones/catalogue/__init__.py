"""The catalogue of backbones: one file each, found by convention.

A new backbone is a new file beside this one that says `ENTRY = Entry(...)`, or a file of weights that
`python -m lvmmed_backbones export` wrote, here or in a folder of `folders()`; its name is the file's.
"""

from __future__ import annotations

import difflib
import importlib
import os
import pkgutil
from pathlib import Path

from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.catalogue.exported import entry_of
from lvmmed_backbones.weights.source import cache_folder

__all__ = ["Entry", "folders", "get", "names"]

NOT_ENTRIES = ("entry", "exported")


def folders() -> list[Path]:
    """Where exported backbones are looked for: here, in $LVMMED_CATALOGUE, in the cache's `catalogue`."""
    chosen = os.environ.get("LVMMED_CATALOGUE", "")
    return [
        *map(Path, __path__),
        *(Path(folder) for folder in chosen.split(os.pathsep) if folder),
        cache_folder().parent / "catalogue",
    ]


def exported() -> dict[str, Path]:
    """The files of exported backbones by name; the first folder that has a name wins."""
    files = [file for folder in folders() for file in sorted(folder.glob("*.safetensors"))]
    return {file.stem: file for file in reversed(files)}


def names() -> list[str]:
    """The backbones that there are."""
    modules = {m.name for m in pkgutil.iter_modules(__path__) if m.name not in NOT_ENTRIES}
    return sorted(modules | set(exported()))


def get(name: str) -> Entry:
    """The entry called `name`.

    Raises:
        ValueError: if there is none, with the names that come close; or if its file is damaged.
    """
    if name not in names():
        close = difflib.get_close_matches(name, names(), n=3, cutoff=0.4)
        hint = (
            f"did you mean {' or '.join(close)}?" if close else f"choose from {', '.join(names())}"
        )
        raise ValueError(f"no backbone {name!r} in the catalogue: {hint}")
    if any(m.name == name for m in pkgutil.iter_modules(__path__)):
        return importlib.import_module(f"{__name__}.{name}").ENTRY
    return entry_of(exported()[name])
