"""Probes of a classification: settings are chosen on the valid images, the test images are seen once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lvmmed_backbones.evaluation.probes.logistic import fit_logistic
from lvmmed_backbones.evaluation.probes.neighbours import neighbour_votes
from lvmmed_backbones.evaluation.probes.sweep import sweep_learning_rates
from lvmmed_backbones.evaluation.probes.trained import AttentivePooling, train_attentive
from lvmmed_backbones.evaluation.store import StoredRows

PENALTIES = tuple(float(penalty) for penalty in np.logspace(-6, 1, 15))
NEIGHBOURS = (1, 3, 5, 10, 20, 50, 100)
# Of DINOv2's `eval/linear.py`, for batches of 256; the largest first.
LEARNING_RATES = (0.1, 5e-2, 2e-2, 1e-2, 5e-3, 2e-3, 1e-3, 5e-4, 2e-4, 1e-4, 5e-5, 2e-5, 1e-5)
SWEEP_BATCH = 128
ATTENTIVE_RATES, ATTENTIVE_STEPS = (1e-2, 3e-3, 1e-3), 300
IMAGES = 256  # whose maps are in memory at a time


Predict = Callable[[Any], NDArray[np.float64]]


@dataclass(frozen=True)
class Split:
    """Which images a probe learns from, and which choose its setting and test it.

    Attributes
    ----------
    train, valid, test : ndarray of int
        Places among the features.
    seed : int
        Of what the probe draws, where it draws anything.
    """

    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    test: NDArray[np.int64]
    seed: int = 0


@dataclass(frozen=True)
class Answer:
    """What a probe has learnt from a split.

    Attributes
    ----------
    setting : float
        The penalty, the number of neighbours or the learning rate that the valid images chose.
    valid_accuracy : float
        With it.
    predict : callable
        From features (M, ...) of any images to probabilities (M, C).
    features, test : array, ndarray of int
        What was learnt from, and the places of its test images.
    """

    setting: float
    valid_accuracy: float
    predict: Predict
    features: Any
    test: NDArray[np.int64]

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """Of the test images, (M, C)."""
        return self.predict(taken(self.features, self.test))


def taken(features: Any, places: NDArray[np.int64]) -> Any:
    """The features at some places; those that are on the disk stay there."""
    if isinstance(features, StoredRows):
        return replace(features, places=features.places[places])
    return features[places]


def linear(
    features: NDArray[np.floating],
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
        if same.setdefault(_learnt_from(split), number) == number:
            together[len(split.train)].append(number)
    answers: dict[int, Answer] = {}
    for numbers in together.values():
        train = torch.stack([torch.from_numpy(splits[number].train) for number in numbers])
        models = fit_logistic(x[train], y[train], classes, penalties)
        for row, number in enumerate(numbers):
            layers = [
                _layer(w, b) for w, b in zip(models.weights[row], models.biases[row], strict=True)
            ]
            answers[number] = _best(features, labels, splits[number], penalties, layers)
    return [answers[same[_learnt_from(split)]] for split in splits]


def knn(
    features: NDArray[np.floating],
    labels: NDArray[np.int64],
    classes: int,
    splits: Sequence[Split],
    neighbours: Sequence[int] = NEIGHBOURS,
) -> list[Answer]:
    """The nearest neighbours by cosine, their number chosen."""

    def votes_of(split: Split, numbers: Sequence[int], queries: NDArray) -> NDArray[np.float64]:
        x, y = torch.from_numpy(features[split.train]), torch.from_numpy(labels[split.train])
        votes = neighbour_votes(x, y, torch.from_numpy(queries), classes, numbers)
        return votes.double().numpy()

    answers = []
    for split in splits:
        valid = votes_of(split, neighbours, features[split.valid])
        best, right = _chosen(valid, labels[split.valid])

        def predict(
            queries: NDArray, split: Split = split, k: int = neighbours[best]
        ) -> NDArray[np.float64]:
            return votes_of(split, [k], queries)[0]

        answers.append(Answer(float(neighbours[best]), right, predict, features, split.test))
    return answers


def sweep(
    features: NDArray[np.floating],
    labels: NDArray[np.int64],
    classes: int,
    splits: Sequence[Split],
    learning_rates: Sequence[float] = LEARNING_RATES,
) -> list[Answer]:
    """DINOv2's linear probe: SGD at 13 learning rates, one chosen; splits of the same images are trained together.

    Raises
    ------
    ValueError
        If no learning rate converges.
    """
    x, y = torch.from_numpy(features), torch.from_numpy(labels)
    rates = [rate * SWEEP_BATCH / 256 for rate in learning_rates]
    together: dict[bytes, list[int]] = defaultdict(list)
    for number, split in enumerate(splits):
        together[split.train.tobytes()].append(number)
    answers: dict[int, Answer] = {}
    for numbers in together.values():
        train = torch.from_numpy(splits[numbers[0]].train)
        seeds = [splits[number].seed for number in numbers]
        models = sweep_learning_rates(
            x[train], y[train], classes, rates, seeds, batch_size=SWEEP_BATCH
        )
        for row, number in enumerate(numbers):
            sound = torch.nonzero(models.converged[row]).squeeze(1).tolist()
            if not sound:
                raise ValueError(
                    f"sweep: no learning rate from {min(rates):g} on converges, since features are as large as "
                    f"{np.abs(features).max():.2g}. Ask for the probe linear, which standardises them"
                )
            layers = [_layer(models.weights[row, k], models.biases[row, k]) for k in sound]
            used = [rates[k] for k in sound]
            answers[number] = _best(features, labels, splits[number], used, layers)
    return [answers[number] for number in range(len(splits))]


def attentive(
    maps: Any,
    labels: NDArray[np.int64],
    classes: int,
    splits: Sequence[Split],
    learning_rates: Sequence[float] = ATTENTIVE_RATES,
) -> list[Answer]:
    """Attentive pooling of maps (N, D, h, w), in memory or on the disk, its learning rate chosen."""
    answers = []
    for split in splits:
        probes = train_attentive(
            _Tokens(maps, split.train),
            torch.from_numpy(labels[split.train]),
            classes,
            learning_rates,
            split.seed,
            ATTENTIVE_STEPS,
        )
        pooled = [_pooling(probe) for probe in probes]
        answers.append(_best(maps, labels, split, learning_rates, pooled))
    return answers


class _Tokens:
    """The tokens (h * w, D) of some images, as rows."""

    def __init__(self, maps: Any, places: NDArray[np.int64]) -> None:
        self.maps, self.places = maps, places

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, rows: Tensor) -> Tensor:
        return _tokens(self.maps[self.places[rows.numpy()]])


def _tokens(maps: NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.asarray(maps, np.float32)).flatten(2).mT


def _pooling(probe: AttentivePooling) -> Predict:
    def predict(maps: Any) -> NDArray[np.float64]:
        with torch.inference_mode():
            logits = torch.cat([probe(_tokens(part)) for part in _parts(maps)])
        return logits.double().softmax(1).numpy()

    return predict


def _parts(maps: Any) -> Iterator[NDArray]:
    for start in range(0, len(maps), IMAGES):
        yield maps[start : start + IMAGES]


def _layer(weights: Tensor, biases: Tensor) -> Predict:
    weights, biases = weights.double().clone(), biases.double().clone()

    def predict(features: NDArray) -> NDArray[np.float64]:
        return (torch.from_numpy(features).double() @ weights + biases).softmax(1).numpy()

    return predict


def _learnt_from(split: Split) -> bytes:
    return split.train.tobytes() + split.valid.tobytes()


def _best(
    features: Any,
    labels: NDArray[np.int64],
    split: Split,
    settings: Sequence[float],
    predictors: Sequence[Predict],
) -> Answer:
    """The predictor that the valid images choose."""
    valid = taken(features, split.valid)
    best, right = _chosen(np.stack([predict(valid) for predict in predictors]), labels[split.valid])
    return Answer(float(settings[best]), right, predictors[best], features, split.test)


def _chosen(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[int, float]:
    """The setting that most images are right with, and their share; the last among equals, which smooths most.

    Parameters
    ----------
    probabilities : ndarray of shape (K, M, C)
        Of K settings.
    """
    right = (probabilities.argmax(2) == labels).mean(1)
    best = int(np.flatnonzero(right == right.max())[-1])
    return best, float(right[best])
