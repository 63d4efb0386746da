"""Label fractions: which of the training images a run with fewer labels takes."""

from __future__ import annotations

import contextlib
import io
import random
from collections import defaultdict
from collections.abc import Hashable
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import DATASETS

from lvmmed_backbones.files.outside import Refused, read_lines, refusing

REMEDY = "Prepare the data set again"


def label_subset(config: Config, root: Path, fraction: float, seed: int) -> list[int] | None:
    """The training images that a run takes: a seeded share, of which a smaller one is a part of every larger one.

    Whole patients are drawn where the task config says how to tell them (`task.patient`), else images. In
    classification the share is the same for each label. At least one patient or image, of each label, is drawn.

    LVM-Med's authors take the last images of their list in detection; for the other tasks they do not say.

    Parameters
    ----------
    config : Config
        Composed; its training list, or COCO file, is read.
    root : Path
        Folder of the prepared data set.
    fraction : float
        In (0, 1].

    Returns
    -------
    list of int or None
        Places in the training set, sorted, as mmengine's `indices` count them; None: all of them.

    Raises
    ------
    FileNotFoundError
        If there is no such list.
    Refused
        If it cannot be read, or a line names no patient though the task config says that it does.
    """
    if fraction == 1:
        return None
    names, labels = training_images(config, root)
    units: dict[Hashable, list[int]] = defaultdict(list)
    for place, name in enumerate(names):
        units[patient_of(name, config, root) if "patient" in config.task else place].append(place)
    strata: dict[str, list[list[int]]] = defaultdict(list)
    for unit in units.values():
        strata[" ".join(sorted({labels[place] for place in unit}))].append(unit)
    chosen = []
    for label, members in sorted(strata.items()):
        random.Random(f"{seed}-{label}").shuffle(members)
        for unit in members[: max(1, round(fraction * len(members)))]:
            chosen += unit
    return sorted(chosen) if len(chosen) < len(names) else None


def training_images(config: Config, root: Path) -> tuple[list[str], list[str]]:
    """Name and label of each training image, in the order of the training set; only classification has labels.

    Raises
    ------
    FileNotFoundError, Refused
        As `label_subset`.
    """
    train = inner_dataset(config.train_dataloader.dataset)
    path = root / train.ann_file
    detection = config.task.kind == "detection"
    names = images_with_boxes(config, path) if detection else read_lines(path)
    if config.task.kind != "classification":
        return names, [""] * len(names)
    pairs = [line.rpartition(" ") for line in names]
    return [name for name, _, _ in pairs], [label for _, _, label in pairs]


def images_with_boxes(config: Config, path: Path) -> list[str]:
    """The files of the images that a detector is trained on: mmdetection leaves out those without a box.

    Parameters
    ----------
    path : Path
        The COCO file.
    """
    dataset = inner_dataset(config.train_dataloader.dataset)
    told = dict(
        dataset,
        type=f"{config.default_scope}.{dataset.type}",
        ann_file=str(path),
        pipeline=[],
        serialize_data=False,
    )
    with refusing(path, REMEDY), contextlib.redirect_stdout(io.StringIO()):  # it prints progress
        return [image["img_path"] for image in DATASETS.build(told).data_list]


def patient_of(name: str, config: Config, root: Path) -> str:
    """The patient that an image is of, by its name in a list.

    Raises
    ------
    Refused
        If the name does not tell.
    ValueError
        If the task config has another rule than the one that there is.
    """
    if config.task.patient != "folder":
        raise ValueError(f"{config.task.name}: task.patient={config.task.patient!r}: say 'folder'")
    folder = name.rpartition("/")[0]
    if not folder:
        path = root / inner_dataset(config.train_dataloader.dataset).ann_file
        raise Refused(path, f"{name!r} lies in no folder, which would tell its patient", REMEDY)
    return folder


def inner_dataset(dataset: Config) -> Config:
    """The data set below any wrapper, such as ClassBalancedDataset."""
    while "dataset" in dataset:
        dataset = dataset.dataset
    return dataset
