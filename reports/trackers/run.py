"""A record in a tracker's words: parameters, metrics, tags and files."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import msgspec

from lvmmed_backbones.display import csv_cell
from lvmmed_backbones.files.outside import MIB, Refused
from lvmmed_backbones.records import Record, StoredRecord, overrides_text, read_cases
from lvmmed_backbones.records.folder import read_own
from lvmmed_backbones.records.record import Case

CONFIG, CONFIG_BYTES = "config.py", 4 * MIB
# The facts that decide what a run is: they stay as they are, whatever else of its record changes.
IDENTITY = (
    "task", "task_version", "dataset", "kind", "protocol", "recipe", "mask_decoder", "label_fraction", "split", "seed",
    "profile", "threads", "data_source", "metric",
)  # fmt: skip


@dataclass(frozen=True)
class TrackedRun:
    """A run, as trackers know runs.

    Attributes
    ----------
    identity : str
        The run's identity.
    name : str
        What it is, in words.
    params : dict of str to str
        The facts that decide what the run is.
    metrics : dict of str to float
        Its defined metrics; its cost, such as `cost/train_seconds`.
    tags : dict of str to str
        Further facts, which may change.
    files : dict of str to str
        The record without its cases, its cases, and the config if there is one: texts, by name.
    started, ended : float or None
        When it began, and when its training and test were over, in seconds since 1970; None: the record does not tell.
    """

    identity: str
    name: str
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    files: dict[str, str]
    started: float | None
    ended: float | None

    @cached_property
    def mark(self) -> str:
        """A checksum of all of it: a run with this mark is there, whole and as it is."""
        content = [self.name, self.params, self.metrics, self.tags, self.files]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def tracked(record: StoredRecord) -> TrackedRun:
    """Return a record as a run of a tracker.

    Raises
    ------
    ValueError
        Naming the file, if the record or the config beside it can no longer be read.
    """
    backbone = record.backbone
    params: dict[str, object] = {
        **{name: getattr(record, name) for name in IDENTITY},
        "backbone": backbone.name,
        "weights_sha256": backbone.weights_sha256,
        "pretraining_seed": backbone.pretraining_seed,
        "data_fingerprint": record.data.fingerprint,
        "overrides": overrides_text(record.overrides) or None,
    }
    tags: dict[str, object] = {
        "architecture": backbone.architecture,
        "method": backbone.method,
        "corpus": backbone.corpus,
        "parameters": backbone.parameters,
        "data_complete": record.data.complete,
        "git_revision": record.provenance.git_revision,
        "started": record.provenance.started,
    }
    started = _time(record.provenance.started)
    took = sum(record.cost.get(name, 0) for name in ("train_seconds", "test_seconds"))
    costs = {f"cost/{name}": value for name, value in record.cost.items()}
    return TrackedRun(
        record.run,
        f"{record.task}, {record.protocol}: {backbone.name}, seed {record.seed}",
        _texts(params),
        {
            n: v
            for n, v in {**record.metrics, **costs}.items()
            if v is not None and math.isfinite(v)
        },
        _texts(tags),
        {
            "record.json": _without_cases(record),
            "cases.csv": _table(read_cases(record)),
            **_config(record),
        },
        started,
        None if started is None else started + took,
    )


def _texts(facts: Mapping[str, object]) -> dict[str, str]:
    """Return facts as texts, without those that are unknown."""
    return {name: str(fact) for name, fact in facts.items() if fact is not None}


def _without_cases(record: StoredRecord) -> str:
    """Return a record's JSON; of its fields and no others, so not where its file lies."""
    content = {name: getattr(record, name) for name in Record.__struct_fields__}
    return msgspec.json.format(msgspec.json.encode(content), indent=1).decode() + "\n"


def _table(cases: Sequence[Case]) -> str:
    """Return cases as CSV: their names and scores; no spreadsheet takes a name for a formula."""
    names = dict.fromkeys(["case", *(name for row in cases for name in row)])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(csv_cell, names))
    writer.writerows([csv_cell(row.get(name)) for name in names] for row in cases)
    return text.getvalue()


def _config(record: StoredRecord) -> dict[str, str]:
    """Return the config beside a record, by its name; nothing if there is none."""
    path = record.path.with_name(CONFIG)
    if not os.path.lexists(path):
        return {}
    try:
        return {CONFIG: read_own(path, record.results, CONFIG_BYTES).decode()}
    except UnicodeDecodeError as error:
        raise Refused(path, f"is no text in UTF-8 ({error.reason})", "Restore the file") from error


def _time(text: str) -> float | None:
    """Return a time in ISO 8601, in UTC where it names no zone, in seconds since 1970; None if it is none."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return max(0.0, (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
