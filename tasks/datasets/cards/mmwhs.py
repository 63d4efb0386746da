"""MMWHS, CT and MRI: the training parts, on the authors' published splits."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lvmmed_backbones.layout import Writer
from lvmmed_backbones.layout.reading import to_8_bit
from tasks.datasets import Dataset, prepares
from tasks.download.folders import each_file, files_by_name, usual_name
from tasks.download.masks import label_map
from tasks.download.volumes import read_labels, read_volume, write_slices
from tasks.splits import keep_present, published_split

CLASSES = (
    "background",
    "myocardium",
    "left atrium",
    "left ventricle",
    "right atrium",
    "right ventricle",
    "aorta",
    "pulmonary artery",
)
# 421 is a slip of the download: some voxels of the left atrium (420) in the MRI part.
LABELS = {205: 1, 420: 2, 421: 2, 500: 3, 550: 4, 600: 5, 820: 6, 850: 7}


def _dataset(modality: str, short: str) -> Dataset:
    """Return the facts of one modality.

    Parameters
    ----------
    modality : str
        The modality in words.
    short : str
        The modality as the download's files have it.
    """
    return Dataset(
        name=f"mmwhs_{modality.lower()}",
        title=f"MMWHS 2017, whole heart segmentation, {modality}",
        folder=f"mmwhs/{short}_train",
        layout=f"{short}_train_10NN_image.nii.gz and {short}_train_10NN_label.nii.gz",
        kind="volumes",
        classes=CLASSES,
        modality=f"{modality}, heart",
        images=20,
        unit="cases",
        licence="research use, after registration",
        citation="Zhuang and Shen, Medical Image Analysis 2016",
        page="https://zmiclab.github.io/zxh/0/mmwhs/",
    )


@prepares(_dataset("CT", "ct"), _dataset("MRI", "mr"))
def prepare(source: Path, writer: Writer) -> None:
    """Write the slices of the volumes, with seven structures as classes 1 to 7, on the published split by patient."""
    masks = files_by_name(source, "*_label.nii.gz")
    slices = {}
    for path in each_file(source, "*_image.nii.gz", "volumes"):
        case = usual_name(path.name).removesuffix("_image.nii.gz")
        label = masks[f"{case}_label.nii.gz"]
        image = read_volume(path, np.float32)
        labels = label_map(read_labels(label, image, path), LABELS, label)
        slices[case] = write_slices(writer, case, to_8_bit(image.values, path), labels, label)
    splits, writer.meta["missing"] = keep_present(
        published_split(writer.meta["name"]), list(slices)
    )
    for split, cases in splits.items():
        writer.split(split, [name for case in cases for name in slices[case]])
