"""Chest X-rays of children with and without pneumonia: 3,166 of PneumoniaMNIST's 5,856, with its parts.

As many of each class, of each part of PneumoniaMNIST; its test part is complete in the smaller class. No patients are
known. Seven images are there twice or more: three valid images that training has, too, are for training; no test image
is in another part.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lvmmed_backbones.files.outside import ARRAY, Refused, opened, refusing
from lvmmed_backbones.layout.writer import Writer
from tasks.datasets import Dataset, prepares
from tasks.download.folders import missing_error

DATASET = Dataset(
    name="pneumonia",
    title="3,166 chest X-rays at 28 px, a part of PneumoniaMNIST",
    folder="pneumonia",
    layout="chest_xrays_28px.npz ({train,val,test}_images and _labels)",
    kind="classification",
    classes=("normal", "pneumonia"),
    modality="X-ray, chest",
    images=3166,
    shipped=True,
    licence="CC BY 4.0",
    citation="Kermany et al., Cell 2018; Yang et al., MedMNIST v2, Scientific Data 2023",
    page="https://medmnist.com",
)
PARTS = {"train": "train", "valid": "val", "test": "test"}
REMEDY = "Use the file that comes with the suite"


@prepares(DATASET)
def prepare(source: Path, writer: Writer) -> None:
    """Write the images as PNG, named PART-NUMBER; a valid image that training has, too, is for training."""
    path = source / "chest_xrays_28px.npz"
    if not path.is_file():
        raise missing_error(path, "images")
    lines: dict[str, list[str]] = {part: [] for part in PARTS}
    homes: dict[bytes, str] = {}
    with opened(path, within=source, most=ARRAY) as file, refusing(path, REMEDY):
        archive = np.load(file, allow_pickle=False)
        for part, prefix in PARTS.items():
            images, labels = archive[f"{prefix}_images"], archive[f"{prefix}_labels"].reshape(-1)
            if images.dtype != np.uint8 or images.shape != (len(labels), 28, 28):
                reason = f"has {prefix}_images {images.dtype} {images.shape}, {len(labels)} labels"
                raise Refused(path, reason, REMEDY)
            for number, (image, label) in enumerate(zip(images, labels, strict=True)):
                name = f"{part}-{number:04}"
                writer.image(name, image)
                home = homes.setdefault(image.tobytes(), part)
                lines[home].append(f"{writer.files[name]} {label}")
    writer.splits(lines)
