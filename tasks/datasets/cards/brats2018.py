"""BraTS 2018: the training part; the splits are carved by case, since the authors' was not published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tqdm import tqdm

from lvmmed_backbones.layout.reading import to_8_bit
from lvmmed_backbones.layout.writer import Writer
from tasks.datasets import Dataset, prepares
from tasks.download.folders import case_folders, files_by_name, missing_error
from tasks.download.masks import label_map
from tasks.download.volumes import aligned_values, read_labels, read_volume, write_slices
from tasks.splits import carve

DATASET = Dataset(
    name="brats2018",
    title="BraTS 2018, brain tumour segmentation",
    folder="brats2018",
    layout="MICCAI_BraTS_2018_Data_Training/{HGG,LGG}/CASE/CASE_{t1ce,t2,flair,seg}.nii.gz",
    kind="volumes",
    classes=("background", "necrosis", "oedema", "enhancing"),
    modality="MRI, brain",
    images=285,
    unit="cases",
    licence="research use, after registration",
    citation="Menze et al., IEEE TMI 2015; Bakas et al., Scientific Data 2017",
    page="https://www.med.upenn.edu/sbia/brats2018/data.html",
)


@prepares(DATASET)
def prepare(source: Path, writer: Writer) -> None:
    """Write T1ce, T2 and FLAIR as red, green and blue; 70 % of the cases of each grade train, 10 % valid, 20 % test."""
    slices: dict[str, list[str]] = {}
    grades: dict[str, str] = {}
    root = source / "MICCAI_BraTS_2018_Data_Training"
    folders = [folder for grade in ("HGG", "LGG") for folder in case_folders(root / grade)]
    if not folders:
        raise missing_error(root, "cases, HGG/CASE or LGG/CASE,")
    for folder in tqdm(folders, desc="cases", leave=False, disable=None):
        volumes = files_by_name(folder, "*.nii.gz")
        keys = ("t1ce", "t2", "flair", "seg")
        paths = {key: volumes[f"{folder.name}_{key}.nii.gz"] for key in keys}
        first = read_volume(paths["t1ce"], np.float32)
        channels = [to_8_bit(first.values, paths["t1ce"])]
        for key in ("t2", "flair"):
            further = read_volume(paths[key], np.float32)
            lined = aligned_values(further, first, paths[key], paths["t1ce"])
            channels.append(to_8_bit(lined, paths[key]))
        labels = read_labels(paths["seg"], first, paths["t1ce"])
        classes = label_map(labels, {1: 1, 2: 2, 4: 3}, paths["seg"])
        image = np.stack(channels, axis=-1)
        slices[folder.name] = write_slices(writer, folder.name, image, classes, paths["seg"])
        grades[folder.name] = folder.parent.name
    shares = dict(train=0.7, valid=0.1, test=0.2)
    for split, cases in carve(list(slices), shares, list(grades.values())).items():
        writer.split(split, [name for case in cases for name in slices[case]])
