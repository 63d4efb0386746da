"""The catalogue of backbones: one file each, found by convention.

A new backbone is a new file beside this one that says `ENTRY = Entry(...)`; its name is the file's.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil

from lvmmed_backbones.catalogue.entry import Entry

__all__ = ["Entry", "get", "names"]


def names() -> list[str]:
    """The backbones that there are."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name != "entry")


def get(name: str) -> Entry:
    """The entry called `name`.

    Raises:
        ValueError: if there is none, with the names that come close.
    """
    if name not in names():
        close = difflib.get_close_matches(name, names(), n=3, cutoff=0.4)
        hint = (
            f"did you mean {' or '.join(close)}?" if close else f"choose from {', '.join(names())}"
        )
        raise ValueError(f"no backbone {name!r} in the catalogue: {hint}")
    return importlib.import_module(f"{__name__}.{name}").ENTRY
