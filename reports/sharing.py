"""Records for others: the functions behind the verbs that hand all of them to another tool.

Each sound record that passes the filters is handed over, older versions of tasks and all headlines included: whoever
reads them chooses. Copies of a run count once; records of one run that contradict each other are named and left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Unpack

from reports.commands import load
from reports.reading.consistency import merge_copies
from reports.reading.selection import Filters

__all__ = ["ExportReport", "export"]


@dataclass(frozen=True)
class ExportReport:
    """What `export` wrote.

    Attributes
    ----------
    file : Path
        The Parquet file.
    runs : int
        How many runs are in it, a row each.
    problems : list of str
        A sentence for each record that was left out.
    """

    file: Path
    runs: int
    problems: list[str]


def export(results: str | Path, *, out: str | Path, **filters: Unpack[Filters]) -> ExportReport:
    """Write all records as one Parquet file, for pandas, DuckDB and others.

    It has a row per run with every field of its record, the scores of its cases included; docs/sharing.md describes
    the columns. Records that cannot be used are named as problems; the others are written all the same.

    Parameters
    ----------
    results : str or Path
        Folder of runs; any record.json in it is read.
    out : str or Path
        The file to write; one that is there is replaced.
    filters : Unpack[Filters]
        Which records to use (`reports.reading.selection.Filters`).

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no record in it.
    NothingLeft
        If no record can be used.
    Refused
        If `out` is a folder.
    OSError
        If the file cannot be written.
    """
    records, problems, _ = load(results, filters, merge_copies)

    from tqdm import tqdm

    from reports.render.parquet import write_parquet

    # disable=None: no bar where stderr is no terminal.
    bar = partial(tqdm, desc="writing", unit=" records", disable=None, delay=1, leave=False)
    runs, unread = write_parquet(bar(records), Path(out))
    return ExportReport(Path(out), runs, [*problems, *unread])
