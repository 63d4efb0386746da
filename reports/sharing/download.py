"""Take the records of a results repository, so that nobody measures again what others have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Unpack

from lvmmed_backbones.display import plain
from lvmmed_backbones.records import FILE, StoredRecord
from reports.reading.selection import Filters
from reports.sharing.merge import Merged, add_to, read_with_bar
from reports.sharing.source import opened_source

MOST_NAMED = 3


def download(source: str | Path, *, to: str | Path, **filters: Unpack[Filters]) -> Merged:
    """Add the records of a results repository to a folder of results: its runs count as done for `lvmmed run`.

    A run has the same name on every machine, so what was downloaded is not measured again. Records that contradict
    those that are there are named and not copied, as by `merge`; so are those that do not fit their identity.

    Parameters
    ----------
    source : str or Path
        A folder, or the URL of a git repository, by https, ssh or file; its newest commit is fetched.
    to : str or Path
        Folder of results to write to; what it has is kept.
    filters : Unpack[Filters]
        Which records to take (`reports.reading.selection.Filters`).

    Raises
    ------
    FileNotFoundError
        If there is no such folder, no record in it, or no git.
    Refused
        If the URL cannot be fetched, or is too large.
    ValueError
        If no record passes the filters.
    DiskFull, OSError
        If something cannot be written; the same call finishes it.
    """
    with opened_source(str(source)) as (folder, left_out):
        problems = _checked(source, folder, left_out)
        merged = add_to(Path(to), [folder], filters)
        return replace(merged, problems=[*problems, *_by_source(merged.problems, folder, source)])


def read_source(source: str | Path) -> tuple[list[StoredRecord], list[str]]:
    """Read the records of a results repository; of a URL, they are gone when this returns, so their cases are not read.

    Returns
    -------
    (list of StoredRecord, list of str)
        The records, and a sentence for each thing that cannot be used.

    Raises
    ------
    FileNotFoundError, Refused
        As `download`.
    """
    with opened_source(str(source), lambda name: name.endswith(f"/{FILE}")) as (folder, left_out):
        problems = _checked(source, folder, left_out)
        records, unsound = read_with_bar(folder)
        return records, [*problems, *_by_source(unsound, folder, source)]


def _checked(source: str | Path, folder: Path, left_out: list[str]) -> list[str]:
    """Return what was left out of a source.

    Raises
    ------
    FileNotFoundError
        If nothing is left; it tells what was left out.
    """
    if next(folder.iterdir(), None) is None:
        reasons = "".join(f" {sentence}." for sentence in left_out[:MOST_NAMED])
        raise FileNotFoundError(f"{plain(source)}: has no records of runs.{reasons}")
    return left_out


def _by_source(problems: Sequence[str], folder: Path, source: str | Path) -> list[str]:
    """Name the source in sentences, in place of the folder that it was unpacked into."""
    return [problem.replace(str(folder), plain(source)) for problem in problems]
