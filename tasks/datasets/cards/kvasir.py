"""Kvasir-SEG: masks and boxes of polyps, on the authors' published split of segmentation.

Detection has the same split here; for it none was published.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.layout.boxes import fault, number
from lvmmed_backbones.layout.writer import Writer
from tasks.datasets import Dataset, prepares
from tasks.download.folders import each_file, files_by_name
from tasks.download.masks import read_mask
from tasks.download.tables import read_json
from tasks.splits import keep_present, published_split

DATASET = Dataset(
    name="kvasir",
    title="Kvasir-SEG, polyps in colonoscopy",
    folder="kvasir-seg",
    layout="images/*.jpg, masks/*.jpg and kavsir_bboxes.json",
    kind="segmentation",
    classes=("background", "polyp"),
    modality="colonoscopy, colon",
    images=1000,
    licence="research and education",
    citation="Jha et al., MMM 2020",
    page="https://datasets.simula.no/kvasir-seg",
    foreground=(0.05, 0.25),  # measured: 0.11 on 998 images
)


@prepares(DATASET)
def prepare(source: Path, writer: Writer) -> None:
    """Write the images as they are, the masks (JPEG) thresholded at 127, and the boxes scaled to these images."""
    box_file = source / "kavsir_bboxes.json"
    known = read_json(box_file, "boxes")
    for name, entry in known.items():
        wrong = fault_of(entry)
        if wrong:
            reason = f"the entry of {name} is not as expected: {wrong}"
            raise Refused(box_file, reason, "Use the file as the download has it, or correct it")
    masks = files_by_name(source / "masks", "*.jpg")
    facts, boxes = {}, {}
    for path in each_file(source / "images", "*.jpg", "images"):
        image = writer.image(path.stem, path)
        name = f"{path.stem}.jpg"
        mask = masks[name]
        writer.mask(path.stem, image, read_mask(mask, threshold=127), mask)
        if path.stem not in known:
            remedy = "Use the file of the same download"
            raise Refused(box_file, f"has no boxes of {path.stem}", remedy)
        height, width = image.shape[:2]
        file_name = writer.files[path.stem]
        facts[name] = dict(file_name=file_name, width=width, height=height)
        boxes[file_name] = scaled(known[path.stem], width, height)
    splits, writer.meta["missing"] = keep_present(published_split("kvasir"), list(facts))
    for split, names in splits.items():
        writer.split(split, [name.removesuffix(".jpg") for name in names])
        writer.boxes(split, [facts[name] for name in names], boxes, DATASET.classes[1:])


def scaled(entry: dict, width: int, height: int) -> list[tuple]:
    """Return the boxes (class, x, y, width, height) of an entry, scaled from the original image to ours."""
    fx, fy = width / entry["width"], height / entry["height"]
    corners = [(box["xmin"], box["ymin"], box["xmax"], box["ymax"]) for box in entry["bbox"]]
    return [
        (0, left * fx, top * fy, (right - left) * fx, (bottom - top) * fy)
        for left, top, right, bottom in corners
    ]


def fault_of(entry: Any) -> str:
    """Return what is wrong with the entry of an image in the file of boxes; empty if nothing is."""
    try:
        width, height = number(entry, "width"), number(entry, "height")
        if min(width, height) <= 0:
            return f"the original has {width:g} x {height:g} pixels"
        if not entry["bbox"]:
            return "it has no box"
        known: list[dict] = []
        for box in entry["bbox"]:
            left, top, right, bottom = (number(box, k) for k in ("xmin", "ymin", "xmax", "ymax"))
            wrong = fault(left, top, right, bottom, width, height)
            if wrong:
                return f"the box {box} {wrong}, {width:g} x {height:g} pixels"
            if box.get("label", "polyp") != "polyp":
                return f"the box {box} is of no polyp"
            if box in known:
                return f"it has the box {box} twice"
            known.append(box)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        return str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}"
    return ""
