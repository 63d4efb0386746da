"""Which images a run learns from: a share of the labels, and what a run on frozen features draws by its seed."""

from __future__ import annotations

import contextlib
import io
import random
from collections import defaultdict
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.registry import DATASETS

from lvmmed_backbones.evaluation.data.labelled import TEST, TRAIN, DenseImages, LabelledImages
from lvmmed_backbones.evaluation.data.parts import draw_parts, fewer_labels
from lvmmed_backbones.evaluation.data.prepared import of_prepared
from lvmmed_backbones.files.outside import Refused, read_lines, refusing

REMEDY = "Prepare the data set again"
LEFT_OUT = "none"  # the part of an image that is in none


def label_subset(config: Config, root: Path, fraction: float, seed: int) -> list[int] | None:
    """Return the training images that a run takes: a seeded share, which is a part of every larger share.

    Whole patients are drawn where the task config says how to tell them (`task.patient`), else images. In
    classification the share is the same for each label. At least one patient or image, of each label, is drawn.

    LVM-Med's authors take the last images of their list in detection (`task.label_share='last'`); for the other tasks
    they do not say.

    Parameters
    ----------
    config : Config
        Composed; its training list, or COCO file, is read.
    root : Path
        Folder of the prepared data set.
    fraction : float
        In (0, 1].
    seed : int
        Seed of the draw.

    Returns
    -------
    list of int or None
        Positions in the training set, sorted, as mmengine's `indices` count them; None: all of them. Of a run on frozen
        features, positions among `probed_images`.

    Raises
    ------
    FileNotFoundError
        If there is no such list.
    Refused
        If it cannot be read, or a line names no patient though the task config says that it does.
    """
    if fraction == 1:
        return None
    if "probe" in config:
        return _probed_subset(config, root, fraction, seed)
    names, labels = training_images(config, root)
    if config.task.get("label_share") == "last":
        first = len(names) - max(1, int(fraction * len(names)))
        return list(range(first, len(names))) if first else None
    patients: dict[Hashable, list[int]] = defaultdict(list)  # or images, each on its own
    for position, name in enumerate(names):
        patient = patient_of(name, config, root) if "patient" in config.task else position
        patients[patient].append(position)
    strata: dict[str, list[list[int]]] = defaultdict(list)
    for positions in patients.values():
        strata[" ".join(sorted({labels[position] for position in positions}))].append(positions)
    chosen = []
    for label, members in sorted(strata.items()):
        random.Random(f"{seed}-{label}").shuffle(members)
        for positions in members[: max(1, round(fraction * len(members)))]:
            chosen += positions
    return sorted(chosen) if len(chosen) < len(names) else None


def _probed_subset(config: Config, root: Path, fraction: float, seed: int) -> list[int] | None:
    """As `label_subset`, of the images in the order of `probed_images`."""
    data = probed_images(config, root, seed)
    places = fewer_labels(data, fraction, seed)
    return places.tolist() if len(places) < len(data.of(TRAIN)) else None


def probed_images(config: Config, root: Path, seed: int) -> LabelledImages | DenseImages:
    """Return the images of a run on frozen features, in the parts that its seed draws.

    A fifth of the training and valid images are the valid ones, of each class alike, by whole patients. Those that are
    test images, too, have no part.

    Parameters
    ----------
    config : Config
        Of the run; its lists are read.
    root : Path
        Folder of the prepared data set.
    seed : int
        Seed of the draw.

    Raises
    ------
    FileNotFoundError
        If there is no such list.
    Refused
        If it cannot be read, or names what is not there.
    """
    loaders = {"train": "train_dataloader", "valid": "val_dataloader", "test": "test_dataloader"}
    data = of_prepared(
        root, {part: config[loader].dataset.ann_file for part, loader in loaders.items()}
    )
    tested = {data.names[place] for place in data.of(TEST)}
    parts = [
        TEST if part == TEST else LEFT_OUT if name in tested else TRAIN
        for part, name in zip(data.parts, data.names, strict=True)
    ]
    return draw_parts(replace(data, parts=np.array(parts)), seed)


def training_images(config: Config, root: Path) -> tuple[list[str], list[str]]:
    """Return the name and the label of each training image, in the order of the training set.

    Only classification has labels; elsewhere they are empty.

    Raises
    ------
    FileNotFoundError, Refused
        As `label_subset`.
    """
    path = root / inner_dataset(config.train_dataloader.dataset).ann_file
    detection = config.task.kind == "detection"
    lines = _images_with_boxes(config, path) if detection else read_lines(path)
    if config.task.kind != "classification":
        return lines, [""] * len(lines)
    pairs = [line.rpartition(" ") for line in lines]
    return [name for name, _, _ in pairs], [label for _, _, label in pairs]


def _images_with_boxes(config: Config, path: Path) -> list[str]:
    """Return the files of the images that a detector is trained on: mmdetection leaves out those without a box."""
    dataset = inner_dataset(config.train_dataloader.dataset)
    without_pipeline = dict(
        dataset,
        type=f"{config.default_scope}.{dataset.type}",
        ann_file=str(path),
        pipeline=[],
        serialize_data=False,
    )
    with refusing(path, REMEDY), contextlib.redirect_stdout(io.StringIO()):  # it prints progress
        return [image["img_path"] for image in DATASETS.build(without_pipeline).data_list]


def patient_of(name: str, config: Config, root: Path) -> str:
    """Return the patient of an image, which its name in a list tells.

    Raises
    ------
    Refused
        If the name does not tell it.
    ValueError
        If the task config has a rule other than 'folder'.
    """
    if config.task.patient != "folder":
        raise ValueError(f"{config.task.name}: task.patient={config.task.patient!r}: say 'folder'")
    folder = name.rpartition("/")[0]
    if not folder:
        path = root / inner_dataset(config.train_dataloader.dataset).ann_file
        raise Refused(path, f"{name!r} lies in no folder, which would tell its patient", REMEDY)
    return folder


def inner_dataset(dataset: Config) -> Config:
    """Return the data set below any wrapper, such as ClassBalancedDataset."""
    while "dataset" in dataset:
        dataset = dataset.dataset
    return dataset
