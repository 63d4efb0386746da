"""Write leaderboards to files, each complete or untouched."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from lvmmed_backbones.display import csv_cell
from reports import markdown
from reports.wording import Sheet


def publish(cells: pd.DataFrame, sheets: Sequence[Sheet], out: Path) -> list[Path]:
    """Write leaderboard.md and .csv into `out`, which is made if it is absent.

    Everything is rendered before the first file is touched.

    Args:
        cells: `reports.leaderboard.long_table`.

    Returns:
        The files.

    Raises:
        OSError: if `out` cannot be written to.
    """
    return write_all(
        out,
        {
            "leaderboard.md": markdown.render(sheets),
            "leaderboard.csv": as_csv(cells),
        },
    )


def as_csv(table: pd.DataFrame) -> str:
    """The text of a CSV file, in which no spreadsheet takes what a record says for a formula."""
    texts = table.select_dtypes(exclude=["number", "bool"])
    return table.assign(**texts.map(csv_cell)).to_csv(index=False, lineterminator="\n")


def write_all(out: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write text files, by name, into a folder that is made if it is absent; their paths.

    Raises:
        OSError: if `out` cannot be written to.
    """
    out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write(out / name, text)
    return [out / name for name in texts]


def write(path: Path, content: str | bytes) -> None:
    """Write a file by an atomic rename; text as UTF-8.

    Raises:
        OSError: if it cannot be written; `path` is then as it was.
    """
    scratch = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        scratch.unlink(missing_ok=True)
        with scratch.open("xb") as file:  # x: follows no link that lies there
            file.write(content.encode() if isinstance(content, str) else content)
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)
