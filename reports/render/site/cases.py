"""The gallery of a run for a browser: its best, median and worst case, in layers."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

from lvmmed_backbones.files.writing import telling_full
from lvmmed_backbones.records import StoredRecord
from lvmmed_backbones.records.gallery import Entry
from reports.reading.gallery import (
    Boxes,
    StoredGallery,
    read_boxes,
    read_copy,
    read_gallery,
    read_image,
    read_maps,
)
from reports.render.figures.gallery_figure import SURE
from reports.render.figures.overlays import (
    ERRORS,
    FALSE_ALARM,
    MISSED,
    OUTCOMES,
    RIGHT,
    error_map,
    match_boxes,
)


@dataclass(frozen=True)
class Box:
    """A box in pixels of its image.

    Attributes
    ----------
    text : str
        Text beside it.
    outcome : str
        'true positive' or 'false positive' of a predicted box, 'found' or 'missed' of a true one.
    """

    x: float
    y: float
    width: float
    height: float
    text: str
    outcome: str


@dataclass(frozen=True)
class Case:
    """A test case, as a run predicted it.

    Attributes
    ----------
    entry : Entry
        The case in the gallery of the run.
    metric : str
        Metric of its score.
    width, height : int
        Size of the image in pixels.
    image : str
        Address of the image, from the site's root.
    layers : dict of str to str
        Addresses of the maps that lie over the image, by 'truth', 'prediction' and 'error'; empty if there are none.
    boxes : dict of str to list of Box
        Boxes over the image, by 'truth' and 'prediction'; empty if there are none.
    words : str
        Truth and prediction of a classifier; empty for other tasks.
    """

    entry: Entry
    metric: str
    width: int
    height: int
    image: str
    layers: dict[str, str]
    boxes: dict[str, list[Box]]
    words: str


def copy_cases(record: StoredRecord, address: str, site: Path) -> list[Case]:
    """Copy the images of a run's gallery into the site; return its cases, none if the run left no gallery.

    Parameters
    ----------
    address : str
        Address of the run.
    site : Path
        Folder of the site.

    Raises
    ------
    OSError, ValueError
        If the gallery is not sound or cannot be copied; the message names the file.
    """
    gallery = read_gallery(record)
    if gallery is None or not gallery.entries:
        return []
    folder = site / "cases" / address
    folder.mkdir(parents=True)
    try:
        return [
            _copy_case(gallery, number, folder, f"cases/{address}")
            for number in range(len(gallery.entries))
        ]
    except (OSError, ValueError):
        shutil.rmtree(folder, ignore_errors=True)  # no part of a spoilt gallery is published
        raise


def _copy_case(gallery: StoredGallery, number: int, folder: Path, address: str) -> Case:
    """A case of a gallery, its images copied into `folder`, which is at `address` of the site."""
    entry, classes = gallery.entries[number], gallery.classes
    pictures = [name for name in entry.files if name != "boxes"]
    copies = {name: f"{number}-{name}.png" for name in pictures}  # a role may be any text
    if "truth" in pictures:
        image, truth, prediction = read_maps(gallery, entry)
        copies["error"] = f"{number}-error.png"
        _write_errors(truth, prediction, folder / copies["error"])
    else:
        image = read_image(gallery.file(entry, "image"))
    for name in pictures:
        (folder / copies[name]).write_bytes(read_copy(gallery.file(entry, name)))
    boxes = {}
    if "boxes" in entry.files:
        boxes = shown_boxes(read_boxes(gallery.file(entry, "boxes"), len(classes)), classes)
    return Case(
        entry=entry,
        metric=gallery.metric,
        width=image.shape[1],
        height=image.shape[0],
        image=f"{address}/{copies['image']}",
        layers={name: f"{address}/{copy}" for name, copy in copies.items() if name != "image"},
        boxes=boxes,
        words=_prediction_text(entry, classes),
    )


def _write_errors(truth: NDArray[np.uint8], prediction: NDArray[np.uint8], path: Path) -> None:
    """Write the error map in the colours of the figures, transparent elsewhere."""
    picture = Image.fromarray(error_map(truth, prediction))
    colours = {code: ImageColor.getrgb(colour) for code, (_, colour) in ERRORS.items()}
    picture.putpalette([v for code in range(len(ERRORS) + 1) for v in colours.get(code, (0, 0, 0))])
    with telling_full(path):  # Pillow does not tell, and the folder's removal makes room
        picture.save(path, transparency=0)


def shown_boxes(boxes: Boxes, classes: Sequence[str]) -> dict[str, list[Box]]:
    """Boxes with their classes and outcomes; predicted ones with their scores, from `SURE` on."""
    boxes = boxes.at_least(SURE)
    found, right = match_boxes(boxes)
    missed, positive, negative = (OUTCOMES[code][0] for code in (MISSED, RIGHT, FALSE_ALARM))
    truth = [classes[label] for label in boxes.truth_labels]
    prediction = [
        f"{classes[label]} {100 * score:.0f}"
        for label, score in zip(boxes.prediction_labels, boxes.scores, strict=True)
    ]

    def place(corners: NDArray[np.float64], texts: list[str], outcomes: NDArray) -> list[Box]:
        return [
            Box(round(x1, 1), round(y1, 1), round(x2 - x1, 1), round(y2 - y1, 1), text, outcome)
            for (x1, y1, x2, y2), text, outcome in zip(
                corners.tolist(), texts, outcomes.tolist(), strict=True
            )
        ]

    return {
        "truth": place(boxes.truth, truth, np.where(found, "found", missed)),
        "prediction": place(boxes.prediction, prediction, np.where(right, positive, negative)),
    }


def _prediction_text(entry: Entry, classes: Sequence[str]) -> str:
    """Truth and prediction of a classifier; empty for other tasks."""
    if entry.truth is None or entry.prediction is None:
        return ""
    probability = f"{100 * entry.probabilities[entry.prediction]:.0f} %"
    return f"truth: {classes[entry.truth]}; predicted: {classes[entry.prediction]} ({probability})"
