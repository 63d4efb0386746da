"""Kvasir-SEG: masks and boxes of polyps, on the authors' published split. Serves segmentation and detection."""

from __future__ import annotations

from pathlib import Path

from tasks.datasets.dataset import Dataset
from tasks.prepared.images import each
from tasks.prepared.masks import read_mask
from tasks.prepared.splits import present, published
from tasks.prepared.tables import read_json
from tasks.prepared.writer import Writer

DATASET = Dataset(
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
    foreground=(0.05, 0.25),  # 0.11 over 998
)


def prepare(source: Path, writer: Writer) -> None:
    """Images as they are; masks, which are JPEG, thresholded at 127; boxes scaled to the images that are there."""
    box_file = source / "kavsir_bboxes.json"
    known = read_json(box_file, "boxes")
    facts, boxes = {}, {}
    for path in each(source / "images", "*.jpg", "images"):
        image = writer.image(path.stem, path)
        mask = source / "masks" / path.name
        writer.mask(path.stem, image, read_mask(mask, threshold=127), mask)
        if path.stem not in known:
            raise ValueError(
                f"{box_file} has no boxes of {path.stem}. Use the file of the same download."
            )
        height, width = image.shape[:2]
        facts[path.name] = dict(file_name=path.name, width=width, height=height)
        try:
            boxes[path.name] = scaled(known[path.stem], width, height)
        except (LookupError, TypeError, ArithmeticError) as error:
            raise ValueError(
                f"{box_file}: the entry of {path.stem} is not as expected ({error!r}). Download it again."
            ) from error
    splits, missing = present(published("kvasir"), list(facts))
    writer.meta["missing"] = missing
    for split, names in splits.items():
        writer.split(split, [name.removesuffix(".jpg") for name in names])
        writer.boxes(split, [facts[name] for name in names], boxes, DATASET.classes[1:])


def scaled(entry: dict, width: int, height: int) -> list[tuple]:
    """Boxes (class, x, y, width, height) of an entry, whose pixels are those of the original image."""
    fx, fy = width / entry["width"], height / entry["height"]
    return [
        (
            0,
            b["xmin"] * fx,
            b["ymin"] * fy,
            (b["xmax"] - b["xmin"]) * fx,
            (b["ymax"] - b["ymin"]) * fy,
        )
        for b in entry["bbox"]
    ]
