"""ISIC 2018, task 1: the training part; the splits are carved from it, since the authors' was not published."""

from __future__ import annotations

from pathlib import Path

from lvmmed_backbones.layout.writer import Writer
from tasks.datasets import Dataset, prepares
from tasks.download.folders import each_file, files_by_name
from tasks.download.masks import read_mask
from tasks.splits import carve

DATASET = Dataset(
    name="isic2018",
    title="ISIC 2018 task 1, skin lesion boundaries",
    folder="isic2018",
    layout="ISIC2018_Task1-2_Training_Input/*.jpg and ISIC2018_Task1_Training_GroundTruth/*_segmentation.png",
    kind="segmentation",
    classes=("background", "lesion"),
    modality="dermoscopy, skin",
    images=2594,
    licence="CC BY-NC 4.0",
    citation="Codella et al., arXiv 1902.03368; Tschandl et al., Scientific Data 2018",
    page="https://challenge.isic-archive.com/data/#2018",
    foreground=(0.1, 0.4),  # measured: 0.19 on all 2594 images
)


@prepares(DATASET)
def prepare(source: Path, writer: Writer) -> None:
    """Write the images as they are, and masks of 0 and 1; 70 % train, 10 % valid, 20 % test."""
    masks = files_by_name(source / "ISIC2018_Task1_Training_GroundTruth", "*_segmentation.png")
    names = []
    for path in each_file(source / "ISIC2018_Task1-2_Training_Input", "*.jpg", "images"):
        image = writer.image(path.stem, path)
        mask = masks[f"{path.stem}_segmentation.png"]
        writer.mask(path.stem, image, read_mask(mask), mask)
        names.append(path.stem)
    writer.splits(carve(names, dict(train=0.7, valid=0.1, test=0.2)))
