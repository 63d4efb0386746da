"""Read the gallery that a run left beside its record; every file is checked, and none lies outside the folder."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import MIB, Refused, opened, read_bytes, refusing, regular
from lvmmed_backbones.records import StoredRecord
from lvmmed_backbones.records.checked import AGAIN
from lvmmed_backbones.records.decoding import check_known
from lvmmed_backbones.records.folder import gone
from lvmmed_backbones.records.gallery import (
    FILES,
    FOLDER,
    IGNORED,
    INDEX,
    SCHEMA,
    SIDE,
    Box,
    BoxFile,
    Entry,
    Gallery,
)

EDITED = f"The gallery was edited: {AGAIN}."
LARGEST = 2 * SIDE  # side of an image, in pixels
MOST_BYTES = 16 * MIB  # of a file
MODES = {"RGB": ("L", "LA", "P", "RGB", "RGBA"), None: ("L", "P")}


@dataclass(frozen=True)
class Boxes:
    """Boxes of an image, in its pixels.

    Attributes
    ----------
    truth : ndarray
        (T, 4) x1, y1, x2, y2.
    truth_labels : ndarray
        (T,) classes.
    prediction : ndarray
        (P, 4), the highest score first.
    prediction_labels : ndarray
        (P,) classes.
    scores : ndarray
        (P,) in [0, 1].
    """

    truth: NDArray[np.float64]
    truth_labels: NDArray[np.int64]
    prediction: NDArray[np.float64]
    prediction_labels: NDArray[np.int64]
    scores: NDArray[np.float64]

    def at_least(self, score: float) -> Boxes:
        """All true boxes, and the predicted boxes with at least this score."""
        kept, fields = self.scores >= score, ("prediction", "prediction_labels", "scores")
        return replace(self, **{name: getattr(self, name)[kept] for name in fields})


class StoredGallery(Gallery, kw_only=True):
    """A gallery that was read from beside a record and checked; it lies in `folder`."""

    folder: Path

    def __post_init__(self) -> None:
        """Check nothing again."""

    def file(self, entry: Entry, name: str) -> Path:
        """The file of an entry that holds its 'image', 'truth', 'prediction' or 'boxes'."""
        return self.folder / entry.files[name]


Kind = TypeVar("Kind", Gallery, BoxFile)


def has_gallery(record: StoredRecord) -> bool:
    """Whether a run left a gallery; does not read it."""
    return os.path.lexists(record.path.parent / FOLDER / INDEX)


def read_gallery(record: StoredRecord) -> StoredGallery | None:
    """The gallery of a run; None if it left none, as runs of older versions.

    Raises
    ------
    ValueError
        If it is not sound; the message names the file, what is wrong with it and the remedy.
    """
    path = record.path.parent / FOLDER / INDEX
    try:
        gallery = _decode(path, Gallery, record.results)
    except FileNotFoundError:
        if path.is_symlink() or path.parent.is_symlink():
            raise gone(path) from None
        return None
    try:
        check_known(gallery.schema, SCHEMA)
        for entry in gallery.entries:
            _check_entry(entry, gallery, path.parent)
    except ValueError as error:
        raise ValueError(f"{plain(path)}: {error}") from error
    return StoredGallery(**msgspec.structs.asdict(gallery), folder=path.parent)


def _decode(path: Path, kind: type[Kind], within: Path) -> Kind:
    """The content of a JSON file of a gallery.

    Raises
    ------
    FileNotFoundError
        If there is none.
    Refused
        If it is not as a run writes it, or leads out of `within`.
    """
    content = read_bytes(path, within=within, most=MOST_BYTES)
    with refusing(path, EDITED, "is not as a run writes it"):
        return msgspec.json.decode(content, type=kind)


def _check_entry(entry: Entry, gallery: Gallery, folder: Path) -> None:
    """Refuse an unsound entry; take out of it what only other kinds of task have.

    Raises
    ------
    ValueError
        If a file is missing or lies elsewhere, or a class does not exist.
    """
    classes = len(gallery.classes)
    if gallery.kind == "classification":
        if len(entry.probabilities) != classes:
            number = len(entry.probabilities)
            raise ValueError(f"{number} probabilities of {classes} classes. {EDITED}")
        _check_labels([entry.truth, entry.prediction], classes)
    else:
        entry.truth, entry.prediction, entry.probabilities = None, None, ()
    names = FILES[gallery.kind]
    lacking = [name for name in names if name not in entry.files]
    if lacking:
        raise ValueError(f"{entry.case} has no file of its {lacking[0]}. {EDITED}")
    entry.files = {name: entry.files[name] for name in names}
    for file in entry.files.values():
        try:  # neither the name nor a link may lead to another folder
            regular(folder / file, within=folder, most=MOST_BYTES)
        except FileNotFoundError:
            raise gone(folder / file) from None


def _check_labels(labels: Sequence[int | None], classes: int) -> None:
    """Raise ValueError for a class that does not exist."""
    for label in labels:
        if label is None or label >= classes:
            raise ValueError(f"class {label} of {classes} classes. {EDITED}")


def read_copy(path: Path) -> bytes:
    """The bytes of a picture of a gallery, as they are.

    Raises
    ------
    FileNotFoundError, Refused
        If it is no regular file of its folder.
    """
    return read_bytes(path, within=path.parent, most=MOST_BYTES)


def read_image(path: Path) -> NDArray[np.uint8]:
    """The pixels of an image: (H, W, 3).

    Raises
    ------
    OSError, ValueError
        If it is no sound image or a huge one; the message names the file.
    """
    return _read_pixels(path, "RGB")


def read_labels(path: Path, classes: int) -> NDArray[np.uint8]:
    """The classes of a label map: (H, W), each below `classes`, 255 where a pixel has none.

    Raises
    ------
    OSError, ValueError
        As `read_image`; also if it has a class that does not exist.
    """
    labels = _read_pixels(path, None)
    beyond = labels[(labels >= classes) & (labels != IGNORED)]
    if beyond.size:
        raise Refused(path, f"has class {beyond.max()} of {classes} classes", EDITED)
    return labels


def read_maps(
    gallery: StoredGallery, entry: Entry
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Image, (H, W, 3), truth and prediction, (H, W), of a segmented case.

    Raises
    ------
    OSError, ValueError
        As `read_labels`; also if they differ in size.
    """
    image = read_image(gallery.file(entry, "image"))
    truth, prediction = (
        read_labels(gallery.file(entry, name), len(gallery.classes))
        for name in ("truth", "prediction")
    )
    if not image.shape[:2] == truth.shape == prediction.shape:
        raise Refused(gallery.folder / INDEX, f"the files of {entry.case} differ in size", EDITED)
    return image, truth, prediction


def _read_pixels(path: Path, mode: str | None) -> NDArray[np.uint8]:
    """The pixels of a PNG, converted to a mode of PIL; None: one channel as it is."""
    from PIL import Image

    with (
        opened(path, within=path.parent, most=MOST_BYTES) as file,
        refusing(path, EDITED, "is no sound PNG of a gallery"),
        warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning),
        Image.open(file, formats=["PNG"]) as image,
    ):
        if max(image.size) > LARGEST:
            raise Refused(
                path, f"has {image.size} pixels, more than {LARGEST} a side", "Make it smaller"
            )
        if image.mode not in MODES[mode]:
            what = "an image" if mode else "a label map"
            raise Refused(path, f"is {what} of mode {image.mode}", EDITED)
        return np.asarray(image.convert(mode) if mode else image)


def read_boxes(path: Path, classes: int) -> Boxes:
    """The boxes of an image, whose classes are below `classes`.

    Raises
    ------
    OSError, ValueError
        If the file holds no sound boxes; the message names it.
    """
    content = _decode(path, BoxFile, path.parent)
    boxes = (*content.truth, *content.prediction)
    try:
        _check_labels([box.label for box in boxes], classes)
    except ValueError as error:
        raise ValueError(f"{plain(path)}: {error}") from error
    for box in boxes:
        x1, y1, x2, y2 = box.box
        if x2 < x1 or y2 < y1:
            raise Refused(path, f"has the box {box.box}, whose corners are exchanged", EDITED)
    prediction = sorted(content.prediction, key=lambda box: -box.score)
    return Boxes(
        *_corners_and_labels(content.truth),
        *_corners_and_labels(prediction),
        np.array([box.score for box in prediction], float),
    )


def _corners_and_labels(boxes: Sequence[Box]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(n, 4) x1, y1, x2, y2 and (n,) classes."""
    corners = np.array([box.box for box in boxes], float).reshape(-1, 4)
    return corners, np.array([box.label for box in boxes], np.int64)
