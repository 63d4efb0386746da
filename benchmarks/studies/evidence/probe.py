"""What frozen features tell of the sets that backbones are judged on: the score of each judged image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.studies.evidence.probe_sets import FINAL, SEARCH, TRAIN, VALID, ProbeSet
from lvmmed_backbones.evaluation.classification import Split, knn, linear
from lvmmed_backbones.evaluation.dense import dense
from lvmmed_backbones.evaluation.encoders import Encoder, Resize, checksum
from lvmmed_backbones.evaluation.overlap import overlap_scores

BATCH = 128
NORMALISED = Resize(64)  # the sets are reduced already
CLASSIFIERS = {"knn": knn, "linear": linear}


@dataclass(frozen=True)
class ProbeScores:
    """The scores of one probe on one part of a set.

    Attributes
    ----------
    name : str
        SET/PROBE.
    part : {"search", "final"}
    scores : ndarray of float
        (M,) of the images or volumes of the part, in the order of the set. Dice, in [0, 1]; or, where classes are told
        apart that are equally frequent, 1 where the prediction is right and -1 / (C - 1) where it is wrong. The mean
        of that is Cohen's kappa: 0 by chance, 1 at best.
    """

    name: str
    part: str
    scores: NDArray[np.float64]


def probe(model: nn.Module, sets: Sequence[ProbeSet]) -> list[ProbeScores]:
    """Score a backbone by nearest neighbours and a linear classifier, or by a dense one, on every set.

    Parameters
    ----------
    model : Module
        A backbone whose output is "vector", of normalised images (B, 3, H, W).
    sets : sequence of ProbeSet
    """
    encoder = Encoder(
        name=type(model).__name__,
        module=model.eval(),
        transform=NORMALISED,
        architecture=type(model).__name__,
        weights=checksum(model),
    )
    found: list[ProbeScores] = []
    for one in sets:
        found += _dense(encoder, one) if one.dense else _classified(encoder, one)
    return found


def _classified(encoder: Encoder, images: ProbeSet) -> list[ProbeScores]:
    features = _encoded(images, encoder.encode)
    split = Split(images.of(TRAIN), images.of(VALID), images.of(SEARCH, FINAL))
    chance = 1 / images.classes
    found = []
    for name, fit in CLASSIFIERS.items():
        (answer,) = fit(features, images.truth, images.classes, [split])
        right = answer.probabilities.argmax(1) == images.truth[split.test]
        scores = (right - chance) / (1 - chance)
        cases = [images.cases[place] for place in split.test]
        found += _by_part(f"{images.name}/{name}", images, cases, scores)
    return found


def _dense(encoder: Encoder, images: ProbeSet) -> list[ProbeScores]:
    encoder = encoder.for_masks()
    maps = _encoded(images, encoder.maps)
    split = Split(images.of(TRAIN), images.of(VALID), images.of(SEARCH, FINAL))
    (classifier,) = dense(maps, images, images.classes, [split])
    classes = [str(number) for number in range(images.classes)]
    counts = classifier.count(maps[split.test], split.test, images)
    scores = np.array([overlap_scores(count, classes)["dice"] for count in counts.values()])
    return _by_part(f"{images.name}/dense", images, list(counts), scores)


def _by_part(
    name: str, images: ProbeSet, cases: Sequence[str], scores: NDArray[np.float64]
) -> list[ProbeScores]:
    found = []
    for part in (SEARCH, FINAL):
        own = {images.cases[place] for place in images.of(part)}
        inside = [number for number, case in enumerate(cases) if case in own]
        if inside:
            found.append(ProbeScores(name, part, scores[inside]))
    return found


@torch.inference_mode()
def _encoded(images: ProbeSet, encode: Callable[[Tensor], Tensor]) -> NDArray[np.float32]:
    """The features or maps (N, ...) of all images."""
    parts = [
        encode(NORMALISED.normalised(torch.from_numpy(images.images[start : start + BATCH])))
        for start in range(0, len(images.images), BATCH)
    ]
    return torch.cat(parts).numpy()
