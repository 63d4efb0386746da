"""Read the tables of a download, with errors that name the file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd


def read_json(path: Path, what: str) -> Any:
    """The content of a JSON file.

    Raises:
        FileNotFoundError: if there is none, naming what was looked for.
        ValueError: if it is not whole.
    """
    found(path, what)
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} is no whole JSON file ({error}). Download it again.") from error


def read_csv(path: Path, what: str, names: Sequence[str] | None = None) -> pd.DataFrame:
    """The rows of a table.

    Args:
        names: of the columns, if the table has no header.

    Raises:
        FileNotFoundError: if there is none, naming what was looked for.
        ValueError: if it is not whole.
    """
    found(path, what)
    try:
        return pd.read_csv(path, header=None if names else "infer", names=names)
    except ValueError as error:
        raise ValueError(f"{path} is no whole table ({error}). Download it again.") from error


def found(path: Path, what: str) -> None:
    """Raise FileNotFoundError if a file of a download is not there."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no {what} there. Is the download unpacked in this place?")
