"""Build a corpus: folders of files to shards of images and a manifest."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import sys
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from tqdm import tqdm

from lvmmed_backbones.corpus.facts import facts_of
from lvmmed_backbones.corpus.hashes import perceptual_hash, pixel_hash
from lvmmed_backbones.corpus.reading import NotAnImage, Picture, pictures

UNIT = 200  # files of a shard: what a kill can cost
SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("shard", pa.string()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
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
REMOVED = "removed.csv"  # what an audit left out
SKIPPED = ("data_set", "source", "part", "reason")


@dataclass(frozen=True)
class Options:
    """What decides the bytes of a corpus.

    Attributes:
        side: in pixels; the shorter side of larger images is reduced to it.
        axis: along which NIfTI volumes are cut.
    """

    side: int = 256
    axis: int = -1


@dataclass(frozen=True)
class Unit:
    """Files of one source that make one shard."""

    number: int
    data_set: str
    folder: Path
    files: tuple[str, ...]
    options: Options

    @property
    def name(self) -> str:
        """Its number, and a checksum of what it is made of: a changed file makes another unit."""
        stats = [(self.folder / file).lstat() for file in self.files]
        state = [(f, s.st_size, s.st_mtime_ns) for f, s in zip(self.files, stats, strict=True)]
        text = json.dumps([self.data_set, str(self.folder), state, asdict(self.options)])
        return f"{self.number:06d}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def build(
    sources: Sequence[tuple[str, Path]], out: Path, options: Options, workers: int
) -> tuple[int, Counter]:
    """Build the corpus, or finish one that was begun; the same sources give the same bytes.

    Args:
        sources: pairs of a data set's name and its folder.
        out: the corpus.
        workers: processes.

    Returns:
        The number of images, and how many files or slices were not taken, by reason.

    Raises:
        FileNotFoundError: if a source is not a folder.
        ValueError: if nothing in the sources is an image.
    """
    for _, folder in sources:
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is not a folder")
    (out / "shards").mkdir(parents=True, exist_ok=True)
    (out / "parts").mkdir(exist_ok=True)
    units = list(plan(sources, out, options))
    todo = [unit for unit in units if not part_of(out, unit).exists()]
    files = sum(len(unit.files) for unit in units)
    bar = tqdm(total=files, unit="file", desc="corpus")
    bar.update(files - sum(len(unit.files) for unit in todo))
    with bar, ProcessPoolExecutor(workers, initializer=cv2.setNumThreads, initargs=(0,)) as pool:
        futures = {pool.submit(build_unit, unit, out): unit for unit in todo}
        for future in as_completed(futures):
            future.result()
            bar.update(len(futures[future].files))
    return merge(units, out, options)


def plan(sources: Sequence[tuple[str, Path]], out: Path, options: Options) -> Iterator[Unit]:
    """The units, in the order of the sources and of the files' names."""
    number = 0
    for data_set, folder in sources:
        files = sorted(walk(folder.resolve(), out.resolve()))
        for start in range(0, len(files), UNIT):
            some = tuple(files[start : start + UNIT])
            yield Unit(number, data_set, folder.resolve(), some, options)
            number += 1


def walk(folder: Path, out: Path) -> Iterator[str]:
    """Files below a folder, relative to it, links to folders not followed, the corpus itself left out."""
    for parent, folders, names in os.walk(folder):
        here = Path(parent)
        folders[:] = [child for child in folders if here / child != out]
        for name in names:
            yield str((here / name).relative_to(folder))


def part_of(out: Path, unit: Unit) -> Path:
    """The unit's rows; written last, it says that the unit is done."""
    return out / "parts" / f"{unit.name}.parquet"


def build_unit(unit: Unit, out: Path) -> None:
    """Write the shard of a unit, what it left out, and its rows."""
    shard = out / "shards" / f"{unit.name}.tar"
    partial = shard.with_suffix(".partial")
    rows: list[dict] = []
    skipped: list[dict] = []
    modality, organ = facts_of(unit.data_set)
    with tarfile.open(partial, "w", format=tarfile.USTAR_FORMAT) as tar:
        for file in unit.files:
            for found in read_file(unit, file):
                if isinstance(found, tuple):
                    part, reason = found
                    skipped.append(
                        dict(data_set=unit.data_set, source=file, part=part, reason=reason)
                    )
                    continue
                image, content, suffix = encode(found, unit.folder / file, unit.options.side)
                key = f"{unit.number:06d}_{len(rows):06d}"
                row = dict(
                    key=key,
                    shard=f"shards/{shard.name}",
                    offset=tar.offset + tarfile.BLOCKSIZE,
                    length=len(content),
                    data_set=unit.data_set,
                    source=file,
                    part=found.part,
                    modality=found.modality or modality,
                    organ=organ,
                    height=image.shape[0],
                    width=image.shape[1],
                    channels=1 if image.ndim == 2 else 3,
                    sha256=pixel_hash(image),
                    phash=perceptual_hash(image),
                )
                add(tar, f"{key}{suffix}", content)
                words = {k: row[k] for k in ("data_set", "source", "part", "modality", "organ")}
                add(tar, f"{key}.json", json.dumps(words).encode())
                rows.append(row)
    partial.replace(shard)
    write_csv(out / "parts" / f"{unit.name}.csv", skipped)
    write_parquet(part_of(out, unit), [pa.Table.from_pylist(rows, SCHEMA)])


def read_file(unit: Unit, file: str) -> Iterator[Picture | tuple[str, str]]:
    """The images of a file, and part and reason of what is not taken of it."""
    path = unit.folder / file
    try:
        if not path.resolve().is_relative_to(unit.folder):
            raise NotAnImage("a link that leads out of the source")
        for found in pictures(path, Path(file), unit.options.axis):
            yield (found[0], str(found[1])) if isinstance(found, tuple) else found
    except NotAnImage as reason:
        yield "", str(reason)
    except (
        Exception
    ) as error:  # each format's library has errors of its own; one bad file is no reason to stop
        yield "", f"cannot be read: {type(error).__name__}: {error}".splitlines()[0]


def encode(picture: Picture, path: Path, side: int) -> tuple[NDArray[np.uint8], bytes, str]:
    """The image as it is stored, its bytes and their suffix: JPEG stays JPEG, everything else is PNG."""
    image = shrink(picture.pixels, side)
    if image is picture.pixels and picture.jpeg:
        return image, path.read_bytes(), ".jpg"
    bgr = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    suffix, quality = (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 95]) if picture.jpeg else (".png", [])
    done, content = cv2.imencode(suffix, bgr, quality)
    assert done
    return image, content.tobytes(), suffix


def shrink(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The image with its shorter side reduced to `side`; a smaller one as it is."""
    height, width = image.shape[:2]
    shorter = min(height, width)
    if shorter <= side:
        return image
    size = (max(side, round(width * side / shorter)), max(side, round(height * side / shorter)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """A file without owner or time, so that the same images make the same bytes."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def merge(units: Sequence[Unit], out: Path, options: Options) -> tuple[int, Counter]:
    """The manifest, the list of what was left out and the summary, from the units' parts; stale parts go."""
    names = [unit.name for unit in units]
    keep = set(names)
    for file in [*(out / "shards").iterdir(), *(out / "parts").iterdir()]:
        if file.stem not in keep:
            file.unlink()
    parts = [out / "parts" / f"{name}.parquet" for name in names]
    reasons: Counter = Counter()
    rows = []
    for name in names:
        some = list(csv.DictReader((out / "parts" / f"{name}.csv").read_text().splitlines()))
        rows += some
        reasons.update(row["reason"].partition(":")[0].partition(", by")[0] for row in some)
    write_csv(out / "skipped.csv", rows)
    images = sum(pq.read_metadata(part).num_rows for part in parts)
    if not images:
        raise ValueError(f"nothing in the sources is an image: {out / 'skipped.csv'} says why")
    write_parquet(out / "manifest.parquet", (pq.read_table(part) for part in parts))
    (out / REMOVED).unlink(missing_ok=True)  # the manifest holds everything again
    write_summary(out, options)
    return images, reasons


def write_summary(corpus: Path, options: Options | None = None) -> None:
    """corpus.json: what the manifest holds, and a fingerprint of all pixels."""
    file = corpus / "corpus.json"
    chosen = asdict(options) if options else json.loads(file.read_text())["options"]
    table = pq.read_table(corpus / "manifest.parquet", columns=["sha256", "data_set"])
    digest = hashlib.sha256()
    for value in sorted(table["sha256"].to_pylist()):
        digest.update(value.encode())
    content = dict(
        name=corpus.resolve().name,
        images=table.num_rows,
        fingerprint=digest.hexdigest(),
        data_sets=dict(sorted(Counter(table["data_set"].to_pylist()).items())),
        options=chosen,
    )
    write_text(file, json.dumps(content, indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    """By an atomic rename."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text)
    partial.replace(path)


def write_csv(path: Path, rows: Sequence[dict]) -> None:
    """By an atomic rename."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0] if rows else SKIPPED, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def write_parquet(path: Path, tables: Iterable[pa.Table]) -> None:
    """By an atomic rename, a table at a time."""
    partial = path.with_name(path.name + ".partial")
    with pq.ParquetWriter(partial, SCHEMA, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)
    partial.replace(path)


def report(images: int, reasons: Counter, out: Path) -> None:
    """What was taken and what was not, on stderr."""
    print(f"{images} images in {out}", file=sys.stderr)
    for reason, count in reasons.most_common():
        print(f"not taken: {count} times {reason}", file=sys.stderr)
    if reasons:
        print(f"each by name: {out / 'skipped.csv'}", file=sys.stderr)
