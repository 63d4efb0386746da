"""BraTS 2018: the training part; the splits are carved by case, since the authors' was not published."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tasks.datasets.dataset import Dataset
from tasks.prepared.images import each, to_8_bit
from tasks.prepared.masks import aligned, label_map, read_labels, read_volume
from tasks.prepared.slices import write_slices
from tasks.prepared.splits import carve
from tasks.prepared.writer import Writer

DATASET = Dataset(
    title="BraTS 2018, brain tumour segmentation",
    folder="brats2018",
    layout="MICCAI_BraTS_2018_Data_Training/{HGG,LGG}/CASE/CASE_{t1ce,t2,flair,seg}.nii.gz",
    kind="volumes",
    classes=("background", "necrosis", "oedema", "enhancing"),
    modality="MRI, brain",
    images=285,
    licence="research use, after registration",
    citation="Menze et al., IEEE TMI 2015; Bakas et al., Scientific Data 2017",
    page="https://www.med.upenn.edu/sbia/brats2018/data.html",
)


def prepare(source: Path, writer: Writer) -> None:
    """T1ce, T2 and FLAIR as red, green and blue; 70 % of the cases train, 10 % valid, 20 % test, of each grade."""
    slices, grades = {}, {}
    for folder in each(source / "MICCAI_BraTS_2018_Data_Training", "[HL]GG/*", "cases"):
        files = {
            key: folder / f"{folder.name}_{key}.nii.gz" for key in ("t1ce", "t2", "flair", "seg")
        }
        first = read_volume(files["t1ce"], np.float32)
        channels = [to_8_bit(first.values, files["t1ce"])]
        for key in ("t2", "flair"):
            further = read_volume(files[key], np.float32)
            lined = aligned(further, first, files[key], files["t1ce"])
            channels.append(to_8_bit(lined, files[key]))
        labels = read_labels(files["seg"], first, files["t1ce"])
        slices[folder.name] = write_slices(
            writer,
            folder.name,
            np.stack(channels, axis=-1),
            label_map(labels, {1: 1, 2: 2, 4: 3}, files["seg"]),
            files["seg"],
        )
        grades[folder.name] = folder.parent.name
    shares = dict(train=0.7, valid=0.1, test=0.2)
    for split, cases in carve(list(slices), shares, list(grades.values())).items():
        writer.split(split, [name for case in cases for name in slices[case]])
