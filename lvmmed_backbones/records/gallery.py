"""The files of a run's gallery: an index, and the boxes of each detection. The images lie beside them.

RUN/gallery/gallery.json names all the others.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from lvmmed_backbones.records.checked import CheckedStruct, Count

SCHEMA = 1
FOLDER = "gallery"
INDEX = "gallery.json"
# Most pixels of an image's longer side, so that a page with hundreds of cases stays light.
SIDE = 512
IGNORED = 255  # in a label map: a pixel without a label
MOST_ENTRIES = 8  # a run writes 3
MOST_BOXES = 1000  # a run writes 100 predictions
FILES = {  # files of a case, by the kind of task
    "segmentation": ("image", "truth", "prediction"),
    "volumes": ("image", "truth", "prediction"),
    "detection": ("image", "boxes"),
    "classification": ("image",),
}

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Coordinate = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]  # pixels


class Entry(CheckedStruct, omit_defaults=True):
    """A test case.

    Attributes
    ----------
    role : str
        Why it was chosen, such as 'best'.
    case : str
        Its name; of a volume.
    image : str
        The name of the image; of a slice of the volume.
    score : Share
        The case's score in the gallery's metric.
    files : dict of str to str
        Names, by what they hold: the kind of task tells which there are.
    truth, prediction : Count or None
        Classes, in classification.
    probabilities : tuple of Share
        (C,) of the classes, in classification.
    """

    role: str
    case: str
    image: str
    score: Share
    files: dict[str, str]
    truth: Count | None = None
    prediction: Count | None = None
    probabilities: tuple[Share, ...] = ()


class Gallery(CheckedStruct):
    """The index of a gallery: the cases that a run left to look at.

    Attributes
    ----------
    kind : {"segmentation", "volumes", "detection", "classification"}
        The kind of the task.
    metric : str
        The metric of the entries' scores.
    classes : list of str
        Names; the first one is the background, in segmentation and volumes.
    entries : list of Entry
        The best case first; empty if no case had a score.
    """

    schema: int
    kind: Literal["segmentation", "volumes", "detection", "classification"]
    metric: str
    classes: list[str]
    entries: Annotated[list[Entry], msgspec.Meta(max_length=MOST_ENTRIES)]


class Box(msgspec.Struct):
    """A true box: its class, and x1, y1, x2, y2 in pixels of the stored image."""

    label: Count
    box: tuple[Coordinate, Coordinate, Coordinate, Coordinate]


class PredictedBox(Box):
    """A predicted box, and how sure the model is."""

    score: Share = 1.0


class BoxFile(msgspec.Struct):
    """The boxes of an image."""

    truth: Annotated[list[Box], msgspec.Meta(max_length=MOST_BOXES)]
    prediction: Annotated[list[PredictedBox], msgspec.Meta(max_length=MOST_BOXES)]
