"""A folder that appears whole: written beside its place, then swapped with what was there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lvmmed_backbones.outside import Refused, read_bytes

MARK = "site.txt"
MADE_BY = "Made by `python -m reports site`, which replaces this folder as a whole.\n"


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """An empty folder to write to, which takes the place of `out` if nothing is raised; otherwise `out` is as it was.

    Raises:
        FileExistsError: if something is at `out` that was not made so, and is no empty folder.
        OSError: if it cannot be written.
    """
    out = Path(os.path.realpath(out))  # Path.resolve raises RuntimeError where links go in a circle
    refuse_foreign(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    scratch = out.with_name(f".{out.name}.{os.getpid()}.partial")
    former = out.with_name(f".{out.name}.{os.getpid()}.former")
    scratch.mkdir()
    try:
        (scratch / MARK).write_text(MADE_BY, encoding="utf-8")
        yield scratch
        refuse_foreign(out)
        if out.exists():
            os.rename(out, former)
        try:
            os.rename(scratch, out)
        except OSError:
            if former.exists():
                os.rename(former, out)
            raise
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    shutil.rmtree(former, ignore_errors=True)


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
