"""Read the records of a folder of results; one that cannot be trusted is named, not guessed at."""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA = 1
FILE = "record.json"
FIGURES = ("measured", "phantom")
AGAIN = "delete its folder and run `python -m benchmarks run` again"


@dataclass(frozen=True)
class Record:
    """What one run left behind, as far as a leaderboard needs it.

    Attributes:
        path: the file.
        task, dataset, kind, protocol, profile, seed: as in the plan of the run.
        split: 'published', or 'clean' where the published one leaks.
        label_fraction: share of the training images that was used, in (0, 1].
        figure: 'measured' on real images, or 'phantom'.
        backbone, architecture, method, corpus: which backbone, and what it is.
        parameters: their number in the backbone.
        weights_sha256: checksum of the weights' file, None for random weights.
        metric, value: the headline metric and its value, a fraction in [0, 1].
        fingerprint, complete, counts: the data: its identity, whether all of it is there, images by
            split.
        versions, machine, git_revision: where the figure comes from.
    """

    path: Path
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
    metric: str
    value: float
    fingerprint: str
    complete: bool
    counts: dict[str, int]
    versions: dict[str, str]
    machine: dict[str, Any]
    git_revision: str | None


def read(results: Path) -> tuple[list[Record], list[str]]:
    """Every `record.json` below a folder.

    Args:
        results: the folder that `python -m benchmarks run --results` wrote.

    Returns:
        The records in the order of their paths, and a message for each file that is no sound one.

    Raises:
        FileNotFoundError: if there is no such folder, or no record in it.
    """
    if not results.is_dir():
        raise FileNotFoundError(
            f"{results}: no such folder. "
            "Name the folder that `python -m benchmarks run` wrote its results to."
        )
    paths = sorted(results.rglob(FILE))
    if not paths:
        raise FileNotFoundError(
            f"{results}: no {FILE} in it. Run `python -m benchmarks run --results {results}` first."
        )
    records, problems = [], []
    for path in paths:
        try:
            records.append(parse(load(path), path))
        except OSError as error:
            problems.append(
                f"{path}: cannot be read ({error.strerror}). Make it readable, or {AGAIN}."
            )
        except ValueError as error:
            problems.append(f"{path}: {error}")
    return records, problems


def load(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        ValueError: if it is not JSON.
        OSError: if it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"not valid JSON ({error}). The file was cut short or edited: {AGAIN}."
        ) from error


def parse(content: Any, path: Path) -> Record:
    """Check a record, field by field.

    Raises:
        ValueError: naming the field, its value and the remedy.
    """
    schema = field(content, "schema", int)
    if schema > SCHEMA:
        raise ValueError(
            f"schema {schema}, but this version reads up to {SCHEMA}. Update the checkout."
        )
    if schema < 1:
        raise ValueError(f"schema {schema}, which never existed. Restore the file, or {AGAIN}.")
    if field(content, "figure", str) not in FIGURES:
        raise ValueError(
            f"figure is {content['figure']!r}, not one of {', '.join(FIGURES)}. "
            "Move it out of the results."
        )
    fraction = field(content, "label_fraction", float)
    if not 0 < fraction <= 1:
        raise ValueError(f"label_fraction is {fraction}, not in (0, 1]. Restore it, or {AGAIN}.")
    counts = field(content, "data.counts", dict)
    return Record(
        path=path,
        **{
            name: field(content, name, str)
            for name in ("task", "dataset", "kind", "protocol", "profile", "figure", "metric")
        },
        seed=field(content, "seed", int),
        split=field(content, "split", str) if "split" in content else "published",
        label_fraction=float(fraction),
        backbone=field(content, "backbone.name", str),
        **{
            name: field(content, f"backbone.{name}", str)
            for name in ("architecture", "method", "corpus")
        },
        parameters=field(content, "backbone.parameters", int),
        weights_sha256=field(content, "backbone.weights_sha256", str, None),
        value=headline(content),
        fingerprint=field(content, "data.fingerprint", str),
        complete=field(content, "data.complete", bool),
        counts={name: field(counts, name, int) for name in counts},
        versions=field(content, "provenance.versions", dict),
        machine=field(content, "provenance.machine", dict),
        git_revision=field(content, "provenance.git_revision", str, None),
    )


def headline(content: dict[str, Any]) -> float:
    """The value of the headline metric.

    Raises:
        ValueError: if it is absent, undefined, or no fraction in [0, 1].
    """
    name, metrics = content["metric"], field(content, "metrics", dict)
    value = metrics.get(name)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        raise ValueError(
            f"its headline, {name}, is undefined ({value}). "
            f"Look into run.log beside it, then {AGAIN}."
        )
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(
            f"its headline, {name}, is {reprlib.repr(value)}, not a fraction in [0, 1]. "
            f"Restore the file, or {AGAIN}."
        )
    return float(value)


def field(content: Any, dotted: str, kind: type, *others: None) -> Any:
    """A field of a record, such as 'backbone.name'.

    Args:
        kind: the type it must have; a whole number may stand for a float.
        others: None, where the field may be null.

    Raises:
        ValueError: if it is absent, of another type, a negative or huge whole number, or text that
            would garble a terminal.
    """
    value: Any = content
    for name in dotted.split("."):
        if not isinstance(value, dict) or name not in value:
            raise ValueError(
                f"not a record of this suite (no field {dotted!r}). Move it out of the results."
            )
        value = value[name]
    if value is None and others:
        return None
    kinds: tuple[type, ...] = (int, float) if kind is float else (kind,)
    # JSON's true and false are no numbers, though Python's are.
    fits: bool = isinstance(value, kinds)
    if not fits or (isinstance(value, bool) and kind is not bool):
        wrong = f"not of type {kind.__name__}"
    elif kind is int and not 0 <= value < 2**63:
        wrong = "not in [0, 2^63)"
    elif kind is str and not value.strip():
        wrong = "empty"
    elif not all(text.isprintable() for text in texts(value)):
        wrong = "not printable"
    else:
        return value
    raise ValueError(f"{dotted} is {reprlib.repr(value)}, {wrong}. Restore the file, or {AGAIN}.")


def texts(value: Any) -> Iterator[str]:
    """Every text in a field, names of its fields included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, content in value.items():
            yield name
            yield from texts(content)
    elif isinstance(value, list):
        for content in value:
            yield from texts(content)
