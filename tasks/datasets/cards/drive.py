"""DRIVE: its own test part; a fifth of the training part is the valid split.

The download's page has served no labels of the test part since 2019: users found test/1st_manual gone in November of
that year (github.com/rezazad68/BCDU-Net/issues/4, github.com/orobix/retina-unet/issues/76). Copies of the download from
before have them. RITE (medicine.uiowa.edu/eye/rite-dataset) has the second observer's, which are other labels.
"""

from __future__ import annotations

from pathlib import Path

from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.layout.writer import Writer
from tasks.datasets import Dataset, prepares
from tasks.download.folders import each_file, files_by_name
from tasks.download.masks import read_mask
from tasks.splits import carve

DATASET = Dataset(
    name="drive",
    title="DRIVE, digital retinal images for vessel extraction",
    folder="drive",
    layout="training/ and test/, each with images/*.tif and 1st_manual/*_manual1.gif; "
    "the page has served no test/1st_manual since 2019, copies from before have it",
    kind="segmentation",
    classes=("background", "vessel"),
    modality="fundus photography, eye",
    images=40,
    licence="research use",
    citation="Staal et al., IEEE TMI 2004",
    page="https://drive.grand-challenge.org",
    foreground=(0.05, 0.15),  # measured: 0.09 on all 40 images; 0.06 to 0.12
)
REMEDY = (
    "Put test/1st_manual there from a copy of the download from before; "
    "RITE's labels of these images are no replacement, they are the second observer's"
)


@prepares(DATASET)
def prepare(source: Path, writer: Writer) -> None:
    """Write the photographs as PNG, and the first observer's vessels."""
    parts: dict[str, list[str]] = {}
    for part in ("training", "test"):
        parts[part] = []
        folder = source / part / "1st_manual"
        masks = files_by_name(folder, "*_manual1.gif")
        if part == "test" and not masks and files_by_name(source / part / "images", "*.tif"):
            reason = "holds no labels: the download has not had those of its test part since 2019"
            raise Refused(folder, reason, REMEDY)
        for path in each_file(source / part / "images", "*.tif", "photographs"):
            image = writer.image(path.stem, path)
            mask = masks[f"{path.stem.split('_')[0]}_manual1.gif"]
            writer.mask(path.stem, image, read_mask(mask), mask)
            parts[part].append(path.stem)
    splits = carve(parts["training"], dict(train=0.8, valid=0.2))
    writer.splits({**splits, "test": parts["test"]})
