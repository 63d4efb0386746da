"""The files that describe a corpus. If a command is stopped between them, the next one makes them agree again.

`removed.csv`, what audits found, is written first and decides what is left out; then `manifest.parquet`; then
`corpus.json`, whose fingerprint a reader compares with the manifest. All three appear whole.
"""

from __future__ import annotations

import csv
import errno
import fcntl
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lvmmed_backbones.corpus.manifest import (
    MANIFEST,
    SCHEMA,
    SUMMARY,
    Options,
    fingerprint,
    read_rows,
    read_summary,
)
from lvmmed_backbones.display import csv_cell, plain
from lvmmed_backbones.files.outside import Refused, read_text, refusing
from lvmmed_backbones.files.writing import replacing, sweep, telling_full, write_json

REMOVED = "removed.csv"  # images that audits left out
# Columns of the table of files that a build did not take.
SKIPPED = ("data_set", "source", "part", "reason")
LOCK = ".lock"
# Rows of a group of the manifest. The parts' 200 would make it a third larger, and twice as slow to read.
GROUP = 10_000


@contextmanager
def changing(corpus: Path) -> Iterator[None]:
    """Keep other commands from changing the corpus within; delete what killed processes left in its folders.

    Parameters
    ----------
    corpus : Path
        A folder.

    Raises
    ------
    Refused
        If another command is at work on it.
    """
    with telling_full(corpus / LOCK):
        number = os.open(
            corpus / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666
        )
    with os.fdopen(number):
        try:
            # Not flock: the workers of a killed process would keep that lock.
            fcntl.lockf(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                reason = "is being built or audited by another process"
                raise Refused(corpus, reason, "Wait until it has ended") from None
            # The file system has no locks, so the user must take care.
        folders = (corpus, corpus / "shards", corpus / "parts")
        for folder in folders:
            sweep(folder)
        try:
            yield
        finally:
            for folder in folders:  # a worker that a file killed leaves scratch files, too
                sweep(folder)


def remove(corpus: Path, rows: Sequence[dict], options: Options) -> int:
    """Take duplicates out of the manifest; the shards stay as they are.

    Parameters
    ----------
    rows : sequence of dict
        Rows of `Audit.duplicates`; what earlier audits found stays in removed.csv before them.

    Returns
    -------
    int
        How many images went.

    Raises
    ------
    Refused
        If removed.csv or the manifest are not as these commands write them.
    """
    if rows:
        earlier = [{name: row.get(name, "") for name in rows[0]} for row in _removed(corpus)]
        write_csv(corpus / REMOVED, [*earlier, *rows], list(rows[0]))
    return finish(corpus, options)


def finish(corpus: Path, options: Options) -> int:
    """Make manifest and corpus.json what removed.csv says, if a command was stopped before they were.

    Returns
    -------
    int
        How many images went.
    """
    gone = {row.get("sha256", "") for row in _removed(corpus)}  # old lists lack the column
    table = read_rows(corpus, SCHEMA.names)
    is_gone = pc.is_in(table["sha256"].cast(pa.string()), pa.array(sorted(gone), pa.string()))
    left = table.filter(pc.invert(is_gone))
    if left.num_rows < table.num_rows:
        write_parquet(corpus / MANIFEST, [left])
    summary = read_summary(corpus)
    if (summary.images, summary.fingerprint) != (left.num_rows, fingerprint(left)):
        write_summary(corpus, options)
    return table.num_rows - left.num_rows


def _removed(corpus: Path) -> list[dict[str, str]]:
    """Return the rows of removed.csv; none if there is no such file. Raises Refused as `read_csv`."""
    try:
        remedy = "Remove it, build the corpus again and audit it anew"
        return read_csv(corpus, REMOVED, ("key",), remedy)
    except FileNotFoundError:
        return []


def write_summary(corpus: Path, options: Options) -> None:
    """Write corpus.json: a summary of the manifest, and a fingerprint of all pixels."""
    table = read_rows(corpus, ["sha256", "data_set"])
    counts = pc.value_counts(table["data_set"].combine_chunks())
    content = dict(
        name=text_of(corpus.resolve().name),
        images=table.num_rows,
        fingerprint=fingerprint(table),
        data_sets=dict(sorted(tuple(count.values()) for count in counts.to_pylist())),
        options=asdict(options),
    )
    write_json(corpus / SUMMARY, content)


def text_of(name: str) -> str:
    """Return the name of a file as a text; bytes that are no UTF-8 are written as \\xff."""
    return os.fsencode(name).decode(errors="backslashreplace")


def read_csv(
    corpus: Path,
    name: str,
    columns: Iterable[str] = SKIPPED,
    remedy: str = "Remove the folder parts, and build again",
) -> list[dict]:
    """Return the rows of a table of a corpus, which must have some columns.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If it is not as `write_csv` writes it.
    """
    path = corpus / name
    text = read_text(path, within=corpus)
    with refusing(path, remedy, "is no whole table"):
        reader = csv.DictReader(io.StringIO(text), strict=True)
        rows = list(reader)
        if not text.endswith("\n") or not set(columns) <= set(reader.fieldnames or ()):
            raise ValueError("its first line or its end is missing")
        if any(None in row or None in row.values() for row in rows):
            raise ValueError("a row does not fit its first line")
    return rows


def write_csv(path: Path, rows: Iterable[dict], columns: Sequence[str] = SKIPPED) -> None:
    """Write a table, whole or not at all, a row at a time. A file's name stays on one line, and is no formula."""
    with replacing(path) as scratch, scratch.open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {key: csv_cell(plain(v) if isinstance(v, str) else v) for key, v in row.items()}
            )


def write_parquet(path: Path, tables: Iterable[pa.Table]) -> None:
    """Write a file of rows, whole or not at all, `GROUP` rows or a little more at a time."""
    with (
        replacing(path) as scratch,
        pq.ParquetWriter(scratch, SCHEMA, compression="zstd") as writer,
    ):
        held: list[pa.Table] = []
        for table in tables:
            held.append(table.cast(SCHEMA))
            if sum(some.num_rows for some in held) >= GROUP:
                writer.write_table(pa.concat_tables(held))
                held.clear()
        writer.write_table(pa.concat_tables([SCHEMA.empty_table(), *held]))
