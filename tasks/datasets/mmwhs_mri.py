"""MMWHS, MRI: the training part, on the authors' published split."""

from __future__ import annotations

from pathlib import Path

from tasks.datasets.dataset import Dataset
from tasks.prepared.mmwhs import CLASSES, prepare_heart
from tasks.prepared.writer import Writer

DATASET = Dataset(
    title="MMWHS 2017, whole heart segmentation, MRI",
    folder="mmwhs/mr_train",
    layout="mr_train_10NN_image.nii.gz and mr_train_10NN_label.nii.gz",
    kind="volumes",
    classes=CLASSES,
    modality="MRI, heart",
    images=20,
    licence="research use, after registration",
    citation="Zhuang and Shen, Medical Image Analysis 2016",
    page="https://zmiclab.github.io/zxh/0/mmwhs/",
)


def prepare(source: Path, writer: Writer) -> None:
    """Slices of the volumes, the seven structures as classes 1 to 7."""
    prepare_heart(source, "mmwhs_mri", writer)
