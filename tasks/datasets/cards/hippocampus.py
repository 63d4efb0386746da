"""Hippocampus of the Medical Segmentation Decathlon: the first 60 training volumes by name, of 260, split by volume.

The volumes are crops around one hippocampus. Both hippocampi of a person may be among them; the download does not say
whose a volume is.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tqdm import tqdm

from lvmmed_backbones.layout.reading import to_8_bit
from lvmmed_backbones.layout.writer import Writer
from tasks.datasets import Dataset, prepares
from tasks.download.folders import files_by_name, matching_files, usual_name
from tasks.download.masks import label_map
from tasks.download.volumes import read_labels, read_volume, write_slices
from tasks.splits import carve

VOLUMES = 60
DATASET = Dataset(
    name="hippocampus",
    title="MSD hippocampus, the first 60 of 260 training volumes",
    folder="hippocampus",
    layout="imagesTr/hippocampus_NNN.nii.gz and labelsTr/hippocampus_NNN.nii.gz",
    kind="volumes",
    classes=("background", "anterior", "posterior"),
    modality="MRI, hippocampus",
    images=VOLUMES,
    unit="cases",
    shipped=True,
    licence="CC BY-SA 4.0",
    citation="Antonelli et al., Nature Communications 2022; Simpson et al., arXiv 1902.09063",
    page="http://medicaldecathlon.com",
)


@prepares(DATASET)
def prepare(source: Path, writer: Writer) -> None:
    """Write the axial slices; half of the volumes train, a sixth valid, a third test."""
    masks = files_by_name(source / "labelsTr", "*.nii.gz")
    paths = matching_files(source / "imagesTr", "hippocampus_*.nii.gz", "volumes")[:VOLUMES]
    slices = {}
    for path in tqdm(paths, desc="volumes", leave=False, disable=None):
        name = usual_name(path.name)
        image = read_volume(path, np.float32)
        labels = label_map(read_labels(masks[name], image, path), {1: 1, 2: 2}, masks[name])
        case = name.removesuffix(".nii.gz")
        slices[case] = write_slices(writer, case, to_8_bit(image.values, path), labels, masks[name])
    shares = dict(train=30 / VOLUMES, valid=10 / VOLUMES, test=20 / VOLUMES)
    for split, cases in carve(list(slices), shares).items():
        writer.split(split, [name for case in cases for name in slices[case]])
