"""What the CT and MRI parts of MMWHS share."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tasks.prepared.folders import files, usual
from tasks.prepared.images import each, to_8_bit
from tasks.prepared.masks import label_map, read_labels, read_volume
from tasks.prepared.slices import write_slices
from tasks.prepared.splits import present, published
from tasks.prepared.writer import Writer

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


def prepare_heart(source: Path, split_name: str, writer: Writer) -> None:
    """Write the slices of every volume in `source`, and the published split by patient."""
    masks = files(source, "*_label.nii.gz")
    slices = {}
    for path in each(source, "*_image.nii.gz", "volumes"):
        case = usual(path.name).removesuffix("_image.nii.gz")
        name = f"{case}_label.nii.gz"
        label = masks.get(name, source / name)
        image = read_volume(path, np.float32)
        labels = label_map(read_labels(label, image, path), LABELS, label)
        slices[case] = write_slices(writer, case, to_8_bit(image.values, path), labels, label)
    splits, writer.meta["missing"] = present(published(split_name), list(slices))
    for split, cases in splits.items():
        writer.split(split, [name for case in cases for name in slices[case]])
