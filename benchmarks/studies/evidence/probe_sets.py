"""The images that a pretraining is judged on: seven real data sets, each reduced once, in four parts.

train and valid fit the probes, search chooses settings, and final is looked at in the rows of the report alone. Images
that look alike count once, and all judged images are written out, so that a corpus can be audited against them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from lvmmed_backbones.corpus.hashes import CORRELATION, HASH_DISTANCE, perceptual_hash, thumbnail
from lvmmed_backbones.evaluation.data import DenseImages, LabelledImages
from lvmmed_backbones.evaluation.data.arrays import of_archive
from lvmmed_backbones.evaluation.data.folders import of_folder
from lvmmed_backbones.evaluation.data.prepared import of_prepared
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.files.writing import replacing_folder
from lvmmed_backbones.layout.reading import read_image
from tasks.download.voc import read_voc

TRAIN, VALID, SEARCH, FINAL = PARTS = ("train", "valid", "search", "final")
SIDES = {"classes": 64, "masks": 96}  # pixels of the images
MASK_SIDE = 128  # pixels at which masks are compared
JUDGED = "judged"  # folder of the images that no corpus may have
CELLS = ("RBC", "WBC", "Platelets")  # of bccd
DOWNLOAD = "Download the data set again, and give the folder that holds it"

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class ProbeSet:
    """A data set of the study.

    Attributes
    ----------
    name : str
    images : ndarray of uint8
        (N, S, S, 3) RGB.
    truth : ndarray
        (N,) classes, or (N, MASK_SIDE, MASK_SIDE) masks of classes.
    cases : sequence of str
        N; what is scored: an image's name, or its volume.
    parts : ndarray of str
        (N,) of PARTS.
    classes : int
        Number of classes, the background of masks among them.
    """

    name: str
    images: Pixels
    truth: NDArray[np.int64]
    cases: Sequence[str]
    parts: NDArray[np.str_]
    classes: int

    @property
    def dense(self) -> bool:
        """Whether the truth is masks."""
        return self.truth.ndim == 3

    def of(self, *parts: str) -> NDArray[np.int64]:
        """The places of the images of some parts."""
        return np.flatnonzero(np.isin(self.parts, parts))

    def mask(self, place: int) -> NDArray[np.uint8]:
        """A mask (MASK_SIDE, MASK_SIDE), as the dense probe asks for it."""
        return self.truth[place].astype(np.uint8)


@dataclass
class _Images:
    """Images of a data set as they are found, before the parts are drawn.

    Attributes
    ----------
    pixels : list of ndarray
    truth : list of int or ndarray
    cases : list of str
    units : list of str
        What is never divided between parts: an image, a smear of many cells, a volume.
    sources : list of ndarray
        What the corpus may hold of each: the image, or the smear that a cell was cut out of.
    """

    pixels: list[Pixels]
    truth: list
    cases: list[str]
    units: list[str]
    sources: list[Pixels]


Build = Callable[[Path], tuple[ProbeSet, list[tuple[str, Pixels]]]]


def sets(*, data: Path, prepared: Path, out: Path) -> list[Path]:
    """Reduce the images that backbones are judged on: `python -m benchmarks.studies.evidence sets`.

    Parameters
    ----------
    data : Path
        Downloads: brain_tumor, busi, bccd, and unlabelled/chest_xray_28px/pneumoniamnist.npz.
    prepared : Path
        isic2018, kvasir and hippocampus, prepared (`tasks prepare`).
    out : Path
        Folder of a file for each data set, and of `judged`, a folder of images for `corpus audit --test`.

    Returns
    -------
    list of Path
        The files, and the folder of the judged images.

    Raises
    ------
    FileNotFoundError, Refused
        If a data set is absent or damaged.
    """
    places: dict[str, tuple[Build, Path]] = {
        "brain_tumor": (_brain_tumor, data / "brain_tumor" / "Training"),
        "pneumonia": (_pneumonia, data / "unlabelled" / "chest_xray_28px" / "pneumoniamnist.npz"),
        "bccd": (_bccd, data / "bccd"),
        "busi": (_busi, data / "busi" / "Dataset_BUSI_with_GT"),
        "isic2018": (_masks, prepared / "isic2018"),
        "kvasir": (_masks, prepared / "kvasir"),
        "hippocampus": (_volumes, prepared / "hippocampus"),
    }
    for _, place in places.values():
        if not place.exists():
            raise FileNotFoundError(f"{place}: no such file or folder. {DOWNLOAD}")
    files = []
    with replacing_folder(out) as scratch:
        for name, (build, place) in tqdm(places.items(), "data sets", unit="set"):
            found, judged = build(place)
            np.savez_compressed(
                scratch / f"{name}.npz",
                images=found.images,
                truth=found.truth,
                cases=found.cases,
                parts=found.parts,
                classes=found.classes,
            )
            (scratch / JUDGED / name).mkdir(parents=True)
            for source, pixels in judged:
                file = scratch / JUDGED / name / f"{source}.png"
                cv2.imwrite(str(file), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
            files.append(out / f"{name}.npz")
    return [*files, out / JUDGED]


def read_sets(folder: Path) -> list[ProbeSet]:
    """Return what `sets` has written, by name.

    Raises
    ------
    FileNotFoundError
        If there is nothing.
    """
    files = sorted(folder.glob("*.npz"))
    if not files:
        raise FileNotFoundError(
            f"{folder} holds no data set: run `python -m benchmarks.studies.evidence sets` first"
        )
    found = []
    for file in files:
        with np.load(file, allow_pickle=False) as content:
            found.append(
                ProbeSet(
                    file.stem,
                    content["images"],
                    content["truth"],
                    content["cases"].tolist(),
                    content["parts"],
                    int(content["classes"]),
                )
            )
    return found


def fingerprint(sets: Sequence[ProbeSet]) -> str:
    """Return the BLAKE2b of all images, truths and parts, 16 hex digits."""
    digest = hashlib.blake2b(digest_size=8)
    for one in sets:
        digest.update(f"{one.name} {one.images.shape} {one.truth.dtype}".encode())
        for array in (one.images, one.truth, np.array(one.cases), one.parts):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _brain_tumor(folder: Path) -> tuple[ProbeSet, list[tuple[str, Pixels]]]:
    """The published training folder alone: two thirds of the published test images are copies out of it."""
    return _classified("brain_tumor", _folders(folder), {FINAL: 60, SEARCH: 60, VALID: 30}, 300)


def _busi(folder: Path) -> tuple[ProbeSet, list[tuple[str, Pixels]]]:
    """149 images are too few to be divided twice: no search looks at them."""
    return _classified("busi", _folders(folder), {FINAL: 28, SEARCH: 0, VALID: 6}, 300)


def _pneumonia(file: Path) -> tuple[ProbeSet, list[tuple[str, Pixels]]]:
    data = of_archive(file)
    names = [f"{n:04}" for n in range(len(data))]
    return _classified("pneumonia", _whole(data, names), {FINAL: 200, SEARCH: 200, VALID: 100}, 500)


def _bccd(folder: Path) -> tuple[ProbeSet, list[tuple[str, Pixels]]]:
    """Cells, cut out with a tenth of their size around them; the cells of a smear are all in one part."""
    found = _Images([], [], [], [], [])
    for annotation in sorted((folder / "Annotations").glob("*.xml")):
        smear = _rgb(read_image(folder / "JPEGImages" / f"{annotation.stem}.jpg"))
        height, width = smear.shape[:2]
        for number, (label, *box) in enumerate(read_voc(annotation, CELLS, (width, height))):
            cell = _cut(smear, *map(round, box))
            if min(cell.shape[:2]) >= 8:
                found.pixels.append(cell)
                found.truth.append(label)
                found.cases.append(f"{annotation.stem}-{number}")
                found.units.append(annotation.stem)
                found.sources.append(smear)
    return _classified("bccd", found, {FINAL: 80, SEARCH: 70, VALID: 30}, 200)


def _cut(image: Pixels, left: int, top: int, right: int, below: int) -> Pixels:
    x, y = (right - left) // 10, (below - top) // 10
    return image[max(0, top - y) : below + y, max(0, left - x) : right + x]


def _folders(folder: Path) -> _Images:
    """The images of CLASS/IMAGE, without masks beside them."""
    data = of_folder(folder)
    files = [image for image in data.images if isinstance(image, Path)]
    return _whole(data, [f"{file.parent.name}-{file.stem}" for file in files])


def _whole(data: LabelledImages, names: list[str]) -> _Images:
    """Images that are each a unit, and what a corpus may hold."""
    pixels = [data.pixels(place) for place in range(len(data))]
    return _Images(pixels, data.labels.tolist(), names, names, pixels)


def _classified(
    name: str, found: _Images, judged: dict[str, int], most: int
) -> tuple[ProbeSet, list[tuple[str, Pixels]]]:
    """Draw so many images of each class for each part, and at most `most` for training."""
    if not found.pixels:
        raise ValueError(f"{name}: no images were found. {DOWNLOAD}")
    labels = np.array(found.truth)
    kept = _without_copies(found.pixels)
    rng = np.random.default_rng(0)
    units = rng.permutation(np.unique(np.array(found.units)[kept])).tolist()
    wanted = dict(judged) | {TRAIN: most}
    part_of = _parts_of_units(units, wanted, found.units, labels, kept)
    parts = np.full(len(labels), "", dtype="<U8")
    for part, number in wanted.items():
        for label in np.unique(labels):
            inside = [n for n in kept if part_of[found.units[n]] == part and labels[n] == label]
            parts[rng.permutation(inside)[:number].astype(int)] = part
    return _reduced(name, found, parts, int(labels.max()) + 1, "classes")


def _parts_of_units(
    units: Sequence[str],
    wanted: dict[str, int],
    unit_of: Sequence[str],
    labels: NDArray,
    kept: Sequence[int],
) -> dict[str, str]:
    """Give each unit to the first part that still lacks images of a class that it has; the last takes the rest."""
    members: dict[str, list[int]] = {}
    for n in kept:
        members.setdefault(unit_of[n], []).append(int(labels[n]))
    lacking = {part: np.full(labels.max() + 1, number) for part, number in wanted.items()}
    result = {}
    for unit in units:
        counts = np.bincount(members[unit], minlength=labels.max() + 1)
        part = next((p for p in wanted if (lacking[p][counts > 0] > 0).any()), TRAIN)
        lacking[part] = lacking[part] - counts
        result[unit] = part
    return result


def _masks(folder: Path) -> tuple[ProbeSet, list[tuple[str, Pixels]]]:
    """A prepared data set for segmentation; its published parts are not kept, since most images would stay unused."""
    data = _dense(folder)
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(data))[:800]
    pixels = [data.pixels(int(place)) for place in chosen]
    masks = [data.mask(int(place)) for place in chosen]
    names = [data.names[place] for place in chosen]
    found = _Images(pixels, masks, names, names, pixels)
    kept = _without_copies(pixels)
    parts = np.full(len(chosen), "", dtype="<U8")
    parts[kept] = _cut_up(len(kept), {FINAL: 150, SEARCH: 120, VALID: 50, TRAIN: 200})
    return _reduced(folder.name, found, parts, len(data.classes), "masks")


def _volumes(folder: Path) -> tuple[ProbeSet, list[tuple[str, Pixels]]]:
    """Every third slice of volumes, which are never divided; no corpus may have any slice of a judged one."""
    data = _dense(folder)
    volumes = np.random.default_rng(0).permutation(sorted(set(data.cases)))
    wanted = {FINAL: 24, SEARCH: 12, VALID: 8, TRAIN: 16}
    part_of = dict(zip(volumes, _cut_up(len(volumes), wanted), strict=True))
    chosen = [place for place, case in enumerate(data.cases) if part_of[case]]
    found = _Images([], [], [], [], [])
    parts = []
    for number, place in enumerate(chosen):
        if number % 3 == 0:
            pixels, case = data.pixels(place), data.cases[place]
            found.pixels.append(pixels)
            found.truth.append(data.mask(place))
            found.cases.append(case)
            found.units.append(_flat(data.names[place]))
            found.sources.append(pixels)
            parts.append(part_of[case])
    reduced, _ = _reduced(folder.name, found, np.array(parts), len(data.classes), "masks")
    judged = [place for place in chosen if part_of[data.cases[place]] != TRAIN]
    return reduced, [(_flat(data.names[place]), data.pixels(place)) for place in judged]


def _flat(name: str) -> str:
    return name.replace("/", "-")


def _dense(folder: Path) -> DenseImages:
    data = of_prepared(folder)
    if not isinstance(data, DenseImages):
        raise Refused(folder, "has no masks", "Give the data set of this name, prepared")
    return data


def _cut_up(number: int, wanted: dict[str, int]) -> NDArray[np.str_]:
    """(number,) parts, as many of each as are wanted; "" for the rest."""
    parts = [part for part, size in wanted.items() for _ in range(size)]
    return np.array((parts + [""] * number)[:number], dtype="<U8")


def _reduced(
    name: str, found: _Images, parts: NDArray[np.str_], classes: int, kind: str
) -> tuple[ProbeSet, list[tuple[str, Pixels]]]:
    """The images that have a part, at one size; and the sources of those that are judged or choose, each once."""
    used = np.flatnonzero(parts != "")
    images = np.stack([_resized(found.pixels[n], SIDES[kind]) for n in used])
    truth = [found.truth[n] for n in used]
    if kind == "masks":
        size = (MASK_SIDE, MASK_SIDE)
        truth = [cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST) for mask in truth]
    cases = [found.cases[n] for n in used]
    judged = {found.units[n]: found.sources[n] for n in used if parts[n] != TRAIN}
    probe_set = ProbeSet(name, images, np.array(truth), cases, parts[used], classes)
    return probe_set, list(judged.items())


def _without_copies(images: Sequence[Pixels]) -> list[int]:
    """The places of images of which no earlier one is the same to the eye, as `corpus audit` says it."""
    hashes = np.array([perceptual_hash(image) for image in images], dtype=np.uint64)
    kept: list[int] = []
    for place, image in enumerate(images):
        distances = np.bitwise_count(hashes[kept] ^ hashes[place])
        close = np.array(kept, dtype=int)[distances <= HASH_DISTANCE]
        own = thumbnail(image)
        if not any(own @ thumbnail(images[other]) >= CORRELATION for other in close):
            kept.append(place)
    return kept


def _resized(image: Pixels, side: int) -> Pixels:
    method = cv2.INTER_CUBIC if side > max(image.shape[:2]) else cv2.INTER_AREA
    return np.asarray(cv2.resize(image, (side, side), interpolation=method), np.uint8)


def _rgb(image: Pixels) -> Pixels:
    return (
        np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2RGB), np.uint8) if image.ndim == 2 else image
    )
