"""Records as one Parquet file: a row per run, its metrics and its cases within the row.

docs/sharing.md describes the columns. A new field of a record is a new line of `COLUMNS`, and of that page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.files.writing import replacing, sweep
from lvmmed_backbones.records import StoredRecord, read_cases

# In the file's metadata. The number is raised when a column goes or means something else, not by a new column.
KEY, VERSION = "lvmmed.records", "1"
VALUES = 100_000  # scores of cases in a row group: they take 60 MB while they are gathered
ROWS = 10_000  # runs in a row group

NUMBERS = pa.map_(pa.string(), pa.float64())
CASES = pa.list_(pa.struct([("case", pa.string()), ("scores", NUMBERS)]))


def _numbers(values: Mapping[str, float | None]) -> list[tuple[str, float | None]]:
    """Return numbers by name, as pyarrow takes a map; one that is not finite is undefined, so null."""
    return [(name, v if v is not None and math.isfinite(v) else None) for name, v in values.items()]


def _cases(record: StoredRecord) -> list[dict[str, Any]]:
    """Return the cases of a record, read from its file: the name of each, and its scores."""
    rows: list[dict[str, Any]] = [dict(row) for row in read_cases(record)]
    return [{"case": row.pop("case"), "scores": _numbers(row)} for row in rows]


def _seen(name: str) -> Callable[[StoredRecord], list[str] | None]:
    """Return a getter of what a backbone has seen; None: nobody declared it."""
    return lambda record: getattr(record.backbone.pretraining, name, None)


Getter = Callable[[StoredRecord], Any]
COLUMNS: dict[str, tuple[pa.DataType, Getter]] = {
    "run": (pa.string(), attrgetter("run")),
    "task": (pa.string(), attrgetter("task")),
    "task_version": (pa.int64(), attrgetter("task_version")),
    "dataset": (pa.string(), attrgetter("dataset")),
    "kind": (pa.string(), attrgetter("kind")),
    "protocol": (pa.string(), attrgetter("protocol")),
    "recipe": (pa.string(), attrgetter("recipe")),
    "mask_decoder": (pa.string(), attrgetter("mask_decoder")),
    "backbone": (pa.string(), attrgetter("backbone.name")),
    "architecture": (pa.string(), attrgetter("backbone.architecture")),
    "method": (pa.string(), attrgetter("backbone.method")),
    "corpus": (pa.string(), attrgetter("backbone.corpus")),
    "parameters": (pa.int64(), attrgetter("backbone.parameters")),
    "weights_sha256": (pa.string(), attrgetter("backbone.weights_sha256")),
    "pretraining_seed": (pa.int64(), attrgetter("backbone.pretraining_seed")),
    "pretraining_data_sets": (pa.list_(pa.string()), _seen("data_sets")),
    "pretraining_started_from": (pa.list_(pa.string()), _seen("started_from")),
    "pretraining_corpora": (pa.list_(pa.string()), _seen("corpora")),
    "label_fraction": (pa.float64(), attrgetter("label_fraction")),
    "split": (pa.string(), attrgetter("split")),
    "seed": (pa.int64(), attrgetter("seed")),
    "profile": (pa.string(), attrgetter("profile")),
    "threads": (pa.int64(), attrgetter("threads")),
    "data_source": (pa.string(), attrgetter("data_source")),
    # Numbers, truths and lists of numbers, so it is JSON.
    "overrides": (pa.string(), lambda r: msgspec.json.encode(r.overrides).decode()),
    "metric": (pa.string(), attrgetter("metric")),
    "value": (pa.float64(), attrgetter("value")),
    "metrics": (NUMBERS, lambda record: _numbers(record.metrics)),
    "cost": (NUMBERS, lambda record: _numbers(record.cost)),
    "data_fingerprint": (pa.string(), attrgetter("data.fingerprint")),
    "data_complete": (pa.bool_(), attrgetter("data.complete")),
    "data_counts": (
        pa.map_(pa.string(), pa.int64()),
        lambda record: list(record.data.counts.items()),
    ),
    "versions": (
        pa.map_(pa.string(), pa.string()),
        lambda record: list(record.provenance.versions.items()),
    ),
    # Of no fixed shape, so it is JSON.
    "machine": (pa.string(), lambda r: msgspec.json.encode(r.provenance.machine).decode()),
    "git_revision": (pa.string(), attrgetter("provenance.git_revision")),
    "started": (pa.string(), attrgetter("provenance.started")),
    "config_sha256": (pa.string(), attrgetter("provenance.config_sha256")),
    "cases": (CASES, _cases),
}
SCHEMA = pa.schema([(name, of[0]) for name, of in COLUMNS.items()], {KEY: VERSION})


def write_parquet(records: Iterable[StoredRecord], out: Path) -> tuple[int, list[str]]:
    """Write records to a Parquet file, whole or not at all; the memory does not grow with their number.

    Parameters
    ----------
    records : iterable of StoredRecord
        Each run once.
    out : Path
        The file; its folder is made.

    Returns
    -------
    (int, list of str)
        How many were written, and a sentence for each whose cases can no longer be read.

    Raises
    ------
    Refused
        If `out` is a folder.
    DiskFull, OSError
        If it cannot be written.
    """
    if out.is_dir():
        raise Refused(out, "is a folder", f"Name a file, such as {out / 'records.parquet'}")
    out.parent.mkdir(parents=True, exist_ok=True)
    sweep(out.parent)
    written, problems = 0, []
    rows: list[dict[str, Any]] = []
    values = 0
    with replacing(out) as scratch, pq.ParquetWriter(scratch, SCHEMA, compression="zstd") as file:
        for record in records:
            try:
                rows.append({name: of(record) for name, (_, of) in COLUMNS.items()})
            except ValueError as error:
                problems.append(str(error))
                continue
            written += 1
            values += sum(len(case["scores"]) for case in rows[-1]["cases"])
            if len(rows) >= ROWS or values >= VALUES:
                file.write_table(pa.Table.from_pylist(rows, SCHEMA))
                rows, values = [], 0
        file.write_table(pa.Table.from_pylist(rows, SCHEMA))
    return written, problems
