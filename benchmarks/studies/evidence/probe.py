"""What frozen features tell of brain_tumor: nearest neighbours and a linear classifier.

A quick look, for many variants; the suite's own tasks measure those that matter. The valid split chooses the settings.
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lvmmed_backbones.evaluation.classification import Split, linear
from lvmmed_backbones.evaluation.data.prepared import of_prepared
from lvmmed_backbones.evaluation.encoders import Encoder, Resize, checksum
from lvmmed_backbones.evaluation.extraction import extract
from lvmmed_backbones.evaluation.probes.neighbours import neighbour_votes

SIZE = 64
NEIGHBOURS = 5


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
    data = of_prepared(prepared)
    encoder = Encoder(
        name=type(model).__name__,
        module=model.eval(),
        transform=Resize(SIZE),
        architecture=type(model).__name__,
        weights=checksum(model),
    )
    with tempfile.TemporaryDirectory() as folder:  # of a network that is probed once
        features = extract(encoder, data, Path(folder), workers=0).values
    left_out = sorted(copied(copies)) if copies else []
    own = ~np.isin(data.names, left_out)
    train, valid, test = (data.of(part) for part in ("train", "valid", "test"))
    splits = [
        Split(train, valid[own[valid]], test),
        Split(train[own[train]], valid[own[valid]], test),
    ]
    published, clean = linear(features, data.labels, len(data.classes), splits)
    labels = data.labels[test]
    return {
        "neighbours valid": _neighbours(features, data.labels, splits[1].train, splits[1].valid),
        "neighbours test": _neighbours(features, data.labels, splits[0].train, test),
        "neighbours clean": _neighbours(features, data.labels, splits[1].train, test),
        "linear valid": clean.valid_accuracy,
        "linear test": float((published.predict(features[test]).argmax(1) == labels).mean()),
        "linear clean": float((clean.predict(features[test]).argmax(1) == labels).mean()),
    }


def _neighbours(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    train: NDArray[np.int64],
    judged: NDArray[np.int64],
) -> float:
    """The accuracy of the nearest neighbours by cosine to the mean, one vote each."""
    x, y = torch.from_numpy(features - features[train].mean(0)), torch.from_numpy(labels)
    (votes,) = neighbour_votes(
        x[train], y[train], x[judged], int(y.max()) + 1, [NEIGHBOURS], temperature=None
    )
    return float((votes.argmax(1) == y[judged]).float().mean())


def copied(report: Path) -> set[str]:
    """Return the prepared images of brain_tumor's training folder that the audit found in a test split."""
    with report.open() as file:
        rows = [row for row in csv.DictReader(file) if row["data_set"] == "brain_tumor"]
    return {"Training-" + row["source"].replace("/", "-") for row in rows}
