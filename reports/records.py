"""Read the records of a folder of results; one that cannot be trusted is named, not guessed at."""

from __future__ import annotations

import math
import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from sys import intern
from typing import Any

import msgspec
from tqdm import tqdm

from lvmmed_backbones.display import plain
from lvmmed_backbones.outside import MIB, Refused, opened
from reports.cases import case_scores, over_sites
from reports.metrics import MEANS
from reports.schema import AGAIN, Cases, Content, Earlier, decode

FILE = "record.json"
MOST = 64 * MIB  # of a record: one of 100,000 cases with ten scores each has a third of it
LARGEST = 1e6  # of a metric; all of this suite's lie in [-1, 1]
FIGURES = ("measured", "phantom")


@dataclass(frozen=True, slots=True)
class Record:
    """What one run left behind, as far as reports need it.

    Attributes:
        path: the file.
        results: the folder in which it was found; whatever else of the run is read lies in it, too.
        run: identity of the run: a hash of its config, data and weights.
        task, task_version, dataset, kind, protocol, profile, threads, seed: as in the plan of the run.
        split: 'published', or 'clean' where the published one leaks.
        label_fraction: share of the training images that was used, in (0, 1].
        figure: 'measured' on real images, or 'phantom'.
        backbone, architecture, method, corpus: which backbone, and what it is.
        parameters: their number in the backbone.
        weights_sha256: checksum of the weights' file, None for random weights.
        pretraining_seed: of the weights, where the backbone has some of several seeds, else None.
        metric, value: the headline metric and its value, a fraction in [0, 1].
        metrics: all metrics, None: undefined.
        cost: train_seconds, test_seconds, peak_memory_mb.
        fingerprint, complete, counts: the data: its identity, whether all of it is there, images by
            split.
        versions, machine, git_revision, started: where and when the figure comes from.
    """

    path: Path
    results: Path
    run: str
    task: str
    task_version: int
    dataset: str
    kind: str
    protocol: str
    profile: str
    threads: int
    seed: int
    split: str
    label_fraction: float
    figure: str
    backbone: str
    architecture: str
    method: str
    corpus: str
    parameters: int
    weights_sha256: str | None
    pretraining_seed: int | None
    metric: str
    value: float
    metrics: dict[str, float | None]
    cost: dict[str, float]
    fingerprint: str
    complete: bool
    counts: dict[str, int]
    versions: dict[str, str]
    machine: dict[str, Any]
    git_revision: str | None
    started: str


def read(results: Path) -> tuple[list[Record], list[str]]:
    """Every `record.json` below a folder.

    Args:
        results: the folder that `python -m benchmarks run --results` wrote.

    Returns:
        The records in the order of their paths, and a message for each file that is no sound one, its cases included:
        its headline is the mean of them, where it is such a mean; for each folder that cannot be looked into; and for
        all files that one commit wrote in an earlier schema.

    Raises:
        FileNotFoundError: if there is no such folder, or no record in it.
    """
    if not results.is_dir():
        raise FileNotFoundError(
            f"{results}: no such folder. "
            "Name the folder that `python -m benchmarks run` wrote its results to."
        )
    paths, problems = find(results)
    if not paths and not problems:
        raise FileNotFoundError(
            f"{results}: no {FILE} in it. Run `python -m benchmarks run --results {results}` first."
        )
    records = []
    shared: dict[bytes, dict] = {}
    earlier: dict[str, list[Path]] = {}
    for path in tqdm(paths, "reading", unit=" records", disable=None, delay=1, leave=False):
        try:
            data = read_own(path, results, MOST)
            one = record(decode(data, Content), path, results, shared)
            check(one, decode(data, Cases).cases)
            records.append(one)
        except Refused as error:
            problems.append(str(error))
        except Earlier as error:
            earlier.setdefault(str(error), []).append(path)
        except ValueError as error:
            problems.append(plain(f"{path}: {error}"))
    problems += [f"{listed(same)}: {said}" for said, same in earlier.items()]
    return records, problems


def listed(paths: Sequence[Path], most: int = 3) -> str:
    """The files in words, the first few of them."""
    named = [plain(path) for path in paths[:most]]
    if len(paths) > most:
        named.append(f"and {len(paths) - most} more")
    return ", ".join(named)


def find(results: Path) -> tuple[list[Path], list[str]]:
    """The files called record.json below a folder, sorted, and the folders that cannot be read."""
    problems: list[str] = []
    found: list[str] = []
    left = [os.fspath(results)]
    while left:  # os.walk goes no deeper than Python's own stack
        folder = left.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name == FILE:
                        found.append(entry.path)
                    if entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)
        except OSError as error:
            problems.append(
                f"{plain(folder)}: cannot be read ({error.strerror}). Make it readable, or {AGAIN}."
            )
    return [Path(path) for path in sorted(found)], sorted(problems)


def read_own(path: Path, results: Path, most: int) -> bytes:
    """The content of a file that a run left, of at most so many bytes.

    Args:
        path: in a folder that `find` went through: only its last part can be a link, so no other is followed.

    Raises:
        Refused: if it is not there, is no regular file, too large, or a link out of `results`.
    """
    try:
        with opened(path, within=results if os.path.islink(path) else None, most=most) as file:
            return file.read()
    except FileNotFoundError:
        raise gone(path) from None


def gone(path: Path) -> Refused:
    """What is said of a file that is named and not there."""
    return Refused(path, "is gone, or a link that leads nowhere", "Restore the file, or delete it")


def record(content: Content, path: Path, results: Path, shared: dict[bytes, dict]) -> Record:
    """A record from the content of its file.

    Args:
        results: the folder in which it was found.
        shared: versions, machines and counts of the records before, so that thousands of runs on a
            machine keep one copy of each.

    Raises:
        ValueError: if the headline is no fraction, or a metric is huge.
    """

    def once(facts: dict) -> dict:
        return shared.setdefault(msgspec.msgpack.encode(facts), facts)  # in JSON, NaN is null

    backbone, data, provenance = content.backbone, content.data, content.provenance
    return Record(
        path=path,
        results=results,
        run=content.run,
        task=named(content.task),
        task_version=content.task_version,
        dataset=named(content.dataset),
        kind=intern(content.kind),
        protocol=named(content.protocol),
        profile=named(content.profile),
        threads=content.threads,
        seed=content.seed,
        split=named(content.split),
        label_fraction=content.label_fraction,
        figure=content.figure,
        backbone=named(backbone.name),
        architecture=named(backbone.architecture),
        method=named(backbone.method),
        corpus=named(backbone.corpus),
        parameters=backbone.parameters,
        weights_sha256=backbone.weights_sha256 and intern(backbone.weights_sha256),
        pretraining_seed=backbone.pretraining_seed,
        metric=intern(content.metric),
        value=headline(content),
        metrics={intern(name): defined(name, value) for name, value in content.metrics.items()},
        cost=content.cost,
        fingerprint=intern(data.fingerprint),
        complete=data.complete,
        counts=once(data.counts),
        versions=once(provenance.versions),
        machine=once(provenance.machine),
        git_revision=provenance.git_revision and intern(provenance.git_revision),
        started=provenance.started,
    )


def named(text: str) -> str:
    """A name as all records have it: composed letters are one (NFC), so that what looks alike is alike."""
    return intern(unicodedata.normalize("NFC", text))


def check(one: Record, rows: Sequence[dict[str, Any]]) -> None:
    """Compare a record's figures that are means of its cases with these.

    Raises:
        ValueError: naming the figure, if it is not their mean, or a case is not sound.
    """
    for metric in dict.fromkeys([one.metric, *MEANS]):
        value = one.metrics.get(metric)
        scores = case_scores(rows, metric)
        if scores and value is not None:
            over_sites(scores, metric, value, one.metrics)


def headline(content: Content) -> float:
    """The value of the headline metric.

    Raises:
        ValueError: if it is absent, undefined, or no fraction in [0, 1].
    """
    name, value = content.metric, content.metrics.get(content.metric)
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


def defined(name: str, value: float | None) -> float | None:
    """The value of a metric, None: undefined.

    Raises:
        ValueError: if it is so large that sums and percentages of it have no end.
    """
    if value is None or not math.isfinite(value):
        return None
    if abs(value) > LARGEST:
        raise ValueError(
            f"metrics has {name} {value}, beyond {LARGEST:,.0f}. Restore the file, or {AGAIN}."
        )
    return value


def read_cases(record: Record) -> list[dict[str, Any]]:
    """The score of every test case of a run, from its file: they would fill the memory if kept.

    Returns:
        A row per case: `case`, its name, and its scores, None: undefined. Empty if the run has none.

    Raises:
        ValueError: naming the file, if it can no longer be read, or its cases are no such rows.
    """
    content = read_own(record.path, record.results, MOST)
    try:
        rows = decode(content, Cases).cases
    except ValueError as error:
        raise ValueError(f"{plain(record.path)}: {error}") from error
    return [{**row, "case": named(str(row["case"]))} for row in rows]
