"""Join the results of several machines; what contradicts something is named, and nothing is overwritten."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.files.writing import sweep
from lvmmed_backbones.records import StoredRecord, read
from lvmmed_backbones.records.audits import FOLDER as AUDITS
from lvmmed_backbones.records.audits import Audit, read_audits, write_audit
from lvmmed_backbones.records.identity import read_identity
from reports.reading.seen import folders_with_audits
from reports.reading.selection import Filters, select_records
from reports.sharing.cells import Cell, cell_of, differing_scores, why_apart
from reports.sharing.run_files import RUN, copy_run, own_folder

THREADS = 8  # they wait for the disk


@dataclass(frozen=True)
class Merged:
    """What `merge` or `download` did.

    Attributes
    ----------
    out : Path
        The folder of results.
    added : list of str
        Runs whose files were copied, in the order of the folders.
    equal : int
        How many further records of a run have the same scores as the one that is kept.
    audits : int
        How many audits were copied.
    problems : list of str
        A sentence for each contradiction, and for each record or file that cannot be used.
    """

    out: Path
    added: list[str]
    equal: int
    audits: int
    problems: list[str]


@dataclass
class Kept:
    """The records that are kept so far, by run and by cell."""

    by_run: dict[str, StoredRecord]
    by_cell: dict[Cell, StoredRecord]

    def add(self, record: StoredRecord) -> None:
        """Keep a record; of a cell, the first one stays."""
        self.by_run[record.run] = record
        self.by_cell.setdefault(cell_of(record), record)


def merge(results: Sequence[str | Path], *, out: str | Path) -> Merged:
    """Join the results of two or more machines in one folder.

    Each run goes along with its record, identity, config, gallery and curves; checkpoints, logs and leases stay where
    they are. Audits go along, too. A run that several folders have with the same scores is there once. Of records that
    contradict each other the first one is kept, the other is named and not copied: the same run with other scores, or
    another run of the same cell (task and version, recipe, protocol, backbone, share of the labels, split, profile,
    seed). Records that are there already are the first ones: nothing is overwritten.

    Parameters
    ----------
    results : sequence of str or Path
        Folders of runs; any record.json in them is read. The earlier ones are kept where two contradict each other.
    out : str or Path
        Folder of results to write to; what it has is kept, also if it is one of `results`.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no record in it.
    Refused
        If a link lies where a folder is to be written.
    DiskFull, OSError
        If something cannot be written; the same call finishes it.
    """
    return add_to(Path(out), [Path(folder) for folder in results], {})


def add_to(out: Path, folders: Sequence[Path], filters: Filters) -> Merged:
    """Add the records of folders that pass the filters to a folder of results, as `merge`.

    Raises
    ------
    FileNotFoundError, Refused, DiskFull, OSError
        As `merge`; ValueError, too, if no record passes the filters.
    """
    problems: list[str] = []
    kept = Kept({}, {})
    for record in _there(out, problems):
        kept.add(record)
    equal = 0
    chosen: list[StoredRecord] = []
    audits: list[tuple[Path, Audit]] = []
    known = {os.path.realpath(out)}
    for folder in folders:
        if os.path.realpath(folder) in known:
            continue
        known.add(os.path.realpath(folder))
        records, unsound = read_with_bar(folder)
        problems += unsound
        sound = [record for record in records if _is_named(record, problems)]
        for record in select_records(sound, filters) if sound else ():
            former = kept.by_run.get(record.run)
            if contradiction := contradicts(record, kept):
                problems.append(f"{contradiction}. The first is kept, the other not copied.")
            elif former is not None:
                equal += 1
            elif identified(record, problems)[0]:
                kept.add(record)
                chosen.append(record)
        for place in folders_with_audits(folder, records):
            found, unsound = read_audits(place)
            problems += unsound
            audits += [(place, audit) for audit in found]
    if not out.is_dir():  # it may be a link to another disk: the user named it
        own_folder(out)
    added = _copy(chosen, out, problems)
    number = _add_audits(audits, out, problems)
    return Merged(out, added, equal, number, problems)


def read_with_bar(folder: Path) -> tuple[list[StoredRecord], list[str]]:
    """Read the records of a folder, as `lvmmed_backbones.records.read`, with a bar if it takes a while."""
    from tqdm import tqdm

    bar = partial(tqdm, desc="reading", unit=" records", disable=None, delay=1, leave=False)
    return read(folder, bar)


def contradicts(record: StoredRecord, kept: Kept) -> str:
    """Say in what a record contradicts one that is kept; empty if in nothing."""
    former = kept.by_run.get(record.run)
    if former is not None:
        try:
            differences = differing_scores(former, record)
        except ValueError as error:  # one was changed meanwhile
            return plain(f"{record.path}: {error}")
        where = f"{former.path} and {record.path}: two results of run {record.run}"
        return plain(f"{where}: {differences}") if differences else ""
    former = kept.by_cell.get(cell_of(record))
    if former is None:
        return ""
    facts = [identified(one, [])[1] for one in (former, record)]
    scores = " and ".join(f"{one.metric} {one.value:g}" for one in (former, record))
    return plain(
        f"{former.path} and {record.path}: two runs of {cell_of(record)} ({scores}), which differ in "
        f"{why_apart(former, record, *facts)}"
    )


def identified(record: StoredRecord, problems: list[str]) -> tuple[bool, dict[str, Any] | None]:
    """Return whether a record fits its identity, and the identity, if there is one; else why not becomes a problem."""
    try:
        return True, read_identity(record.path.parent, record)
    except Refused as error:
        problems.append(str(error))
        return False, None


def _is_named(record: StoredRecord, problems: list[str]) -> bool:
    """Whether a run has a name that can be a folder's; else that becomes a problem."""
    if RUN.fullmatch(record.run):
        return True
    problems.append(
        plain(f"{record.path}: its run is {record.run!r}, not 16 hex digits. Restore the file")
    )
    return False


def _there(out: Path, problems: list[str]) -> list[StoredRecord]:
    """The records that a folder of results has already."""
    try:
        records, unsound = read_with_bar(out)
    except FileNotFoundError:
        return []
    problems += unsound
    return records


def _copy(records: Sequence[StoredRecord], out: Path, problems: list[str]) -> list[str]:
    """Copy runs; return those that were copied."""
    from tqdm import tqdm

    def copied(record: StoredRecord) -> tuple[bool, list[str]]:
        try:
            return True, copy_run(record, out)
        except Refused as error:
            return False, [f"{error}. Not copied: {plain(record.path.parent)}"]

    added = []
    with ThreadPoolExecutor(THREADS) as threads:
        outcomes = threads.map(copied, records)
        bar = tqdm(outcomes, "copying", len(records), unit=" runs", disable=None, delay=1)
        for record, (done, sentences) in zip(records, bar, strict=True):
            added += [record.run] if done else []
            problems += sentences
    return added


def _add_audits(audits: Sequence[tuple[Path, Audit]], out: Path, problems: list[str]) -> int:
    """Write the audits that are not there; return their number. Those that contradict become problems."""
    there, unsound = read_audits(out)
    problems += [problem for problem in unsound if problem not in problems]
    known = {(audit.dataset, audit.corpus): audit for audit in there}
    added = 0
    if audits:
        sweep(own_folder(out / AUDITS))
    for folder, audit in audits:
        former = known.setdefault((audit.dataset, audit.corpus), audit)
        if former is not audit and former != audit:
            problems.append(
                plain(
                    f"{folder / AUDITS}: another audit of corpus {audit.corpus[:16]} and {audit.dataset} finds "
                    f"{len(former.leaked)} of {former.tested} cases by {former.by}, this one {len(audit.leaked)} of "
                    f"{audit.tested} by {audit.by}. The first is kept, the other not copied."
                )
            )
        elif former is audit:
            write_audit(out, audit)
            added += 1
    return added
