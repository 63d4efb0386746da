"""Write leaderboards to files, each complete or untouched."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from reports import markdown, page
from reports.leaderboard import Leaderboard, long_table
from reports.wording import Sheet


def publish(boards: Sequence[Leaderboard], sheets: Sequence[Sheet], out: Path) -> list[Path]:
    """Write leaderboard.md, .csv and .html into `out`, which is made if it is absent.

    Everything is rendered before the first file is touched.

    Returns:
        The files.

    Raises:
        OSError: if `out` cannot be written to.
    """
    files = {
        out / "leaderboard.md": markdown.render(sheets),
        out / "leaderboard.csv": long_table(boards).to_csv(index=False, lineterminator="\n"),
        out / "leaderboard.html": page.render(sheets),
    }
    out.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        write(path, text)
    return list(files)


def write(path: Path, text: str) -> None:
    """Write a text file by an atomic rename.

    Raises:
        OSError: if it cannot be written; `path` is then as it was.
    """
    scratch = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        scratch.write_text(text, encoding="utf-8", newline="\n")
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)
