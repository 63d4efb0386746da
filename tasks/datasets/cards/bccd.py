"""BCCD: blood smears with boxes of their cells, on the authors' split but for fields that were photographed twice.

No patients are known. The pictures 202 to 282 and 376 to 401 are two walks over smears, there and back, and five more
are of two fields: 30 pairs that share a field and its white cell were found by matching SIFT features and by eye. 19 of
them are on two sides of the authors' split, so here all of these pictures are for training: docs/tasks.md.

Cells are cut out in grey. The colour of the stain alone tells their classes: with it, linear probes of random ResNet-50
have 97.7 +- 0.5 % (EfficientNet-Lite0 of ImageNet: 95.4 %); in grey 88.3 % (97.7 %), at 64 px on the test images.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.files.outside import read_lines
from lvmmed_backbones.layout.reading import read_image
from lvmmed_backbones.layout.writer import Writer
from tasks.datasets import Dataset, prepares
from tasks.download.folders import each_file, files_by_name
from tasks.download.voc import Box, read_voc
from tasks.splits import SEED, keep_present

SMEARS = Dataset(
    name="bccd",
    title="BCCD, blood cells in smears",
    folder="bccd",
    layout="JPEGImages/*.jpg, Annotations/*.xml and ImageSets/Main/{train,val,test}.txt",
    kind="detection",
    classes=("RBC", "WBC", "Platelets"),
    modality="light microscopy, blood",
    images=364,
    shipped=True,
    licence="MIT",
    citation="Shenggan, BCCD Dataset, 2017; images and boxes by cosmicad and akshaylamba",
    page="https://github.com/Shenggan/BCCD_Dataset",
)
CELLS = replace(
    SMEARS,
    name="bccd_cells",
    title="BCCD, cells cut out of smears in grey: all white cells and platelets, two red ones of each smear",
    kind="classification",
    unit="cases",
)
PARTS = {"train": "train", "valid": "val", "test": "test"}
TWICE = {
    f"BloodImage_{number:05}"
    for number in (37, 38, 165, 166, 193, *range(202, 283), *range(376, 402))
}
RED_CELLS = 2  # of each smear: there are twelve for each white cell


@prepares(SMEARS)
def prepare_smears(source: Path, writer: Writer) -> None:
    """Write the images as they are, and their boxes."""
    facts: dict[str, dict] = {}
    boxes: dict[str, list[tuple]] = {}
    for name, path, annotation in _smears(source):
        height, width = writer.image(name, path).shape[:2]
        facts[name] = dict(file_name=writer.files[name], width=width, height=height)
        boxes[writer.files[name]] = [
            (label, left, top, right - left, bottom - top)
            for label, left, top, right, bottom in read_voc(
                annotation, SMEARS.classes, (width, height)
            )
        ]
    splits, writer.meta["missing"] = keep_present(_split(source), list(facts))
    for split, names in splits.items():
        writer.split(split, names)
        writer.boxes(split, [facts[name] for name in names], boxes, SMEARS.classes)


@prepares(CELLS)
def prepare_cells(source: Path, writer: Writer) -> None:
    """Write what lies in the boxes, named SMEAR/BOX; the cells of a smear are in the smear's part."""
    cells: dict[str, list[str]] = {}
    for name, path, annotation in _smears(source):
        image = read_image(path)
        boxes = read_voc(annotation, CELLS.classes, (image.shape[1], image.shape[0]))
        cells[name] = []
        for number in _chosen(boxes, name):
            label, *corners = boxes[number]
            cell = f"{name}/{number:02}"
            writer.image(cell, _cut(image, corners))
            cells[name].append(f"{writer.files[cell]} {label}")
    splits, writer.meta["missing"] = keep_present(_split(source), list(cells))
    for split, names in splits.items():
        writer.split(split, [line for name in names for line in cells[name]])


def _smears(source: Path) -> Iterator[tuple[str, Path, Path]]:
    """Yield each smear's name, image and boxes."""
    annotations = files_by_name(source / "Annotations", "*.xml")
    for path in each_file(source / "JPEGImages", "*.jpg", "images"):
        yield path.stem, path, annotations[f"{path.stem}.xml"]


def _split(source: Path) -> dict[str, list[str]]:
    """Return the authors' split, with the smears that were photographed twice in training."""
    listed = {
        part: read_lines(source / "ImageSets" / "Main" / f"{name}.txt", within=source)
        for part, name in PARTS.items()
    }
    moved = {name for names in listed.values() for name in names if name in TWICE}
    split = {part: [n for n in names if n not in moved] for part, names in listed.items()}
    return split | {"train": sorted({*split["train"], *moved})}


def _chosen(boxes: list[Box], smear: str) -> list[int]:
    """Return the numbers of the boxes that are cut out: of red cells, a few that are drawn by the smear's name."""
    red = [number for number, box in enumerate(boxes) if box[0] == 0]
    drawn = random.Random(f"{SEED}-{smear}").sample(red, min(RED_CELLS, len(red)))
    return sorted({*range(len(boxes))} - {*red} | {*drawn})


def _cut(image: NDArray[np.uint8], corners: list[float]) -> NDArray[np.uint8]:
    """Return the pixels of a box in grey."""
    left, top, right, bottom = (round(corner) for corner in corners)
    return np.asarray(cv2.cvtColor(image[top:bottom, left:right], cv2.COLOR_RGB2GRAY), np.uint8)
