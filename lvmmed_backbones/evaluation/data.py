"""Labelled images to evaluate on: folders, tables, arrays, prepared data sets, each with its parts and patients."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from lvmmed_backbones.files.outside import (
    ARRAY,
    Refused,
    opened,
    read_bytes,
    read_lines,
    read_text,
    refusing,
)
from lvmmed_backbones.layout.check import read_meta
from lvmmed_backbones.layout.reading import read_image

TRAIN, VALID, TEST = PARTS = ("train", "valid", "test")
SPELLINGS = {
    "train": TRAIN,
    "training": TRAIN,
    "val": VALID,
    "valid": VALID,
    "validation": VALID,
    "dev": VALID,
    "test": TEST,
    "testing": TEST,
}
ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
VALID_SHARE, TEST_SHARE = 0.2, 0.2  # of the training images, of all images, where no part is given


@dataclass(frozen=True)
class LabelledImages:
    """A data set for classification.

    Attributes
    ----------
    name : str
        Of the data set.
    images : sequence of Path or ndarray
        Files, or arrays (H, W) or (H, W, 3) uint8.
    names : sequence of str
        What reports call each image.
    labels : ndarray of int
        (N,), from 0 to C - 1.
    parts : ndarray of str
        (N,) "train", "valid" or "test"; "" for images whose part is to be drawn.
    classes : sequence of str
        C names.
    patients : sequence of str, optional
        Of each image; None: not known, so that each image counts by itself.
    """

    name: str
    images: Sequence[Path | NDArray[np.uint8]]
    names: Sequence[str]
    labels: NDArray[np.int64]
    parts: NDArray[np.str_]
    classes: Sequence[str]
    patients: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def pixels(self, place: int) -> NDArray[np.uint8]:
        """An image as (H, W, 3) uint8 RGB.

        Raises
        ------
        FileNotFoundError, Refused
            If its file is none that can be read.
        """
        image = self.images[place]
        array = read_image(image) if isinstance(image, Path) else image
        return cv2.cvtColor(array, cv2.COLOR_GRAY2RGB) if array.ndim == 2 else array

    @cached_property
    def keys(self) -> list[bytes]:
        """BLAKE2b of each image's content, 16 bytes: of its file, or of its pixels."""
        return [self._key(image) for image in tqdm(self.images, "images", leave=False, delay=1)]

    @staticmethod
    def _key(image: Path | NDArray[np.uint8]) -> bytes:
        if isinstance(image, Path):
            return hashlib.blake2b(read_bytes(image, most=ARRAY), digest_size=16).digest()
        shape = f"{image.shape}".encode()
        return hashlib.blake2b(shape + image.tobytes(), digest_size=16).digest()

    def of(self, part: str) -> NDArray[np.int64]:
        """The places of a part's images."""
        return np.flatnonzero(self.parts == part)


def read_data(
    data: str | Path | LabelledImages | Mapping[str, ArrayLike], seed: int = 0
) -> LabelledImages:
    """The labelled images that somebody names.

    Parameters
    ----------
    data : str, Path, LabelledImages or mapping
        A folder CLASS/IMAGE or PART/CLASS/IMAGE; a prepared data set of the suite; a CSV with the columns path and
        label, and perhaps split and patient; an .npz, or a mapping of arrays, with the names of MedMNIST:
        train_images, train_labels, val_images ...
    seed : int
        Seed of the valid part, where it is not given: a fifth of the training images, whole patients, of each class
        alike. A test part that is not given is drawn so, too, and is the same for every seed.

    Raises
    ------
    FileNotFoundError
        If there is no such folder or file.
    Refused, ValueError
        If it is none of these, or holds fewer than two classes.
    """
    if isinstance(data, LabelledImages):
        found = data
    elif isinstance(data, Mapping):
        found = _of_arrays("arrays", data)
    else:
        path = Path(data)
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such folder or file")
        if path.suffix == ".csv":
            found = _of_table(path)
        elif path.suffix == ".npz":
            found = _of_archive(path)
        elif (path / "meta.json").is_file():
            found = _of_prepared(path)
        else:
            found = _of_folder(path)
    return check(draw_parts(found, seed))


def _of_folder(path: Path) -> LabelledImages:
    """CLASS/IMAGE, or PART/CLASS/IMAGE."""
    folders = [child for child in sorted(path.iterdir()) if child.is_dir()]
    parts = {child: SPELLINGS.get(child.name.lower(), "") for child in folders}
    if not any(parts.values()):
        parts = {path: ""}
    rows = [
        (file, label.name, part)
        for folder, part in parts.items()
        if part or folder == path
        for label in sorted(folder.iterdir())
        if label.is_dir()
        for file in sorted(label.rglob("*"))
        if file.suffix.lower() in ENDINGS
    ]
    if not rows:
        raise Refused(path, "holds no images", "Put them into a folder for each class")
    return _of_rows(path.name, path, rows, None)


def _of_table(path: Path) -> LabelledImages:
    """Rows of path, label, split and patient."""
    with refusing(path, "Save it as CSV in UTF-8 with the columns path and label"):
        rows = list(csv.DictReader(io.StringIO(read_text(path)), strict=True))
    if not rows or not {"path", "label"} <= rows[0].keys():
        raise Refused(path, "has no rows with path and label", "Give each image a row with both")
    found = []
    for number, row in enumerate(rows, 2):
        split = (row.get("split") or "").strip().lower()
        if split not in ("", *SPELLINGS):
            raise Refused(path, f"row {number} has split {split!r}", "Use train, valid or test")
        if not row["path"] or not row["label"]:
            raise Refused(path, f"row {number} lacks its path or label", "Fill it in")
        found.append((path.parent / row["path"], row["label"], SPELLINGS.get(split, "")))
    patients = [row["patient"] for row in rows] if "patient" in rows[0] else None
    if patients and not all(patients):
        raise Refused(path, "has rows without a patient", "Fill them in, or leave the column out")
    return _of_rows(path.stem, path.parent, found, patients)


def _of_prepared(path: Path) -> LabelledImages:
    """A prepared data set of the suite, for classification."""
    meta = read_meta(path)
    if meta["kind"] != "classification":
        raise Refused(path, f"is for {meta['kind']}", "Name one for classification")
    rows = []
    for part in PARTS:
        for line in read_lines(path / "splits" / f"{part}.txt", within=path):
            name, _, label = line.rpartition(" ")
            rows.append((path / "images" / name, meta["classes"][int(label)], part))
    return _of_rows(path.name, path / "images", rows, None)


def _of_rows(
    name: str, folder: Path, rows: Sequence[tuple[Path, str, str]], patients: Sequence[str] | None
) -> LabelledImages:
    files, labels, parts = zip(*rows, strict=True)
    classes = sorted(set(labels))
    return LabelledImages(
        name=name,
        images=files,
        names=[str(f.relative_to(folder)) if f.is_relative_to(folder) else str(f) for f in files],
        labels=np.array([classes.index(label) for label in labels]),
        parts=np.array(parts),
        classes=classes,
        patients=patients,
    )


def _of_archive(path: Path) -> LabelledImages:
    """An .npz with MedMNIST's names."""
    with opened(path, most=ARRAY) as file, refusing(path, "Save it again by numpy.savez"):
        archive = np.load(file, allow_pickle=False)
        arrays = {name: archive[name] for name in archive.files}
    return replace(_of_arrays(path.stem, arrays), name=path.stem)


def _of_arrays(name: str, arrays: Mapping[str, ArrayLike]) -> LabelledImages:
    """train_images, train_labels, val_images, val_labels, test_images, test_labels; images and labels alone, too."""
    images: list[NDArray[np.uint8]] = []
    labels, parts = [], []
    for prefix, part in (("train_", TRAIN), ("val_", VALID), ("test_", TEST), ("", "")):
        if f"{prefix}images" not in arrays:
            continue
        pixels = np.asarray(arrays[f"{prefix}images"])
        own = np.asarray(arrays.get(f"{prefix}labels", ())).reshape(-1)
        if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4) or len(own) != len(pixels):
            raise ValueError(
                f"{name}: {prefix}images {pixels.dtype} {pixels.shape} with {len(own)} labels. "
                "Give (N, H, W) or (N, H, W, 3) uint8, and a label for each"
            )
        images += list(pixels)
        labels += own.tolist()
        parts += [part] * len(own)
    if not images:
        raise ValueError(f"{name}: no train_images among {', '.join(arrays)}")
    classes = sorted(set(labels))
    place = {label: number for number, label in enumerate(classes)}
    return LabelledImages(
        name=name,
        images=images,
        names=[f"{part or 'image'}/{number:05}" for number, part in enumerate(parts)],
        labels=np.array([place[label] for label in labels]),
        parts=np.array(parts),
        classes=[str(label) for label in classes],
    )


def draw_parts(data: LabelledImages, seed: int) -> LabelledImages:
    """The data with a test and a valid part, which are drawn where they are not given.

    The test part is the same for every seed, so that seeds can be compared case by case.
    """
    parts = data.parts.astype("U5")  # room for the longest name
    if not (parts == TEST).any():
        parts[_share(data, np.flatnonzero(parts != VALID), TEST_SHARE, 0)] = TEST
    parts[parts == ""] = TRAIN
    if not (parts == VALID).any():
        parts[_share(data, np.flatnonzero(parts == TRAIN), VALID_SHARE, 1 + seed)] = VALID
    return replace(data, parts=parts)


def fewer_labels(data: LabelledImages, fraction: float, seed: int) -> NDArray[np.int64]:
    """The training images of a share of the labels, whole patients; a smaller share is part of every larger one."""
    places = data.of(TRAIN)
    return places if fraction == 1 else _share(data, places, fraction, seed)


def _share(
    data: LabelledImages, places: NDArray[np.int64], share: float, seed: int
) -> NDArray[np.int64]:
    """A share of images, whole patients at a time, of each class alike: at least one patient of it."""
    groups: dict[str, list[int]] = defaultdict(list)
    for place in places:
        groups[data.patients[place] if data.patients else str(place)].append(int(place))
    strata: dict[int, list[list[int]]] = defaultdict(list)
    for members in groups.values():  # a patient belongs to the class that most of its images have
        strata[Counter(data.labels[members].tolist()).most_common(1)[0][0]].append(members)
    chosen: list[int] = []
    for label, patients in sorted(strata.items()):
        order = np.random.default_rng([seed, label]).permutation(len(patients))
        for number in order[: max(1, round(share * len(patients)))]:
            chosen += patients[number]
    return np.array(sorted(chosen), dtype=np.int64)


def check(data: LabelledImages) -> LabelledImages:
    """The data, once they can be learnt from.

    Raises
    ------
    ValueError
        If they have one class, a class without training images, a part without images, or a patient in two parts.
    """
    counts = np.bincount(data.labels[data.of(TRAIN)], minlength=len(data.classes))
    if len(data.classes) < 2:
        raise ValueError(f"{data.name} has one class, {data.classes[0]!r}: give at least two")
    for part in PARTS:
        if not len(data.of(part)):
            raise ValueError(f"{data.name} has no {part} images: add some")
    if not counts.all():
        lacking = data.classes[int(counts.argmin())]
        raise ValueError(
            f"{data.name}: class {lacking!r} has no training images. Add some, or leave the class out"
        )
    if data.patients:
        seen: dict[str, str] = {}
        for patient, part in zip(data.patients, data.parts, strict=True):
            if seen.setdefault(patient, part) != part:
                raise ValueError(
                    f"{data.name}: patient {patient} is in {seen[patient]} and in {part}. Split by patients"
                )
    return data
