"""The probes by name: what each is for, and what it says of test images, as metrics and the score of each case."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lvmmed_backbones.evaluation import classification
from lvmmed_backbones.evaluation.classification import Answer, Split
from lvmmed_backbones.evaluation.data import DenseImages, LabelledImages
from lvmmed_backbones.evaluation.dense import CellClassifier, dense
from lvmmed_backbones.evaluation.overlap import mean_scores, overlap_scores
from lvmmed_backbones.evaluation.probes.neighbours import few_shot, retrieve
from lvmmed_backbones.evaluation.regression import Line, ridge
from lvmmed_backbones.evaluation.scores import classification_scores, regression_scores
from lvmmed_backbones.records.record import Case

CLASSIFICATION, REGRESSION = "classification", "regression"
MASKS = ("segmentation", "volumes")
SHOTS, DRAWS = (1, 5, 10, 25), 100
RANKS = (1, 5, 10)


@dataclass(frozen=True)
class Outcome:
    """What a probe says of the test images.

    Attributes
    ----------
    protocol : str
        The probe's name in records; that of few-shot has the number of images of each class, too.
    metric : str
        The headline, one of the metrics.
    metrics : dict of str to float
        Over all test images.
    cases : list of Case
        The scores of each.
    notes : tuple of str
        What a reader must know.
    """

    protocol: str
    metric: str
    metrics: dict[str, float]
    cases: list[Case]
    notes: tuple[str, ...] = ()


# From features of the test images of a split, changed ones perhaps, to outcomes, always in the same order.
Examine = Callable[[Any], list[Outcome]]


class Probe(NamedTuple):
    """A probe.

    Attributes
    ----------
    fit : callable
        From features or maps (N, ...), the data and splits of it to an `Examine` for each split.
    kinds : tuple of str
        Of data that it is for.
    output : {"vector", "maps"}
        What it reads of the encoder.
    """

    fit: Callable[[Any, Any, Sequence[Split]], list[Examine]]
    kinds: tuple[str, ...]
    output: str = "vector"


def _classifier(
    name: str,
    fit: Callable[[Any, NDArray[np.int64], int, Sequence[Split]], list[Answer]],
    output: str = "vector",
) -> Probe:
    def fitted(features: Any, data: Any, splits: Sequence[Split]) -> list[Examine]:
        answers = fit(features, data.labels, len(data.classes), splits)
        return [
            partial(_classified, name, answer, data, split)
            for answer, split in zip(answers, splits, strict=True)
        ]

    return Probe(fitted, (CLASSIFICATION,), output)


def _classified(name: str, answer: Answer, data: Any, split: Split, features: Any) -> list[Outcome]:
    probabilities, truth = answer.predict(features), data.labels[split.test]
    prediction = probabilities.argmax(1)
    cases: list[Case] = [
        {
            "case": data.names[place],
            "accuracy": float(guess == label),
            "probability": float(row[label]),
            "truth": float(label),
            "prediction": float(guess),
        }
        for place, label, guess, row in zip(
            split.test, truth, prediction, probabilities, strict=True
        )
    ]
    metrics = classification_scores(truth, probabilities, "quadratic" if data.ordered else None)
    return [Outcome(name, "accuracy", {**metrics, "setting": answer.setting}, cases)]


def _few_shot(features: Any, data: Any, splits: Sequence[Split]) -> list[Examine]:
    return [partial(_few_shots, features[s.train], data, s) for s in splits]


def _few_shots(known: NDArray, data: Any, split: Split, features: Any) -> list[Outcome]:
    """An outcome for each number of training images of a class; a case's score is the share of draws that are right."""
    labels, truth = data.labels[split.train], data.labels[split.test]
    classes = len(data.classes)
    counts = np.bincount(labels, minlength=classes)
    shots = [number for number in SHOTS if number <= counts.min()]
    lacking = [str(number) for number in SHOTS if number > counts.min()]
    rarest = int(counts.argmin())
    notes = (
        f"{data.name}: few_shot leaves out {', '.join(lacking)} images of each class, since "
        f"{data.classes[rarest]} has {counts[rarest]} for training.",
    )
    predictions = few_shot(
        torch.from_numpy(known),
        torch.from_numpy(labels),
        torch.from_numpy(features),
        classes,
        shots,
        DRAWS,
        split.seed,
    ).numpy()
    outcomes = []
    for number, guesses in zip(shots, predictions, strict=True):  # (R, M)
        right = guesses == truth
        by_draw = right.mean(1)
        low, high = np.quantile(by_draw, (0.025, 0.975))
        balanced = np.mean([right[:, truth == c].mean() for c in np.unique(truth)])
        metrics = {
            "accuracy": float(by_draw.mean()),
            "accuracy_low": float(low),
            "accuracy_high": float(high),
            "balanced_accuracy": float(balanced),
            "draws": float(DRAWS),
        }
        cases: list[Case] = [
            {"case": data.names[place], "accuracy": float(share)}
            for place, share in zip(split.test, right.mean(0), strict=True)
        ]
        outcome = Outcome(
            f"few_shot_{number}", "accuracy", metrics, cases, notes if lacking else ()
        )
        outcomes.append(outcome)
    return outcomes


def _retrieval(features: Any, data: Any, splits: Sequence[Split]) -> list[Examine]:
    return [partial(_retrieved, features[s.train], data, s) for s in splits]


def _retrieved(known: NDArray, data: Any, split: Split, features: Any) -> list[Outcome]:
    """Each test image looks for training images of its class."""
    ranks = [rank for rank in RANKS if rank <= len(known)]
    precision, found = retrieve(
        torch.from_numpy(known),
        torch.from_numpy(data.labels[split.train]),
        torch.from_numpy(features),
        torch.from_numpy(data.labels[split.test]),
        ranks,
    )
    scores = {"average_precision": precision.double().numpy()}
    scores |= {f"precision_at_{k}": row.numpy() / k for k, row in zip(ranks, found, strict=True)}
    cases: list[Case] = [
        {"case": data.names[place], **{name: float(row[n]) for name, row in scores.items()}}
        for n, place in enumerate(split.test)
    ]
    metrics = {name: float(values.mean()) for name, values in scores.items()}
    return [Outcome("retrieval", "average_precision", metrics, cases)]


def _regression(features: Any, data: Any, splits: Sequence[Split]) -> list[Examine]:
    lines = ridge(features, data.targets, splits)
    return [
        partial(_regressed, line, data, split) for line, split in zip(lines, splits, strict=True)
    ]


def _regressed(line: Line, data: Any, split: Split, features: Any) -> list[Outcome]:
    """The headline is R2, or 0 where it is negative: reports rank by fractions."""
    truth, predictions = data.targets[split.test], line.predict(features)
    metrics = regression_scores(truth, predictions)
    if np.isnan(metrics["r2"]):
        raise ValueError(
            f"{data.name}: all test images have the target {truth[0]:g}: R2 is undefined. Add others"
        )
    cases: list[Case] = [
        {
            "case": data.names[place],
            "absolute_error": float(abs(target - guess)),
            "truth": float(target),
            "prediction": float(guess),
        }
        for place, target, guess in zip(split.test, truth, predictions, strict=True)
    ]
    metrics |= {"r2_or_0": max(0.0, metrics["r2"]), "setting": line.penalty}
    return [Outcome("regression", "r2_or_0", metrics, cases)]


def _dense(maps: Any, data: Any, splits: Sequence[Split]) -> list[Examine]:
    found = dense(maps, data, len(data.classes), splits)
    return [
        partial(_segmented, classifier, data, split)
        for classifier, split in zip(found, splits, strict=True)
    ]


def _segmented(classifier: CellClassifier, data: Any, split: Split, maps: Any) -> list[Outcome]:
    """Dice and IoU of each image, or of each volume; the headline is that of the suite's tasks."""
    counts = classifier.count(maps, split.test, data)
    by_case = {case: overlap_scores(count, data.classes) for case, count in counts.items()}
    metric = "iou" if data.kind == "volumes" else "dice"
    metrics = mean_scores(list(by_case.values()))
    if np.isnan(metrics[metric]):
        raise ValueError(f"{data.name}: no test mask has anything but background: add some")
    metrics |= {"setting": classifier.penalty, "adjustment": classifier.adjustment}
    cases: list[Case] = [
        {"case": case, **{name: None if np.isnan(v) else v for name, v in scores.items()}}
        for case, scores in by_case.items()
    ]
    return [Outcome("dense", metric, metrics, cases)]


PROBES: Mapping[str, Probe] = {
    "knn": _classifier("knn", classification.knn),
    "linear": _classifier("linear", classification.linear),
    "sweep": _classifier("sweep", classification.sweep),
    "attentive": _classifier("attentive", classification.attentive, "maps"),
    "few_shot": Probe(_few_shot, (CLASSIFICATION,)),
    "retrieval": Probe(_retrieval, (CLASSIFICATION,)),
    "regression": Probe(_regression, (REGRESSION,)),
    "dense": Probe(_dense, MASKS, "maps"),
}
DEFAULT: Mapping[str, tuple[str, ...]] = {
    CLASSIFICATION: ("knn", "linear"),
    REGRESSION: ("regression",),
    **dict.fromkeys(MASKS, ("dense",)),
}


def kind_of(data: LabelledImages | DenseImages) -> str:
    """The kind of a data set: classification, regression, segmentation or volumes."""
    if isinstance(data, DenseImages):
        return data.kind
    return CLASSIFICATION if data.targets is None else REGRESSION


def probes_for(data: LabelledImages | DenseImages, names: Sequence[str] | None) -> list[str]:
    """The probes of a data set: those that are asked for, or the default ones of its kind.

    Raises
    ------
    ValueError
        If there is no such probe, or it is for other data.
    """
    kind = kind_of(data)
    for name in names or ():
        if name not in PROBES:
            raise ValueError(f"no probe {name!r}: choose from {', '.join(PROBES)}")
        if kind not in PROBES[name].kinds:
            fitting = ", ".join(probe for probe in PROBES if kind in PROBES[probe].kinds)
            raise ValueError(
                f"{data.name} is for {kind}, and the probe {name} for {' and '.join(PROBES[name].kinds)}: "
                f"choose from {fitting}"
            )
        if PROBES[name].output == "maps" and getattr(data, "volumes", None) is not None:
            raise ValueError(
                f"{data.name} has volumes, which are scored by the mean vector of their slices, and {name} reads maps: "
                "choose another probe"
            )
    return list(dict.fromkeys(names or DEFAULT[kind]))
