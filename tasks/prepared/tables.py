"""Read the tables of a download, with errors that name the file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from lvmmed_backbones import outside
from lvmmed_backbones.outside import Refused, read_bytes, refusing

REMEDY = "Download it again"


def read_json(path: Path, what: str) -> dict:
    """The content of a JSON file, an object.

    Raises:
        FileNotFoundError: if there is none, naming what was looked for.
        Refused: if it is not whole, or of another structure.
    """
    try:
        content = outside.read_json(path, REMEDY)
    except FileNotFoundError:
        raise missing(path, what) from None
    if not isinstance(content, dict):
        raise Refused(path, f"holds a {type(content).__name__}, not {what} by name", REMEDY)
    return content


def read_csv(path: Path, what: str, names: Sequence[str] | None = None) -> pd.DataFrame:
    """The rows of a table.

    Args:
        names: of the columns, if the table has no header.

    Raises:
        FileNotFoundError: if there is none, naming what was looked for.
        Refused: if it is not whole.
    """
    try:
        content = read_bytes(path)
    except FileNotFoundError:
        raise missing(path, what) from None
    with refusing(path, REMEDY, "is no whole table"):
        return pd.read_csv(io.BytesIO(content), header=None if names else "infer", names=names)


def missing(path: Path, what: str) -> FileNotFoundError:
    """The error for a file of a download that is not there."""
    return FileNotFoundError(f"{path}: no {what} there. Is the download unpacked in this place?")
