"""Write reports to files: all of a call, or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pandas as pd

from lvmmed_backbones.display import csv_cell
from lvmmed_backbones.writing import replacing, sweep, sync
from reports import markdown
from reports.wording import LeaderboardText


def write_leaderboard(
    cells: pd.DataFrame,
    sheets: Sequence[LeaderboardText],
    out: Path,
    more: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write leaderboard.md and .csv into `out`, which is made if it is absent.

    Everything is rendered before the first file is touched.

    Parameters
    ----------
    cells : DataFrame
        `reports.analysis.leaderboard.long_table`.
    more : mapping of str to str, optional
        Texts of further files, by name.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    OSError
        If `out` cannot be written to.
    """
    return write_texts(
        out,
        {
            "leaderboard.md": markdown.leaderboard_markdown(sheets),
            "leaderboard.csv": as_csv(cells),
            **(more or {}),
        },
    )


def as_csv(table: pd.DataFrame) -> str:
    """The text of a CSV file, in which no spreadsheet takes what a record says for a formula."""
    texts = table.select_dtypes(exclude=["number", "bool"])
    return table.assign(**texts.map(csv_cell)).to_csv(index=False, lineterminator="\n")


def write_texts(out: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write text files, by name, into a folder that is made if it is absent; their paths.

    Raises
    ------
    DiskFull, OSError
        If `out` cannot be written to; all files are then as they were.
    """
    write_files({out / name: text.encode() for name, text in texts.items()})
    return [out / name for name in texts]


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write files, by path; folders are made, and what a killed one left in them goes.

    None takes its place before all are on the disk, so that only a kill in the moment of the renames can part them;
    each is whole even then.

    Raises
    ------
    DiskFull, OSError
        If one cannot be written; all are then as they were.
    """
    for folder in {path.parent for path in contents}:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
    with ExitStack() as stack:
        for path, content in contents.items():
            scratch = stack.enter_context(replacing(path))
            scratch.write_bytes(content)
            sync(scratch)
