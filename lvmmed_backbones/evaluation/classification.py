"""Probes of a classification: settings are chosen on the valid images, probabilities of the test images returned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from lvmmed_backbones.evaluation.probes.logistic import fit_logistic
from lvmmed_backbones.evaluation.probes.neighbours import neighbour_votes

PENALTIES = tuple(float(penalty) for penalty in np.logspace(-6, 1, 15))
NEIGHBOURS = (1, 3, 5, 10, 20, 50, 100)


@dataclass(frozen=True)
class Split:
    """Which images a probe learns from, and which choose its setting and test it.

    Attributes
    ----------
    train, valid, test : ndarray of int
        Places among the features.
    """

    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    test: NDArray[np.int64]


@dataclass(frozen=True)
class Answer:
    """What a probe says of the test images of a split.

    Attributes
    ----------
    probabilities : ndarray of shape (M, C)
        Of the test images.
    setting : float
        The penalty, or the number of neighbours, that the valid images chose.
    valid_accuracy : float
        With it.
    """

    probabilities: NDArray[np.float64]
    setting: float
    valid_accuracy: float


def linear(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    classes: int,
    splits: Sequence[Split],
    penalties: Sequence[float] = PENALTIES,
) -> list[Answer]:
    """Logistic regression to convergence, its penalty chosen; splits of one size are fitted together."""
    x, y = torch.from_numpy(features), torch.from_numpy(labels)
    together: dict[int, list[int]] = defaultdict(list)
    same: dict[bytes, int] = {}  # seeds that train on the same images have the same classifier
    for number, split in enumerate(splits):
        if same.setdefault(split.train.tobytes() + split.valid.tobytes(), number) == number:
            together[len(split.train)].append(number)
    answers: dict[int, Answer] = {}
    for numbers in together.values():
        train = torch.stack([torch.from_numpy(splits[number].train) for number in numbers])
        models = fit_logistic(x[train], y[train], classes, penalties)
        for row, number in enumerate(numbers):
            split = splits[number]
            judged = np.concatenate([split.valid, split.test])
            logits = x[judged].double() @ models.weights[row] + models.biases[row].unsqueeze(1)
            answers[number] = _best(logits.softmax(2).numpy(), penalties, labels, split)
    return [answers[same[s.train.tobytes() + s.valid.tobytes()]] for s in splits]


def knn(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    classes: int,
    splits: Sequence[Split],
    neighbours: Sequence[int] = NEIGHBOURS,
) -> list[Answer]:
    """The nearest neighbours by cosine, their number chosen."""
    x, y = torch.from_numpy(features), torch.from_numpy(labels)
    answers = []
    for split in splits:
        judged = np.concatenate([split.valid, split.test])
        votes = neighbour_votes(x[split.train], y[split.train], x[judged], classes, neighbours)
        answers.append(_best(votes.double().numpy(), neighbours, labels, split))
    return answers


def _best(
    probabilities: NDArray[np.float64],
    settings: Sequence[float],
    labels: NDArray[np.int64],
    split: Split,
) -> Answer:
    """The setting that most valid images are right with; the last among equals, which smooths most."""
    valid, test = probabilities[:, : len(split.valid)], probabilities[:, len(split.valid) :]
    right = (valid.argmax(2) == labels[split.valid]).mean(1)
    best = int(np.flatnonzero(right == right.max())[-1])
    return Answer(test[best], float(settings[best]), float(right[best]))


Probe = Callable[[NDArray[np.float32], NDArray[np.int64], int, Sequence[Split]], list[Answer]]
PROBES: Mapping[str, Probe] = {"knn": knn, "linear": linear}
