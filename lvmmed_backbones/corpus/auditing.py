"""Find images of test splits in a corpus."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from lvmmed_backbones.corpus import state
from lvmmed_backbones.corpus.building import KILLS, Unit, read_file, shrink
from lvmmed_backbones.corpus.dataset import CorpusDataset
from lvmmed_backbones.corpus.hashes import (
    CORRELATION,
    HASH_DISTANCE,
    perceptual_hash,
    pixel_hash,
    thumbnail,
)
from lvmmed_backbones.corpus.manifest import Options, read_rows, read_summary
from lvmmed_backbones.corpus.reading import Picture
from lvmmed_backbones.corpus.workers import results
from lvmmed_backbones.display import plain
from lvmmed_backbones.files.folders import walk
from lvmmed_backbones.files.outside import Refused, read_lines
from lvmmed_backbones.files.writing import sweep
from lvmmed_backbones.layout.check import read_meta
from lvmmed_backbones.records import audits as records

# Turns of a test image that are looked for too, since volumes are cut and laid out in many ways: whether it is
# mirrored, and by how many quarters of a circle it is turned.
TURNS = {
    f"{'flipped, ' if flip else ''}turned by {90 * quarters} degrees": (flip, quarters)
    for flip in (False, True)
    for quarters in range(4)
}


@dataclass(frozen=True)
class _TestImage:
    """An image of a test split: where it is, and the hashes by which it is found again."""

    folder: Path
    file: str
    source: str
    part: str
    sha256: str
    phashes: tuple[int, ...]  # one for each of TURNS
    thumbnails: tuple[NDArray[np.float32], ...]


@dataclass(frozen=True)
class Audit:
    """What an audit found and did.

    Attributes
    ----------
    duplicates : list of dict
        A row for each duplicate, sorted by test image and key: test, part, key, data_set, source, sha256 (of its
        pixels), kind, turn, hash_distance, correlation.
    not_compared : list of str
        Why, for each test file that cannot be read.
    removed : int
        How many images it left out of the corpus.
    finished : int
        How many images were left out first, for an earlier audit that had been stopped.
    written : list of Path
        The files in RESULTS/audits.
    """

    duplicates: list[dict]
    not_compared: list[str]
    removed: int = 0
    finished: int = 0
    written: list[Path] = field(default_factory=list)


def audit(
    corpus: str | Path,
    test: Iterable[str | Path],
    *,
    report: str | Path | None = None,
    remove: bool = False,
    results: str | Path | None = None,
    workers: int | None = None,
) -> Audit:
    """Find images of test splits in a corpus: `python -m lvmmed_backbones corpus audit`.

    An image of the corpus is a duplicate if its pixels are the same (exact), or if perceptual hashes differ in at
    most `HASH_DISTANCE` bits and the correlation at 64 x 64 pixels is at least `CORRELATION` (near). Test images are
    reduced as the corpus's images were.

    Parameters
    ----------
    corpus : str or Path
        Its folder.
    test : iterable of str or Path
        Folders of test images, or of prepared data sets, of which the test splits count.
    report : str, Path, optional
        A CSV file to write, a row for each duplicate.
    remove : bool
        Leave the duplicates out of the manifest.
    results : str, Path, optional
        A folder of results, in which each prepared data set gets an audit (`records.audits`) for the reports: of the
        corpus that is there, by its fingerprint, and with `remove` of both, the corpus with and without the
        duplicates, since a backbone may have been pretrained on either.
    workers : int, optional
        Processes; None: one for each core.

    Raises
    ------
    FileNotFoundError
        If a folder does not exist; ValueError: if there is no image in the folders, or `results` is given and one
        holds no prepared data set; Refused: if the corpus is not whole, or another command is at work on it.
    DiskFull, OSError
        If something cannot be written.
    """
    corpus, folders = Path(corpus), [Path(folder) for folder in test]
    options = read_summary(corpus).options
    for folder in folders:
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is not a folder of test images")
        if results is not None and not _is_prepared(folder):
            raise ValueError(
                f"{folder} is no prepared data set with a test split, so no record has its cases: "
                "audit it without --results"
            )
    with state.changing(corpus) if remove else nullcontext():
        finished = state.finish(corpus, options) if remove else 0
        tests, not_compared = _read_test_images(folders, options, workers or os.cpu_count() or 1)
        if not tests:
            places = ", ".join(map(str, folders))
            raise ValueError(f"no image in {places}: nothing to audit against")
        rows = _find_duplicates(corpus, tests)
        if report:
            sweep(Path(report).parent)
            state.write_csv(Path(report), rows, list(rows[0]) if rows else state.SKIPPED)
        written = []
        if results is not None:
            found = {row["test"] for row in rows}
            written += _write_audits(corpus, folders, tests, found, Path(results))
        removed = state.remove(corpus, rows, options) if remove and rows else 0
        if removed and results is not None:
            written += _write_audits(corpus, folders, tests, set(), Path(results))
    return Audit(rows, not_compared, removed, finished, written)


def _write_audits(
    corpus: Path,
    folders: Sequence[Path],
    tests: Sequence[_TestImage],
    found: Container[str],
    results: Path,
) -> list[Path]:
    """Write an audit of the corpus as it is for each prepared data set; return the files.

    Parameters
    ----------
    found : container of str
        Sources of the test images that are in the corpus.
    """
    fingerprint = read_summary(corpus).fingerprint
    files = []
    for folder in dict.fromkeys(folder.resolve() for folder in folders):
        own = [test for test in tests if test.folder == folder]
        of_volumes = read_meta(folder)["kind"] == "volumes"
        cases = {test.source: _case(test.file, of_volumes) for test in own}
        leaked = {case for source, case in cases.items() if source in found}
        audit = records.Audit(
            corpus=fingerprint,
            dataset=folder.name,
            by="pixels",
            tested=len(set(cases.values())),
            leaked=sorted(leaked),
        )
        files.append(records.write_audit(results, audit))
    return files


def _case(file: str, of_volumes: bool) -> str:
    """Return the name that records have for the case of a prepared image, images/NAME: a slice's is its volume's."""
    name = PurePosixPath(file).relative_to("images")
    return str(name.parent if of_volumes else name.with_suffix(""))


def _is_prepared(folder: Path) -> bool:
    """Whether a folder is a prepared data set with a test split."""
    return (folder / "meta.json").is_file() and any(folder.glob("splits/test*.txt"))


def _find_duplicates(corpus: Path, tests: Sequence[_TestImage]) -> list[dict]:
    """Compare test images with every image of the corpus; return a row for each duplicate, as in `Audit`."""
    table = read_rows(corpus, ["key", "data_set", "source", "sha256", "phash"])
    hashes = table["phash"].to_numpy()
    by_pixels: dict[str, list[int]] = {}
    wanted = {test.sha256 for test in tests}
    for index, sha256 in enumerate(table["sha256"].to_pylist()):
        if sha256 in wanted:
            by_pixels.setdefault(sha256, []).append(index)
    images = CorpusDataset(str(corpus))
    facts = table.select(["key", "data_set", "source", "sha256"])
    rows = []
    for test in tqdm(tests, desc="comparing", unit="image"):
        for index, kind, turn, distance, correlation in _matches(test, hashes, by_pixels, images):
            row = {name: facts[name][index].as_py() for name in facts.column_names}
            rows.append(
                dict(
                    test=test.source,
                    part=test.part,
                    **row,
                    kind=kind,
                    turn=turn,
                    hash_distance=distance,
                    correlation=f"{correlation:.4f}",
                )
            )
    return rows


def _matches(
    test: _TestImage,
    hashes: NDArray[np.uint64],
    by_pixels: dict[str, list[int]],
    images: CorpusDataset,
) -> Iterator[tuple[int, str, str, int, float]]:
    """Yield index, kind, turn, hash distance and correlation of each duplicate of a test image."""
    seen = set(by_pixels.get(test.sha256, ()))
    for index in sorted(seen):
        yield index, "exact", "", 0, 1.0
    for turn, phash, thumb in zip(TURNS, test.phashes, test.thumbnails, strict=True):
        distances = np.bitwise_count(hashes ^ np.uint64(phash))
        for index in map(int, np.flatnonzero(distances <= HASH_DISTANCE)):
            if index in seen:
                continue
            correlation = float(thumb @ thumbnail(images.read(index)[..., ::-1]))
            if correlation >= CORRELATION:
                seen.add(index)
                yield index, "near", turn, int(distances[index]), correlation


def _read_test_images(
    folders: Sequence[Path], options: Options, workers: int
) -> tuple[list[_TestImage], list[str]]:
    """Return the images in folders, read as a corpus reads them, and the reason for each file that cannot be read."""
    files = [(folder.resolve(), file) for folder in folders for file in _test_files(folder)]
    ends = results(partial(_describe_file, options=options), files, workers)
    described = dict(tqdm(ends, total=len(files), desc="test images", unit="file"))
    tests: list[_TestImage] = []
    reasons = []
    for file in files:
        images = described[file]
        if isinstance(images, BrokenProcessPool):
            reasons.append(f"{plain(Path(*file))}: {KILLS}")
        elif isinstance(images, str):
            reasons.append(images)
        else:
            tests += images
    return tests, reasons


def _test_files(folder: Path) -> list[str]:
    """Return the files of a folder; of a prepared data set only the test images, of every recipe (release_test)."""
    prepared = any(folder.glob("splits/test*.txt"))
    return images_of_split(folder, "*test") if prepared else sorted(walk(folder))


def images_of_split(folder: Path, split: str) -> list[str]:
    """Return the images of a prepared data set that splits/SPLIT*.txt name; none if there is no such file."""
    lists = sorted(folder.glob(f"splits/{split}*.txt"))
    lines = [line for file in lists for line in read_lines(file, within=folder)]
    # A line is a name, with or without its suffix, perhaps with a label behind it; a volume's is its slices' folder.
    names = {*lines, *(line.rpartition(" ")[0] for line in lines)}
    images = sorted(file for file in walk(folder) if file.startswith("images/"))
    return [
        file
        for file in images
        for name in [Path(file).relative_to("images")]
        if not names.isdisjoint({str(name), str(name.with_suffix("")), *map(str, name.parents)})
    ]


def _describe_file(place: tuple[Path, str], options: Options) -> list[_TestImage] | str:
    """Return the images of a file with their hashes, or the reason why it cannot be read."""
    folder, file = place
    unit = Unit(0, "", folder, (file,), options)
    tests = []
    try:
        for picture in read_file(unit, file):
            if not isinstance(picture, Picture):
                continue
            image = shrink(picture.pixels, options.side)
            turned = [
                np.ascontiguousarray(np.rot90(image[:, ::-1] if flip else image, quarters))
                for flip, quarters in TURNS.values()
            ]
            tests.append(
                _TestImage(
                    folder,
                    file,
                    plain(folder / file),
                    picture.part,
                    pixel_hash(image),
                    tuple(perceptual_hash(t) for t in turned),
                    tuple(thumbnail(t) for t in turned),
                )
            )
    except (FileNotFoundError, Refused) as error:
        return str(error)
    return tests
