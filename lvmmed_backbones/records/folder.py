"""Read the records of a folder of results; a record that cannot be trusted is named."""

from __future__ import annotations

import math
import os
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from sys import intern
from typing import Any, TypeVar

import msgspec

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import Refused, opened, read_bytes
from lvmmed_backbones.records.cases import MEANS, case_scores, over_sites
from lvmmed_backbones.records.checked import AGAIN
from lvmmed_backbones.records.decoding import Earlier, decode, decode_cases
from lvmmed_backbones.records.record import FILE, MOST, Case, Record, WholeRecord

LARGEST = 1e6  # the largest value of a metric; all of this suite's lie in [-1, 1]
T = TypeVar("T")


class StoredRecord(Record, kw_only=True):
    """A record that was found in a folder of results, and was checked.

    Its cases stay in the file, since those of 100,000 records would fill the memory: `read_cases` reads them.

    Attributes
    ----------
    path : Path
        The file.
    results : Path
        The folder in which it was found; whatever else of the run is read lies in it, too.
    value : float
        The score in the headline metric, a fraction in [0, 1].
    """

    path: Path
    results: Path
    value: float

    def __post_init__(self) -> None:
        """Check nothing again."""


def read(
    results: Path, progress: Callable[[Sequence[Path]], Iterable[Path]] = iter
) -> tuple[list[StoredRecord], list[str]]:
    """Read every `record.json` below a folder.

    Parameters
    ----------
    results : Path
        The folder that `python -m benchmarks run --results` wrote.
    progress : callable
        Wraps the files while they are read, such as a bar.

    Returns
    -------
    (list of StoredRecord, list of str)
        The records in the order of their paths, and a message for each file that is no sound one, its cases included:
        its headline is the mean of them, where it is such a mean; for each folder that cannot be looked into; and for
        all files that one commit wrote in a schema that is no longer read.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no record in it.
    """
    if not results.is_dir():
        raise FileNotFoundError(
            f"{results}: no such folder. "
            "Name the folder that `python -m benchmarks run` wrote its results to."
        )
    paths, problems = _find(results)
    if not paths and not problems:
        raise FileNotFoundError(
            f"{results}: no {FILE} in it. Run `python -m benchmarks run --results {results}` first."
        )
    records = []
    shared: dict[tuple[type, bytes], Any] = {}
    earlier: dict[str, list[Path]] = {}
    for path in progress(paths):
        try:
            record_with_cases = decode(read_own(path, results, MOST))
            record = _stored(record_with_cases, path, results, shared)
            _check_means(record, record_with_cases.cases)
            records.append(record)
        except Refused as error:
            problems.append(str(error))
        except Earlier as error:
            earlier.setdefault(str(error), []).append(path)
        except ValueError as error:
            problems.append(plain(f"{path}: {error}"))
    problems += [f"{listed(same)}: {message}" for message, same in earlier.items()]
    return records, problems


def read_done(folder: Path) -> WholeRecord:
    """Read the record of a run that is done.

    Parameters
    ----------
    folder : Path
        The run's folder, named by the run's identity.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it is cut, of a schema that is no longer read, or another run's.
    """
    record = decode(read_bytes(folder / FILE, within=folder, most=MOST))
    if record.run != folder.name:
        raise ValueError(
            f"{folder / FILE}: is of the run {record.run}. Move it out of the results."
        )
    return record


def read_cases(record: StoredRecord) -> list[Case]:
    """Read the score of every test case of a run from its file.

    Returns
    -------
    list of Case
        A row per case: `case`, its name, and its scores, None: undefined. Empty if the run has none.

    Raises
    ------
    ValueError
        Naming the file, if it can no longer be read, or its cases are no such rows.
    """
    content = read_own(record.path, record.results, MOST)
    try:
        rows = decode_cases(content)
    except ValueError as error:
        raise ValueError(f"{plain(record.path)}: {error}") from error
    return [{**row, "case": nfc(str(row["case"]))} for row in rows]


def listed(paths: Sequence[Path], most: int = 3) -> str:
    """Return the first few of some files in words."""
    names = [plain(path) for path in paths[:most]]
    if len(paths) > most:
        names.append(f"and {len(paths) - most} more")
    return ", ".join(names)


def read_own(path: Path, results: Path, most: int) -> bytes:
    """Return the content of a file that a run left, of at most so many bytes.

    Parameters
    ----------
    path : Path
        A record's path, or one beside it. Only the last part of a path that `read` found can be a link.

    Raises
    ------
    Refused
        If it is not there, is no regular file, too large, or a link out of `results`.
    """
    try:
        with opened(path, within=results if os.path.islink(path) else None, most=most) as file:
            return file.read()
    except FileNotFoundError:
        raise gone(path) from None


def gone(path: Path) -> Refused:
    """Return the error for a file that is named and not there."""
    return Refused(path, "is gone, or a link that leads nowhere", "Restore the file, or delete it")


def nfc(text: str) -> str:
    """Return a name in the form of all records (NFC: composed letters are one): names that look equal are equal."""
    return intern(unicodedata.normalize("NFC", text))


def _find(results: Path) -> tuple[list[Path], list[str]]:
    """Return the files called record.json below a folder, sorted, and a message for each folder that cannot be read."""
    problems: list[str] = []
    paths: list[str] = []
    left = [os.fspath(results)]
    while left:  # os.walk recurses, so Python's stack would limit its depth
        folder = left.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name == FILE:
                        paths.append(entry.path)
                    if entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)
        except OSError as error:
            problems.append(
                f"{plain(folder)}: cannot be read ({error.strerror}). Make it readable, or {AGAIN}."
            )
    return [Path(path) for path in sorted(paths)], sorted(problems)


def _stored(
    whole: WholeRecord, path: Path, results: Path, shared: dict[tuple[type, bytes], Any]
) -> StoredRecord:
    """Return a record without its cases, its names in one form.

    Parameters
    ----------
    whole : WholeRecord
        Just decoded; its parts become those of the stored one.
    shared : dict of (type, bytes) to object
        Backbones, data, versions and machines of the records before, so that thousands of runs keep one copy of each.

    Raises
    ------
    ValueError
        If the headline is no fraction, or a metric is huge.
    """

    def once(part: T) -> T:
        return shared.setdefault((type(part), msgspec.msgpack.encode(part)), part)

    value = _headline(whole)
    for name in ("task", "dataset", "protocol", "profile", "split"):
        setattr(whole, name, nfc(getattr(whole, name)))
    for name in ("name", "architecture", "method", "corpus"):
        setattr(whole.backbone, name, nfc(getattr(whole.backbone, name)))
    whole.kind, whole.metric = intern(whole.kind), intern(whole.metric)
    whole.metrics = {intern(name): _defined(name, v) for name, v in whole.metrics.items()}
    whole.backbone, whole.data = once(whole.backbone), once(whole.data)
    provenance = whole.provenance
    provenance.versions, provenance.machine = once(provenance.versions), once(provenance.machine)
    provenance.git_revision = provenance.git_revision and intern(provenance.git_revision)
    fields = {name: getattr(whole, name) for name in Record.__struct_fields__}
    return StoredRecord(**fields, path=path, results=results, value=value)


def _check_means(record: StoredRecord, rows: Sequence[Mapping[str, Any]]) -> None:
    """Compare a record's scores that are means of its cases with the cases.

    Raises
    ------
    ValueError
        Naming the metric, if it is not their mean, or a case is not sound.
    """
    for metric in dict.fromkeys([record.metric, *MEANS]):
        value = record.metrics.get(metric)
        scores = case_scores(rows, metric)
        if scores and value is not None:
            over_sites(scores, metric, value, record.metrics)


def _headline(record: Record) -> float:
    """Return the value of the headline metric.

    Raises
    ------
    ValueError
        If it is absent, undefined, or no fraction in [0, 1].
    """
    name, value = record.metric, record.metrics.get(record.metric)
    if value is None or math.isnan(value):
        raise ValueError(
            f"its headline, {name}, is undefined ({value}). "
            f"Look into run.log beside it, then {AGAIN}."
        )
    if not 0 <= value <= 1:
        raise ValueError(
            f"its headline, {name}, is {value}, not a fraction in [0, 1]. "
            f"Restore the file, or {AGAIN}."
        )
    return float(value)


def _defined(name: str, value: float | None) -> float | None:
    """Return the value of a metric; None if it is undefined.

    Raises
    ------
    ValueError
        If it is so large that sums and percentages of it have no end.
    """
    if value is None or not math.isfinite(value):
        return None
    if abs(value) > LARGEST:
        raise ValueError(
            f"metrics has {name} {value}, beyond {LARGEST:,.0f}. Restore the file, or {AGAIN}."
        )
    return value
