"""Build a corpus: from folders of files to shards of images and a manifest."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import cv2
import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tqdm import tqdm

from lvmmed_backbones.corpus import facts_of
from lvmmed_backbones.corpus.hashes import perceptual_hash, pixel_hash
from lvmmed_backbones.corpus.manifest import MANIFEST, SCHEMA, Options, read_rows
from lvmmed_backbones.corpus.reading import REMEDY, SMALLEST, NotAnImage, Picture, pictures
from lvmmed_backbones.corpus.state import (
    REMOVED,
    changing,
    read_csv,
    text_of,
    write_csv,
    write_parquet,
    write_summary,
)
from lvmmed_backbones.corpus.workers import alone, results
from lvmmed_backbones.display import plain
from lvmmed_backbones.files.folders import states, walk
from lvmmed_backbones.files.outside import ARRAY, Refused, read_bytes, read_json, refusing, regular
from lvmmed_backbones.files.writing import replacing, write_json

UNIT = 200  # files of a shard; a kill costs the work on one shard at most
READERS = 2  # version of the readers: parts of another version are built anew
KILLERS = "killers.json"  # files that killed the process that read them
KILLS = f"kills the process that reads it. {REMEDY}"


class _Killer(NamedTuple):
    """A file that killed the process that read it, in its state of then; a row of `KILLERS`."""

    folder: str
    file: str
    size: int
    time: int
    target: str = ""


@dataclass(frozen=True)
class Unit:
    """Files of one source that make one shard."""

    number: int
    data_set: str
    folder: Path
    files: tuple[str, ...]
    options: Options

    @cached_property
    def name(self) -> str:
        """Its number, and a checksum of its files' states: a changed file, or other readers, make another unit.

        The states are those before the files are read: a file that changes meanwhile is read again by the next build.
        """
        files = zip(self.files, states(self.folder, self.files), strict=True)
        state = [[file, s.size, s.time, *([s.target] if s.target else [])] for file, s in files]
        text = json.dumps([READERS, self.data_set, str(self.folder), state, asdict(self.options)])
        return f"{self.number:06d}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


@dataclass(frozen=True)
class Built:
    """The result of a build.

    Attributes
    ----------
    out : Path
        The corpus.
    images : int
        The number of images in it.
    not_taken : Counter[str]
        Files or slices that are not, by reason; `out`/skipped.csv names each.
    audit_undone : bool
        An audit had left images out, which are in the corpus again.
    """

    out: Path
    images: int
    not_taken: Counter[str]
    audit_undone: bool


def build(
    sources: Iterable[str | Path | tuple[str, str | Path]],
    out: str | Path,
    *,
    side: int = Options.side,
    axis: int = Options.axis,
    workers: int | None = None,
) -> Built:
    """Build a corpus, or finish one that was begun: `python -m lvmmed_backbones corpus build`.

    The same sources give the same bytes. A file that kills the process that reads it is left out, as if it were not
    there, until it has changed.

    Parameters
    ----------
    sources : iterable of str, Path or (str, str or Path)
        Folders of images; a pair of a name and a folder names its data set other than the folder.
    out : str or Path
        Folder of the corpus.
    side : int
        Pixels; the shorter side of larger images is reduced to it.
    axis : int
        The axis along which volumes are cut.
    workers : int, optional
        Processes; None: one for each core.

    Raises
    ------
    FileNotFoundError
        If a source is not a folder.
    ValueError
        If `side` is too small, or nothing in the sources is an image.
    Refused
        If the corpus's folders lead out of it, another command is at work on it, a source cannot be read, or files kill
        a process together.
    DiskFull, OSError
        If the corpus cannot be written.
    """
    if side < SMALLEST:
        raise ValueError(f"--side {side}: at least {SMALLEST} pixels")
    out, options = Path(out), Options(side, axis)
    sources_by_name = [_named(source) for source in sources]
    for _, folder in sources_by_name:
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is not a folder")
    for name in ("shards", "parts"):
        (out / name).mkdir(parents=True, exist_ok=True)
        if not (out / name).resolve().is_relative_to(out.resolve()):
            raise Refused(out / name, f"leads out of {out}", "Make the corpus in another folder")
    audited = (out / REMOVED).is_file()
    with changing(out):
        files = [
            (data_set, folder.resolve(), sorted(walk(folder, out)))
            for data_set, folder in sources_by_name
        ]
        killers = _read_killers(out)
        while True:
            units, left_out = _plan_units(files, options, killers)
            unit = _build_units(units, out, workers or os.cpu_count() or 1)
            if not unit:
                images, not_taken = _merge_parts(units, out, options, left_out)
                return Built(out, images, not_taken, audited)
            killers += killers_among(unit)
            write_json(out / "parts" / KILLERS, killers)


def _named(source: str | Path | tuple[str, str | Path]) -> tuple[str, Path]:
    """Return the name of a source's data set (by default that of its folder), and the folder."""
    if isinstance(source, tuple):
        return source[0], Path(source[1])
    return Path(source).resolve().name, Path(source)


def _plan_units(
    sources: Sequence[tuple[str, Path, Sequence[str]]], options: Options, killers: Sequence[_Killer]
) -> tuple[list[Unit], list[dict]]:
    """Divide the files of the sources into units; return these, and a row for each file that is known to kill.

    Units are in the order of the sources and of the files' names.

    Parameters
    ----------
    sources : sequence of (str, Path, sequence of str)
        Name of the data set, folder and files of each source.
    killers : sequence of _Killer
        What `_read_killers` returns.
    """
    units: list[Unit] = []
    left_out: list[dict] = []
    for data_set, folder, files in sources:
        known = {killer.file: killer for killer in killers if killer.folder == str(folder)}
        bad = {file for file in files if file in known and known[file] == _killer(folder, file)}
        rows = [dict(data_set=text_of(data_set), source=text_of(file)) for file in sorted(bad)]
        left_out += [dict(**names, part="", reason=KILLS) for names in rows]
        good = [file for file in files if file not in bad]
        for start in range(0, len(good), UNIT):
            chunk = tuple(good[start : start + UNIT])
            units.append(Unit(len(units), data_set, folder, chunk, options))
    return units, left_out


def _build_units(units: Sequence[Unit], out: Path, workers: int) -> Unit | None:
    """Build the units that are not there yet; return the first one that kills its process, or None."""
    todo = [unit for unit in units if not _part_path(out, unit).exists()]
    files = sum(len(unit.files) for unit in units)
    with tqdm(total=files, unit="file", desc="corpus") as bar:
        bar.update(files - sum(len(unit.files) for unit in todo))
        for unit, result in results(partial(_build_unit, out=out), todo, workers):
            if isinstance(result, BrokenProcessPool):
                return unit
            bar.update(len(unit.files))
    return None


def killers_among(unit: Unit) -> list[_Killer]:
    """Find the files of a unit that kill the process that reads them, one after another.

    Raises
    ------
    Refused
        If there is none: they do it together; or if a process dies whatever it does.
    """
    if isinstance(alone(str, ""), BrokenProcessPool):
        raise Refused(
            unit.folder, "a process dies before it reads a file of it", "Give more memory"
        )
    ends = results(partial(_try_file, unit), unit.files, 1)
    files = [file for file, result in ends if isinstance(result, BrokenProcessPool)]
    if not files:
        reason = f"a process died over the files {unit.files[0]} to {unit.files[-1]}, but over none alone"
        raise Refused(unit.folder, reason, "Give more memory")
    return [_killer(unit.folder, file) for file in files]


def _try_file(unit: Unit, file: str) -> None:
    """Read and encode a file as `_build_unit` does, and keep nothing."""
    images_of(unit, file)


def _killer(folder: Path, file: str) -> _Killer:
    """Return a file that kills, in its present state."""
    state = next(states(folder, [file]))
    return _Killer(str(folder), file, state.size, state.time, state.target)


def _read_killers(out: Path) -> list[_Killer]:
    """Return the files that killed a process.

    Raises
    ------
    Refused
        If the list is not as the builder writes it.
    """
    path, remedy = out / "parts" / KILLERS, "Remove it, and build again"
    try:
        content = read_json(path, remedy, within=out)
    except FileNotFoundError:
        return []
    with refusing(path, remedy, "is no list of files"):
        return msgspec.convert(content, list[_Killer])


def _part_path(out: Path, unit: Unit) -> Path:
    """Return the path of a unit's rows. That file is written last, so it says that the unit is done."""
    return out / "parts" / f"{unit.name}.parquet"


def _build_unit(unit: Unit, out: Path) -> None:
    """Write the shard of a unit, what it left out, and its rows."""
    shard = out / "shards" / f"{unit.name}.tar"
    rows: list[dict] = []
    skipped: list[dict] = []
    with (
        replacing(shard) as scratch,
        tarfile.open(scratch, "w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for file in unit.files:
            images, reasons = images_of(unit, file)
            skipped += reasons
            for facts, content, suffix in images:
                key = f"{unit.number:06d}_{len(rows):06d}"
                location = dict(
                    key=key,
                    shard=f"shards/{shard.name}",
                    offset=tar.offset + tarfile.BLOCKSIZE,
                    length=len(content),
                    crc32=zlib.crc32(content),
                )
                add_member(tar, f"{key}{suffix}", content)
                texts = {k: facts[k] for k in ("data_set", "source", "part", "modality", "organ")}
                add_member(tar, f"{key}.json", json.dumps(texts).encode())
                rows.append(location | facts)
    write_csv(out / "parts" / f"{unit.name}.csv", skipped)
    write_parquet(_part_path(out, unit), [pa.Table.from_pylist(rows, SCHEMA)])


def images_of(unit: Unit, file: str) -> tuple[list[tuple[dict, bytes, str]], list[dict]]:
    """Return the facts, bytes and suffix of each image of a file, and a row for each part that is not taken.

    Nothing is taken of a file that turns out broken, or too large.
    """
    path = unit.folder / file
    modality, organ = facts_of(unit.data_set)
    origin = dict(data_set=text_of(unit.data_set), source=text_of(file))
    images, skipped = [], []
    try:
        for picture in read_file(unit, file):
            if isinstance(picture, tuple):
                skipped.append(dict(**origin, part=picture[0], reason=picture[1]))
                continue
            image, content, suffix = _encode(picture, path, unit.options.side)
            facts = dict(
                **origin,
                part=picture.part,
                modality=picture.modality or modality,
                organ=organ,
                height=image.shape[0],
                width=image.shape[1],
                channels=1 if image.ndim == 2 else 3,
                sha256=pixel_hash(image),
                phash=perceptual_hash(image),
            )
            images.append((facts, content, suffix))
    except (FileNotFoundError, Refused) as error:
        reason = str(error).removeprefix(f"{plain(path)}: ")
        return [], [dict(**origin, part="", reason=reason)]
    return images, skipped


def read_file(unit: Unit, file: str) -> Iterator[Picture | tuple[str, str]]:
    """Yield the images of a file; for what is not taken of it, the part and the reason.

    Raises
    ------
    FileNotFoundError, Refused
        If it is no regular file, leads out of its source, is broken or declares too much.
    """
    path = unit.folder / file
    if path.is_dir() and not path.is_symlink():  # `walk` yields no folder that can be read
        raise Refused(path, "is a folder that cannot be read", "Make it readable")
    path = regular(path, within=unit.folder)
    try:
        for picture in pictures(path, Path(file), unit.options.axis):
            yield (picture[0], str(picture[1])) if isinstance(picture, tuple) else picture
    except NotAnImage as reason:
        yield "", str(reason)


def _encode(picture: Picture, path: Path, side: int) -> tuple[NDArray[np.uint8], bytes, str]:
    """Return the image as it is stored, its bytes and their suffix. JPEG stays JPEG, everything else becomes PNG."""
    image = shrink(picture.pixels, side)
    if image is picture.pixels and picture.jpeg:
        return image, read_bytes(path, most=ARRAY), ".jpg"
    bgr = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    suffix, quality = (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 95]) if picture.jpeg else (".png", [])
    done, content = cv2.imencode(suffix, bgr, quality)
    assert done
    return image, content.tobytes(), suffix


def shrink(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Reduce the shorter side of an image to `side`; return a smaller image as it is."""
    height, width = image.shape[:2]
    shorter = min(height, width)
    if shorter <= side:
        return image
    size = (max(side, round(width * side / shorter)), max(side, round(height * side / shorter)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def add_member(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a file without owner or time to an archive, so that the same images make the same bytes."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _merge_parts(
    units: Sequence[Unit], out: Path, options: Options, left_out: Sequence[dict]
) -> tuple[int, Counter]:
    """Write the list of files not taken, the manifest and the summary from the units' parts; then delete old parts.

    Returns
    -------
    (int, Counter)
        The number of images, and how many files or slices were not taken, by reason.

    Raises
    ------
    ValueError
        If there is no image.
    """
    names = [unit.name for unit in units]
    reasons: Counter[str] = Counter()

    def counted() -> Iterator[dict]:
        rows = (row for name in names for row in read_csv(out, f"parts/{name}.csv"))
        for row in chain(rows, left_out):
            reasons[re.split(r": | \(|, by", row["reason"])[0]] += 1
            yield row

    write_csv(out / "skipped.csv", counted())
    parts = [f"parts/{name}.parquet" for name in names]
    images = sum(read_rows(out, ["height"], part).num_rows for part in parts)
    if not images:
        raise ValueError(f"nothing in the sources is an image: {out / 'skipped.csv'} says why")
    write_parquet(out / MANIFEST, (read_rows(out, SCHEMA.names, part) for part in parts))
    write_summary(out, options)
    (out / REMOVED).unlink(missing_ok=True)  # the manifest holds everything again
    keep = {
        KILLERS,
        *(f"{name}{suffix}" for name in names for suffix in (".tar", ".csv", ".parquet")),
    }
    for file in [*(out / "shards").iterdir(), *(out / "parts").iterdir()]:
        if file.name not in keep and not file.name.startswith("."):
            file.unlink()
    return images, reasons
