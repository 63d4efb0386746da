"""Read the records of a folder of results; one that cannot be trusted is named, not guessed at."""

from __future__ import annotations

import math
import os
import reprlib
from dataclasses import dataclass
from pathlib import Path
from sys import intern
from typing import Any

import msgspec
from tqdm import tqdm

from reports.schema import AGAIN, Cases, Content, check_schema, decode

FILE = "record.json"
FIGURES = ("measured", "phantom")


@dataclass(frozen=True, slots=True)
class Record:
    """What one run left behind, as far as reports need it.

    Attributes:
        path: the file.
        run: identity of the run: a hash of its config, data and weights.
        task, dataset, kind, protocol, profile, seed: as in the plan of the run.
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
    run: str
    task: str
    dataset: str
    kind: str
    protocol: str
    profile: str
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
        The records in the order of their paths, and a message for each file that is no sound one and
        each folder that cannot be looked into.

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
    for path in tqdm(paths, "reading", unit=" records", disable=None, delay=1, leave=False):
        try:
            records.append(record(decode(path.read_bytes(), Content), path, shared))
        except OSError as error:
            problems.append(unreadable(path, error))
        except ValueError as error:
            problems.append(f"{path}: {error}")
    return records, problems


def find(results: Path) -> tuple[list[Path], list[str]]:
    """The files called record.json below a folder, sorted, and the folders that cannot be read."""
    problems: list[str] = []
    found = [
        os.path.join(folder, FILE)
        for folder, folders, files in os.walk(
            results, onerror=lambda error: problems.append(unreadable(error.filename, error))
        )
        if FILE in files or FILE in folders
    ]
    return [Path(path) for path in sorted(found)], sorted(problems)


def unreadable(path: str | Path, error: OSError) -> str:
    """What to do about a file or folder that cannot be read."""
    return f"{path}: cannot be read ({error.strerror}). Make it readable, or {AGAIN}."


def record(content: Content, path: Path, shared: dict[bytes, dict]) -> Record:
    """A record from the content of its file.

    Args:
        shared: versions, machines and counts of the records before, so that thousands of runs on a
            machine keep one copy of each.

    Raises:
        ValueError: if the schema is another, or the headline is no fraction.
    """
    check_schema(content.schema)

    def once(facts: dict) -> dict:
        return shared.setdefault(msgspec.json.encode(facts), facts)

    backbone, data, provenance = content.backbone, content.data, content.provenance
    return Record(
        path=path,
        run=content.run,
        task=intern(content.task),
        dataset=intern(content.dataset),
        kind=intern(content.kind),
        protocol=intern(content.protocol),
        profile=intern(content.profile),
        seed=content.seed,
        split=intern(content.split),
        label_fraction=content.label_fraction,
        figure=content.figure,
        backbone=intern(backbone.name),
        architecture=intern(backbone.architecture),
        method=intern(backbone.method),
        corpus=intern(backbone.corpus),
        parameters=backbone.parameters,
        weights_sha256=backbone.weights_sha256 and intern(backbone.weights_sha256),
        pretraining_seed=backbone.pretraining_seed,
        metric=intern(content.metric),
        value=headline(content),
        metrics={
            intern(name): value if value is not None and math.isfinite(value) else None
            for name, value in content.metrics.items()
        },
        cost=content.cost,
        fingerprint=intern(data.fingerprint),
        complete=data.complete,
        counts=once(data.counts),
        versions=once(provenance.versions),
        machine=once(provenance.machine),
        git_revision=provenance.git_revision and intern(provenance.git_revision),
        started=provenance.started,
    )


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


def read_cases(record: Record) -> list[dict[str, Any]]:
    """The score of every test case of a run, from its file: they would fill the memory if kept.

    Returns:
        A row per case: `case`, its name, and its scores, None: undefined. Empty if the run has none.

    Raises:
        OSError, ValueError: naming the file, if it can no longer be read, or its cases are no such
            rows.
    """
    try:
        rows = decode(record.path.read_bytes(), Cases).cases
    except ValueError as error:
        raise ValueError(f"{record.path}: {error}") from error
    for row in rows:
        texts = {name: value for name, value in row.items() if isinstance(value, str)}
        if list(texts) != ["case"] or not texts["case"].isprintable():
            raise ValueError(
                f"{record.path}: cases has {reprlib.repr(row)}, not a printable name `case` and "
                f"numbers. Restore the file, or {AGAIN}."
            )
    return rows
