"""Records for others: the functions behind the verbs that hand all of them to another tool.

Each sound record that passes the filters is handed over, older versions of tasks and all headlines included: whoever
reads them chooses. Copies of a run count once; records of one run that contradict each other are named and left out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, Unpack

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import Refused
from reports.commands import load
from reports.reading.consistency import merge_copies
from reports.reading.selection import Filters

__all__ = ["ExportReport", "PushReport", "export", "push"]
TRACKERS = ("mlflow",)


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


@dataclass(frozen=True)
class PushReport:
    """What `push` did.

    Attributes
    ----------
    address : str
        Where the runs are.
    made, updated, unchanged : int
        How many runs are new there, were brought up to date, and were there as they are.
    problems : list of str
        A sentence for each record that was left out.
    """

    address: str
    made: int
    updated: int
    unchanged: int
    problems: list[str]


def push(
    results: str | Path,
    *,
    to: Literal["mlflow"],
    uri: str | None = None,
    experiment: str = "lvmmed",
    **filters: Unpack[Filters],
) -> PushReport:
    """Write all records as runs of an experiment tracker.

    Each record becomes one run, with parameters, metrics and tags, its cases as a table, and its config. Pushed again,
    it stays one run: it is found by its identity and brought up to date. Records that cannot be used are named as
    problems; the others are pushed all the same.

    Parameters
    ----------
    results : str or Path
        Folder of runs; any record.json in it is read.
    to : {"mlflow"}
        The tracker.
    uri : str, optional
        Address of its server, http or https; a user and a password in it are not shown. None: that in the
        environment's MLFLOW_TRACKING_URI.
    experiment : str
        Name of the experiment there; it is made if there is none.
    filters : Unpack[Filters]
        Which records to use (`reports.reading.selection.Filters`).

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no record in it.
    NothingLeft
        If no record can be used.
    ValueError
        If there is no such tracker or address.
    ModuleNotFoundError
        If the tracker's package is not installed; the message names the extra.
    ConnectionError
        If the server cannot be reached, or refuses. What was pushed until then stays; the next push does the rest.
    """
    if to not in TRACKERS:
        raise ValueError(f"--to {to}: choose from {', '.join(TRACKERS)}")
    records, problems, _ = load(results, filters, merge_copies)

    from tqdm import tqdm

    from reports.trackers import mlflow
    from reports.trackers.run import tracked

    outcomes: Counter[str] = Counter()
    # disable=None: no bar where stderr is no terminal.
    bar = partial(tqdm, desc="pushing", unit=" runs", disable=None, delay=1, leave=False)
    with mlflow.experiment(uri, experiment) as there:
        for record in bar(records):
            try:
                outcomes[there.push(tracked(record))] += 1
            except Refused as error:
                problems.append(str(error))
            except ValueError as error:
                problems.append(f"{plain(record.path)}: {plain(error)}")
    made, updated, unchanged = (outcomes[name] for name in ("made", "updated", "unchanged"))
    return PushReport(there.address, made, updated, unchanged, problems)
