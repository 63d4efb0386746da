"""DRIVE: its own test part; a fifth of the training part is the valid split."""

from __future__ import annotations

from pathlib import Path

from tasks.datasets.dataset import Dataset
from tasks.prepared.images import each
from tasks.prepared.masks import read_mask
from tasks.prepared.splits import carve
from tasks.prepared.writer import Writer

DATASET = Dataset(
    title="DRIVE, digital retinal images for vessel extraction",
    folder="drive",
    layout="training/ and test/, each with images/*.tif and 1st_manual/*_manual1.gif",
    kind="segmentation",
    classes=("background", "vessel"),
    modality="fundus photography, eye",
    images=40,
    licence="research use",
    citation="Staal et al., IEEE TMI 2004",
    page="https://drive.grand-challenge.org",
    foreground=(0.05, 0.15),  # 0.09 over all 40; 0.06 to 0.12
)


def prepare(source: Path, writer: Writer) -> None:
    """Photographs as PNG; the first observer's vessels."""
    parts: dict[str, list[str]] = {}
    for part in ("training", "test"):
        parts[part] = []
        for path in each(source / part / "images", "*.tif", "photographs"):
            image = writer.image(path.stem, path)
            mask = source / part / "1st_manual" / f"{path.stem.split('_')[0]}_manual1.gif"
            writer.mask(path.stem, image, read_mask(mask), mask)
            parts[part].append(path.stem)
    for split, names in carve(parts["training"], dict(train=0.8, valid=0.2)).items():
        writer.split(split, names)
    writer.split("test", parts["test"])
