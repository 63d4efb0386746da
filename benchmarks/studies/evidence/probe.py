"""What frozen features tell of brain_tumor: nearest neighbours and a linear classifier.

A quick look, for many variants; the suite's own tasks measure those that matter. The valid split chooses the settings.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

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

Labelled: TypeAlias = tuple[NDArray[np.float32], NDArray[np.int64]]  # features (N, C), labels (N,)


def probe(model: nn.Module, prepared: Path, copies: Path | None) -> dict[str, float]:
    """Return the accuracies of both classifiers on the splits of brain_tumor.

    `neighbours valid` and `linear valid` learn from the training images without those that the test split has too.
    `neighbours test` and `linear test` learn from all of them, as published. `neighbours clean` and `linear clean`, on
    the test split too, learn again without the copies.

    Parameters
    ----------
    model : Module
        Gives a tuple of one (B, C) tensor for normalised images (B, 3, 64, 64).
    prepared : Path
        brain_tumor, prepared.
    copies : Path or None
        What `corpus audit --report` wrote of images that the test split has too; None: no image is left out.
    """
    model.eval()
    left_out = sorted(copied(copies)) if copies else []
    published, clean = {}, {}
    for name in ("train", "valid", "test"):
        pairs = [line.rpartition(" ") for line in read_lines(prepared / "splits" / f"{name}.txt")]
        images = [image for image, _, _ in pairs]
        labels = np.array([int(label) for _, _, label in pairs])
        features = _features(model, [prepared / "images" / image for image in images])
        kept = ~np.isin(images, left_out)
        published[name], clean[name] = (features, labels), (features[kept], labels[kept])
    accuracies = {}
    of_published = _classifiers(published["train"], clean["valid"])
    of_clean = _classifiers(clean["train"], clean["valid"])
    for kind in ("neighbours", "linear"):
        accuracies[f"{kind} valid"] = of_clean[kind].score(*clean["valid"])
        accuracies[f"{kind} test"] = of_published[kind].score(*published["test"])
        accuracies[f"{kind} clean"] = of_clean[kind].score(*published["test"])
    return accuracies


def _classifiers(train: Labelled, valid: Labelled) -> dict[str, Pipeline]:
    """Return nearest neighbours by cosine, and the linear classifier whose penalty is best on the valid images."""

    def fit(*steps: Any) -> Pipeline:
        return make_pipeline(*steps).fit(*train)

    return dict(
        neighbours=fit(
            StandardScaler(with_std=False), Normalizer(), KNeighborsClassifier(NEIGHBOURS)
        ),
        linear=max(
            (fit(StandardScaler(), LogisticRegression(C=c, max_iter=1000)) for c in PENALTIES),
            key=lambda classifier: classifier.score(*valid),
        ),
    )


def copied(report: Path) -> set[str]:
    """Return the prepared images of brain_tumor's training folder that the audit found in a test split."""
    with report.open() as file:
        rows = [row for row in csv.DictReader(file) if row["data_set"] == "brain_tumor"]
    return {"Training-" + row["source"].replace("/", "-") for row in rows}


@torch.no_grad()
def _features(model: nn.Module, images: Sequence[Path]) -> NDArray[np.float32]:
    """Return the features (N, C) of images at 64 px."""
    mean = torch.tensor(IMAGENET_MEAN).view(3, 1, 1)
    std = torch.tensor(IMAGENET_STD).view(3, 1, 1)
    batches = []
    for start in range(0, len(images), 128):
        batch = np.stack([read_image(image, SIZE)[..., ::-1] for image in images[start:][:128]])
        pixels = torch.from_numpy(batch.copy()).permute(0, 3, 1, 2).float()
        batches.append(model((pixels - mean) / std)[0].numpy())
    return np.concatenate(batches)
