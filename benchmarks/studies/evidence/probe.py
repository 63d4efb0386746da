"""What frozen features tell of brain_tumor: nearest neighbours and a linear classifier.

A quick look, for many variants; the suite's own tasks are the measure of those that matter. Settings are chosen by the
valid split.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from torch import nn

from lvmmed_backbones.catalogue.entry import IMAGENET_MEAN, IMAGENET_STD
from lvmmed_backbones.files.outside import read_lines
from lvmmed_backbones.pretrain.monitors import read_image

SIZE = 64
NEIGHBOURS = 5
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)

Labelled: TypeAlias = tuple[NDArray[np.float32], list[int]]


def probe(model: nn.Module, prepared: Path, copies: Path | None) -> dict[str, float]:
    """Accuracies of both on the splits of brain_tumor.

    `neighbours valid` and `linear valid` learn from the training images without those that the test split has too;
    `neighbours test` and `linear test` from all of them, as published; `neighbours clean` and `linear clean`, on the
    test split too, again without.

    Parameters
    ----------
    model : Module
        Gives a tuple of one (B, C) tensor for normalised images (B, 3, 64, 64).
    prepared : Path
        brain_tumor, prepared.
    copies : Path or None
        What `corpus audit --report` said of images that the test split has too; None: it was not asked.
    """
    model.eval()
    parts = {}
    for name in ("train", "valid", "test"):
        images, labels = split(prepared, name)
        parts[name] = images, features(model, [prepared / "images" / i for i in images]), labels
    left_out = copied(copies) if copies else set()
    published = without(parts["train"], set())
    clean, valid = without(parts["train"], left_out), without(parts["valid"], left_out)
    test = without(parts["test"], set())
    one, other = judges(published, valid), judges(clean, valid)
    found = {}
    for kind in ("neighbours", "linear"):
        found[f"{kind} valid"] = other[kind].score(*valid)
        found[f"{kind} test"] = one[kind].score(*test)
        found[f"{kind} clean"] = other[kind].score(*test)
    return found


def judges(train: Labelled, valid: Labelled) -> dict[str, Pipeline]:
    """Nearest neighbours by cosine, and the linear classifier whose penalty the valid images like best."""
    x, y = train
    neighbours = make_pipeline(
        StandardScaler(with_std=False), Normalizer(), KNeighborsClassifier(NEIGHBOURS)
    ).fit(x, y)
    classifiers = [
        make_pipeline(StandardScaler(), LogisticRegression(C=penalty, max_iter=1000)).fit(x, y)
        for penalty in PENALTIES
    ]
    linear = max(classifiers, key=lambda classifier: classifier.score(*valid))
    return dict(neighbours=neighbours, linear=linear)


def without(part: tuple[list[str], NDArray, list[int]], left_out: set[str]) -> Labelled:
    """Features and labels of the images that stay."""
    kept = [n for n, image in enumerate(part[0]) if image not in left_out]
    return part[1][kept], [part[2][n] for n in kept]


def copied(report: Path) -> set[str]:
    """The prepared images of brain_tumor's training folder that the audit found in a test split."""
    with report.open() as file:
        rows = [row for row in csv.DictReader(file) if row["data_set"] == "brain_tumor"]
    return {"Training-" + row["source"].replace("/", "-") for row in rows}


def split(prepared: Path, name: str) -> tuple[list[str], list[int]]:
    """Files and labels of a split."""
    lines = read_lines(prepared / "splits" / f"{name}.txt")
    pairs = [line.rpartition(" ") for line in lines]
    return [image for image, _, _ in pairs], [int(label) for _, _, label in pairs]


@torch.no_grad()
def features(model: nn.Module, images: Sequence[Path]) -> NDArray[np.float32]:
    """(N, C) features of images at 64 px."""
    mean = torch.tensor(IMAGENET_MEAN).view(3, 1, 1)
    std = torch.tensor(IMAGENET_STD).view(3, 1, 1)
    found = []
    for start in range(0, len(images), 128):
        some = np.stack(
            [read_image(image, SIZE)[..., ::-1] for image in images[start : start + 128]]
        )
        pixels = torch.from_numpy(some.copy()).permute(0, 3, 1, 2).float()
        found.append(model((pixels - mean) / std)[0].numpy())
    return np.concatenate(found)
