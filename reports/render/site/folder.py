"""The folder of a site: the old one or the new one, at any moment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lvmmed_backbones.outside import Refused, read_bytes
from lvmmed_backbones.writing import replacing_folder, sweep

MARK = "site.txt"
MADE_BY = "Made by `python -m reports site`, which replaces this folder as a whole.\n"


@contextmanager
def replacing_site(out: Path) -> Iterator[Path]:
    """An empty folder to write to, which takes the place of `out` if nothing is raised; otherwise `out` is as it was.

    Raises
    ------
    FileExistsError
        If something is at `out` that was not made so, and is no empty folder.
    DiskFull, OSError
        If it cannot be written.
    """
    out = Path(os.path.realpath(out))  # Path.resolve raises RuntimeError where links go in a circle
    sweep(out.parent)  # puts a site back that a kill took from its name
    refuse_foreign(out)
    with replacing_folder(out) as folder:
        (folder / MARK).write_text(MADE_BY, encoding="utf-8")
        yield folder
        refuse_foreign(out)


def refuse_foreign(out: Path) -> None:
    """Raise FileExistsError if `out` holds what this suite did not write."""
    remedy = "Name a folder that is new, empty, or was made by this command."
    if os.path.lexists(out) and not out.is_dir():
        raise FileExistsError(f"{out}: not a folder. {remedy}")
    if out.is_dir() and any(out.iterdir()):
        try:
            made_by = read_bytes(out / MARK, within=out, most=len(MADE_BY))
        except (FileNotFoundError, Refused):
            made_by = b""
        if made_by != MADE_BY.encode():
            raise FileExistsError(f"{out}: not made by `python -m reports site`. {remedy}")
