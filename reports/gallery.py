"""Read the gallery that a run left beside its record: nothing outside its folder, nothing unchecked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from reports.records import Record
from reports.schema import AGAIN, Count, Part, check_schema

EDITED = f"The gallery was edited: {AGAIN}."
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
INDEX = "gallery.json"
LARGEST = 4096  # pixels of a side; a run writes 512 at most
FILES = {
    "segmentation": ("image", "truth", "prediction"),
    "volumes": ("image", "truth", "prediction"),
    "detection": ("image", "boxes"),
    "classification": ("image",),
}


@dataclass(frozen=True)
class Boxes:
    """Boxes of an image, in its pixels.

    Attributes:
        truth: (T, 4) x1, y1, x2, y2.
        truth_labels: (T,) classes.
        prediction: (P, 4), the surest first.
        prediction_labels: (P,) classes.
        scores: (P,) in [0, 1].
    """

    truth: NDArray[np.float64]
    truth_labels: NDArray[np.int64]
    prediction: NDArray[np.float64]
    prediction_labels: NDArray[np.int64]
    scores: NDArray[np.float64]

    def at_least(self, score: float) -> Boxes:
        """All true boxes, and the predicted ones that are this sure."""
        sure = self.scores >= score
        return replace(
            self,
            prediction=self.prediction[sure],
            prediction_labels=self.prediction_labels[sure],
            scores=self.scores[sure],
        )


@dataclass(frozen=True)
class Entry:
    """A test case of a gallery.

    Attributes:
        role: why it was chosen, such as 'best'.
        case: its name; of a volume.
        image: the name of the image; of a slice of the volume.
        score: of the case, by the gallery's metric, in [0, 1].
        files: by what they hold: the kind of task tells which there are.
        truth, prediction: classes, in classification, else None.
        probabilities: (C,) of the classes, in classification, else empty.
    """

    role: str
    case: str
    image: str
    score: float
    files: dict[str, Path]
    truth: int | None
    prediction: int | None
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Gallery:
    """What a run left to look at.

    Attributes:
        path: the index.
        kind: of task.
        metric: of the entries' scores.
        classes: names; the first one is the background, in segmentation and volumes.
        entries: the best case first; empty if no case had a score.
    """

    path: Path
    kind: str
    metric: str
    classes: tuple[str, ...]
    entries: tuple[Entry, ...]


class IndexEntry(Part):
    """An entry of an index, as written."""

    role: str
    case: str
    image: str
    score: Share
    files: dict[str, str]
    truth: Count | None = None
    prediction: Count | None = None
    probabilities: tuple[Share, ...] = ()


class Index(Part):
    """An index, as written."""

    schema: int
    kind: Literal["segmentation", "volumes", "detection", "classification"]
    metric: str
    classes: list[str]
    entries: list[IndexEntry]


class Box(msgspec.Struct):
    """A box of a file of boxes; `score` of a predicted one."""

    label: Count
    box: tuple[float, float, float, float]
    score: Share = 1.0


class BoxFile(msgspec.Struct):
    """A file of boxes."""

    truth: list[Box]
    prediction: list[Box]


Kind = TypeVar("Kind", Index, BoxFile)


def read_gallery(record: Record) -> Gallery | None:
    """The gallery of a run; None if it left none, as runs of older versions.

    Raises:
        OSError, ValueError: naming the file, what is wrong with it and the remedy.
    """
    path = record.path.parent / "gallery" / INDEX
    if not path.is_file():
        return None
    try:
        index = decoded(path, Index)
        check_schema(index.schema)
        return Gallery(
            path=path,
            kind=index.kind,
            metric=index.metric,
            classes=tuple(index.classes),
            entries=tuple(
                entry(one, index.kind, len(index.classes), path.parent) for one in index.entries
            ),
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def decoded(path: Path, kind: type[Kind]) -> Kind:
    """The content of a JSON file of a gallery.

    Raises:
        OSError, ValueError: if it is not as a run writes it.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{error}. {EDITED}") from error


def entry(written: IndexEntry, kind: str, classes: int, folder: Path) -> Entry:
    """An entry of an index of `classes` classes, checked.

    Raises:
        ValueError: if a file is missing or lies elsewhere, or a class does not exist.
    """
    if kind == "classification":
        if len(written.probabilities) != classes:
            raise ValueError(
                f"{len(written.probabilities)} probabilities of {classes} classes. {EDITED}"
            )
        check_labels([written.truth, written.prediction], classes)
    lacking = [name for name in FILES[kind] if name not in written.files]
    if lacking:
        raise ValueError(f"{written.case} has no file of its {lacking[0]}. {EDITED}")
    return Entry(
        role=written.role,
        case=written.case,
        image=written.image,
        score=written.score,
        files={name: inside(folder, written.files[name]) for name in FILES[kind]},
        truth=written.truth,
        prediction=written.prediction,
        probabilities=written.probabilities,
    )


def check_labels(labels: Sequence[int | None], classes: int) -> None:
    """Refuse a class that does not exist.

    Raises:
        ValueError: naming it.
    """
    for label in labels:
        if label is None or label >= classes:
            raise ValueError(f"class {label} of {classes} classes. {EDITED}")


def inside(folder: Path, name: str) -> Path:
    """A file of a gallery; its name leads to no other folder.

    Raises:
        ValueError: if it would, or there is no such file.
    """
    path = folder / name
    if Path(name).name != name or path.is_symlink() or not path.is_file():
        raise ValueError(f"{name!r} is no file of the gallery's own folder. {EDITED}")
    return path


def read_image(path: Path) -> NDArray[np.uint8]:
    """The pixels of an image: (H, W, 3).

    Raises:
        OSError, ValueError: naming the file, if it is no sound image or a huge one.
    """
    return pixels(path, "RGB")


def read_labels(path: Path) -> NDArray[np.uint8]:
    """The classes of a label map: (H, W), 255 where a pixel has none.

    Raises:
        OSError, ValueError: as `read_image`.
    """
    return pixels(path, None)


def pixels(path: Path, mode: str | None) -> NDArray[np.uint8]:
    """The pixels of a PNG, converted to a mode of PIL; None: as they are, one channel."""
    from PIL import Image

    try:
        with Image.open(path, formats=["PNG"]) as image:
            if max(image.size) > LARGEST:
                raise ValueError(f"{image.size} pixels, more than {LARGEST} a side")
            if mode is None and image.mode not in ("L", "P"):
                raise ValueError(f"a label map of mode {image.mode}")
            return np.asarray(image.convert(mode) if mode else image)
    except (ValueError, SyntaxError, OSError) as error:
        raise ValueError(f"{path}: no sound PNG of a gallery ({error}). {EDITED}") from error


def read_boxes(path: Path, classes: int) -> Boxes:
    """The boxes of an image, of so many classes.

    Raises:
        OSError, ValueError: naming the file, if it holds no sound boxes.
    """
    try:
        content = decoded(path, BoxFile)
        check_labels([box.label for box in (*content.truth, *content.prediction)], classes)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    found = sorted(content.prediction, key=lambda box: -box.score)
    return Boxes(
        truth=corners(content.truth),
        truth_labels=np.array([box.label for box in content.truth], dtype=np.int64),
        prediction=corners(found),
        prediction_labels=np.array([box.label for box in found], dtype=np.int64),
        scores=np.array([box.score for box in found], dtype=np.float64),
    )


def corners(boxes: Sequence[Box]) -> NDArray[np.float64]:
    """(n, 4) x1, y1, x2, y2."""
    return np.array([box.box for box in boxes], dtype=np.float64).reshape(-1, 4)
