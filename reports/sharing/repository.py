"""Check a results repository: a folder of records that laboratories share (docs/results-repository.md)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.records import FILE, IDENTITY, RUNS, StoredRecord, read_cases
from lvmmed_backbones.records.audits import read_audits
from lvmmed_backbones.records.known import FILE as TASKS
from lvmmed_backbones.records.known import Known, KnownTask, read_known
from reports.reading.metrics import describe_metric
from reports.sharing.merge import Kept, contradicts, identified, read_with_bar
from reports.sharing.run_files import RUN, most_bytes, sorted_files

PROBE = "probe"  # the profile of the records of `lvmmed evaluate`, which have no identity.json
ROUNDING = 1e-6  # a mean of fractions in single precision may be that far beyond 1
MOST_COSTS = {  # far beyond what a run of this suite needs
    "train_seconds": 1e7,  # 116 days
    "test_seconds": 1e7,
    "peak_memory_mb": 1e7,  # 10 TB
}
SECONDS = ("train_seconds", "test_seconds")


@dataclass(frozen=True)
class Checked:
    """What `check` found.

    Attributes
    ----------
    records : int
        How many sound records there are.
    notes : list of str
        A sentence for each thing that could not be checked.
    problems : list of str
        A sentence for each thing that is wrong.
    """

    records: int
    notes: list[str]
    problems: list[str]


def check(repository: str | Path) -> Checked:
    """Check the records of a results repository, as its CI does for each proposal.

    A record must be sound and lie in runs/ID, ID its run. Its headline must be the mean of its cases where it is such a
    mean, its metrics and cost must be in their ranges, and its identity must give its ID. Beside it lies nothing but
    what is shared. Task, version, data set and fingerprint must be among those of tasks.json. Two runs of one cell, and
    audits that cannot be read, are named, too.

    Parameters
    ----------
    repository : str or Path
        The folder: runs/, tasks.json and perhaps audits/.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or it lacks tasks.json.
    Refused
        If tasks.json is not as it was written.
    """
    folder = Path(repository)
    known = _tasks(folder)
    records, problems = _read(folder / RUNS)
    notes: Counter[str] = Counter()
    phantoms = {r.data.fingerprint for r in records if r.data_source == "phantom"}
    phantoms.update(*(data.phantom for data in known.data.values()))
    kept = Kept({}, {})
    for record in records:
        problems += [plain(f"{record.path}: {wrong}") for wrong in _wrong(record, phantoms)]
        problems += [plain(f"{record.path}: {wrong}") for wrong in _not_known(record, known, notes)]
        identified(record, problems)
        if contradiction := contradicts(record, kept):
            problems.append(f"{contradiction}. Remove one")
        else:
            kept.add(record)
    problems += read_audits(folder)[1]
    said = [f"{text}: {number} of its records" for text, number in sorted(notes.items())]
    return Checked(len(records), said, list(dict.fromkeys(problems)))


def _tasks(folder: Path) -> Known:
    """The tasks and data that a repository knows.

    Raises
    ------
    FileNotFoundError, Refused
        As `check`.
    """
    try:
        return read_known(folder / TASKS)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{error}. Name a results repository; in a new one, write it: "
            f"`lvmmed tasks versions PREPARED... --out {TASKS}`"
        ) from None


def _read(runs: Path) -> tuple[list[StoredRecord], list[str]]:
    """The sound records, and a sentence for each other one and for each thing that does not belong there."""
    if not os.path.lexists(runs):  # a new repository
        return [], []
    if runs.is_symlink() or not runs.is_dir():
        return [], [f"{plain(runs)}: is no folder. Put a folder there"]
    try:
        records, problems = read_with_bar(runs)
    except FileNotFoundError:  # no record in it
        records, problems = [], []
    return records, [*problems, *_misplaced(runs)]


def _misplaced(runs: Path) -> Iterator[str]:
    """A sentence for each thing in the folder of runs, and in the folder of a run, that does not belong there."""
    for place in sorted(runs.iterdir()):
        where = plain(place)
        if place.is_symlink() or not place.is_dir() or not RUN.fullmatch(place.name):
            yield f"{where}: is no folder of a run, named by 16 hex digits. Remove it"
            continue
        try:
            files = sorted_files(place)
        except Refused as error:
            yield str(error)
            continue
        for name in files.links:
            yield f"{where}/{plain(name)}: is no regular file. Put the file itself there"
        for name in files.other:
            yield f"{where}/{plain(name)}: is not shared, only what `report merge` copies. Remove it"
        for name in files.shared:
            if (size := (place / name).lstat().st_size) > most_bytes(name):
                yield f"{where}/{plain(name)}: has {size:,} bytes, of at most {most_bytes(name):,}"
        if FILE not in (*files.shared, *files.links):
            yield f"{where}: has no {FILE}. Remove it"


def _wrong(record: StoredRecord, phantoms: set[str]) -> Iterator[str]:
    """What is wrong with a record by itself."""
    if record.path.parent.name != record.run:
        yield f"is of the run {record.run}. The folder of a run has its name"
    yield from _wrong_costs(record)
    yield from _beyond(record.metrics, "metrics")
    try:
        rows = read_cases(record)
    except ValueError as error:
        yield str(error)
        rows = []
    for row in rows:
        scores = {name: value for name, value in row.items() if not isinstance(value, str)}
        yield from _beyond(scores, f"case {row['case']}")
    if record.data_source == "measured" and record.data.fingerprint in phantoms:
        yield "says data_source 'measured', but its data is a phantom. Remove it"


def _wrong_costs(record: StoredRecord) -> Iterator[str]:
    for name, most in MOST_COSTS.items():
        value = record.cost.get(name)
        if value is None and name in SECONDS:
            yield f"cost has no {name}. Measure the run anew"
        elif value is not None and value > most:
            yield f"cost has {name} {value:g}, of at most {most:g}. Measure the run anew"
    if sum(record.cost.get(name, 0) for name in SECONDS) <= 0:
        yield "cost says that the run took no time. Measure it anew"
    if record.cost.get("peak_memory_mb") == 0:
        yield "cost says that the run took no memory. Measure it anew"


def _beyond(scores: dict[str, float | None], where: str) -> Iterator[str]:
    """The scores that are beyond the range of their metric."""
    for name, value in scores.items():
        metric = describe_metric(name)
        if value is not None and not (metric.least - ROUNDING <= value <= metric.most + ROUNDING):
            yield f"{where} has {name} {value:g}, not in [{metric.least:g}, {metric.most:g}]. Measure the run anew"


def _not_known(record: StoredRecord, known: Known, notes: Counter[str]) -> Iterator[str]:
    """What a record says of its task and data that the repository does not know; what it cannot tell becomes a note."""
    task = {(task.name, task.recipe): task for task in known.tasks}.get(
        (record.task, record.recipe)
    )
    if task is None:
        yield f"no task {record.task!r} with recipe {record.recipe!r} in {TASKS}. Add it there, or remove the record"
        return
    yield from _other_task(record, task)
    if record.profile != PROBE and not (record.path.parent / IDENTITY).is_file():
        yield f"has no {IDENTITY} beside it, which shows what the run is. Add it"
    data = known.data.get(record.dataset)
    if record.data_source == "phantom":
        return
    if data is None or not data.measured:
        notes[
            f"{TASKS} has no fingerprint of {record.dataset}, so that its data is not checked"
        ] += 1
    elif record.data.fingerprint not in data.measured:
        yield (
            f"its data {record.dataset} has the fingerprint {record.data.fingerprint}, which {TASKS} does not have. "
            f"Prepare the published data, or add the fingerprint by `lvmmed tasks versions`"
        )


def _other_task(record: StoredRecord, task: KnownTask) -> Iterator[str]:
    for name, said, right in (
        ("task_version", record.task_version, task.version),
        ("dataset", record.dataset, task.dataset),
        ("kind", record.kind, task.kind),
        ("protocol", record.protocol, task.protocol),
        ("metric", record.metric, task.metric),
    ):
        if said != right:
            yield f"{name} is {said!r}, but {right!r} in {TASKS}. Measure the run anew, or remove it"
