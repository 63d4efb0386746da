"""Read and check a corpus's manifest and summary; a corpus may be somebody else's."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import fsspec
import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from lvmmed_backbones.files import outside
from lvmmed_backbones.files.outside import ARRAY, MIB, TEXT, Refused, bounded, refusing

CHUNK = 2**16  # rows
COLUMN = 2 * TEXT  # bytes of a column, unpacked: checksums of 8 million images
MANIFEST, SUMMARY = "manifest.parquet", "corpus.json"
SHARD = re.compile(r"shards/[^/\\]+\.tar")
SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("shard", pa.string()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("crc32", pa.uint32()),
        ("data_set", pa.string()),
        ("source", pa.string()),
        ("part", pa.string()),
        ("modality", pa.string()),
        ("organ", pa.string()),
        ("height", pa.int32()),
        ("width", pa.int32()),
        ("channels", pa.int32()),
        ("sha256", pa.string()),
        ("phash", pa.uint64()),
    ]
)
REMEDY = "Build the corpus again, or fetch it again"
FINISH = (
    "Was a build, or an audit with --remove, stopped? Start it again, which finishes it: "
    "`python -m lvmmed_backbones corpus build` or `corpus audit`"
)
REACH = "Can the storage be reached?"


@dataclass(frozen=True)
class Options:
    """The options that decide the bytes of a corpus.

    Attributes
    ----------
    side : int
        Pixels; the shorter side of larger images is reduced to it.
    axis : int
        The axis along which volumes are cut.
    """

    side: Annotated[int, msgspec.Meta(ge=1)] = 256
    axis: int = -1


@dataclass(frozen=True)
class Summary:
    """The content of corpus.json: the corpus's name, its number of images, a checksum of all pixels, its options."""

    name: str
    images: int
    fingerprint: str
    options: Options


def _locate(root: str | Path, name: str) -> tuple[Any, str | Path, Path | None]:
    """Return fsspec's file system and the path of a file of a corpus, and the corpus's folder if it is on this machine.

    Parameters
    ----------
    root : str or Path
        Folder, or URL that fsspec knows.

    Raises
    ------
    Refused
        If fsspec does not know the URL's protocol, or lacks a package for it.
    """
    if isinstance(root, Path):
        return None, root / name, root
    with refusing(root, "Is the address right, and what it needs installed?"):
        system, path = fsspec.url_to_fs(f"{root}/{name}")
    local = isinstance(system, LocalFileSystem)
    return system, path, Path(path.removesuffix(name)) if local else None


@contextmanager
def _opened(root: str | Path, name: str, most: int) -> Iterator[Any]:
    """Open a file of a corpus for reading.

    Raises
    ------
    FileNotFoundError
        If there is none.
    Refused
        As `_locate`; if it is no regular file, leads out of the corpus's folder, or has more than `most` bytes.
    """
    system, path, folder = _locate(root, name)
    try:
        if folder:
            stream = outside.opened(path, within=folder, most=most)
        else:
            with refusing(path, REACH):
                bounded(path, (system.size(path) or 0,), 1, most)
                stream = system.open(path)
        with stream as file:
            yield file
    except FileNotFoundError as error:
        command = f"`python -m lvmmed_backbones corpus build SOURCE... --out {root}`"
        raise FileNotFoundError(f"{root} holds no corpus: {error}. Make one by {command}") from None


class Shards:
    """The bytes of a corpus's shards.

    In a folder, it is checked once for each shard, not for each image, where its path leads.

    Parameters
    ----------
    root : str or Path
        Folder, or URL that fsspec knows.
    """

    def __init__(self, root: str | Path) -> None:
        *_, folder = _locate(root, "")
        self.root = folder or root
        self.known: set[str] = set()

    def read(self, name: str, start: int, length: int) -> bytes:
        """Return bytes of a shard; fewer if it ends before. Raises the errors of `_opened`."""
        system, path, folder = _locate(self.root, name)
        if folder:
            with outside.opened(path, within=None if name in self.known else folder) as file:
                self.known.add(name)
                return os.pread(file.fileno(), length, start)
        with refusing(path, REACH):
            # By name: s3fs has another argument before these two.
            return system.cat_file(path, start=start, end=start + length)[:length]


def read_summary(root: str | Path) -> Summary:
    """Read corpus.json.

    Raises
    ------
    FileNotFoundError, Refused
        As `_opened`; Refused, too, if it is not as the builder writes it.
    """
    path = f"{root}/{SUMMARY}"
    with _opened(root, SUMMARY, 16 * MIB) as file, refusing(path, REMEDY, "is no whole JSON file"):
        content = json.loads(file.read(16 * MIB))
    with refusing(path, REMEDY, "is no summary of a corpus"):
        Options(**content["options"])  # knows no other options
        return msgspec.convert(content, Summary)


def read_corpus(root: str | Path, columns: Sequence[str]) -> tuple[pa.Table, Summary]:
    """Read columns of the manifest, and corpus.json; refuse them if they describe different images.

    Raises
    ------
    FileNotFoundError, Refused
        As `read_rows` and `read_summary`; Refused, too, if they do not, as after a build or an audit that was killed
        between the two.
    """
    table = read_rows(root, list(dict.fromkeys((*columns, "sha256"))))
    summary = read_summary(root)
    actual = fingerprint(table)
    if (summary.images, summary.fingerprint) != (table.num_rows, actual):
        reason = (
            f"tells of {summary.images} images with fingerprint {summary.fingerprint[:12]}, "
            f"{MANIFEST} of {table.num_rows} with {actual[:12]}"
        )
        raise Refused(f"{root}/{SUMMARY}", reason, FINISH)
    return table, summary


def fingerprint(table: pa.Table) -> str:
    """Return the sha256 of the sorted pixel checksums of all images; for 1.3 million images it takes a second.

    Parameters
    ----------
    table : pa.Table
        A table with the column sha256.
    """
    texts = table["sha256"].cast(pa.string()).combine_chunks()
    order = pc.array_sort_indices(texts)
    digest = hashlib.sha256()
    for start in range(0, len(order), CHUNK):  # a copy of all of them would double the memory
        digest.update("".join(texts.take(order[start : start + CHUNK]).to_pylist()).encode())
    return digest.hexdigest()


def read_rows(root: str | Path, columns: Sequence[str], name: str = MANIFEST) -> pa.Table:
    """Read columns of the manifest, or of a part of it. Texts are dictionaries: repeated ones take no memory.

    Raises
    ------
    FileNotFoundError, Refused
        As `_opened`; Refused, too, if it is no whole table, lacks a column, has one of another type or larger than
        `COLUMN`, an empty cell, or a place outside of the corpus's shards.
    """
    path = f"{root}/{name}"
    with _opened(root, name, ARRAY) as stream, refusing(path, REMEDY, "is no whole table"):
        texts = [c for c in columns if SCHEMA.field(c).type == pa.string()]
        facts = pq.ParquetFile(stream).metadata
        _refuse_size(path, facts, columns)
        file = pq.ParquetFile(stream, metadata=facts, read_dictionary=texts)
        table = file.read(columns=list(columns))
        table.validate(full=True)
        for number, column in enumerate(columns):
            kind = SCHEMA.field(column).type
            if table[column].null_count:
                raise Refused(path, f"column {column} has empty cells", REMEDY)
            if column in texts:
                _refuse_texts(path, column, table[column])
            elif not pa.types.is_integer(table[column].type):
                raise Refused(path, f"column {column} is of {table[column].type}", REMEDY)
            else:
                table = table.set_column(number, column, table[column].cast(kind))
        if table.num_rows:
            _refuse_places(path, table)
    return table


def _refuse_size(path: str, facts: pq.FileMetaData, columns: Sequence[str]) -> None:
    """Refuse a table that lacks columns, or declares too many rows or bytes."""
    numbers = {facts.schema.column(n).path: n for n in range(facts.num_columns)}
    lacking = [column for column in columns if column not in numbers]
    if lacking:
        raise Refused(path, f"lacks the columns {', '.join(lacking)}", REMEDY)
    bounded(path, (facts.num_rows,), 8, COLUMN)
    groups = [facts.row_group(n) for n in range(facts.num_row_groups)]
    for column in columns:
        chunks = [group.column(numbers[column]) for group in groups]
        bounded(path, (sum(chunk.total_uncompressed_size for chunk in chunks),), 1, COLUMN)


def _refuse_texts(path: str, column: str, texts: pa.ChunkedArray) -> None:
    """Refuse a column that holds no texts, or texts that are too long, written out."""
    total = 0
    for chunk in texts.chunks:
        if not pa.types.is_dictionary(chunk.type) or chunk.dictionary.type != pa.string():
            raise Refused(path, f"column {column} is of {chunk.type}, not of texts", REMEDY)
        lengths = pc.take(pc.binary_length(chunk.dictionary), chunk.indices)
        total += pc.sum(lengths.cast(pa.int64())).as_py() or 0
    bounded(path, (total,), 1, COLUMN)


def _refuse_places(path: str, table: pa.Table) -> None:
    """Refuse places that lie in no shard of the corpus."""
    names = table.column_names
    if "shard" in names:
        for chunk in table["shard"].chunks:
            for shard in chunk.dictionary.to_pylist():
                if not SHARD.fullmatch(shard):
                    raise Refused(path, f"names the shard {shard}, not shards/NAME.tar", REMEDY)
    for column, least, most in (("offset", 0, 2**62), ("length", 1, TEXT)):
        if column in names:
            low, high = pc.min_max(table[column]).as_py().values()
            if low < least or high > most:
                extreme = low if low < least else high
                raise Refused(
                    path, f"has the {column} {extreme:,}, not {least:,} to {most:,}", REMEDY
                )
