"""All probes of one network on one data set: fitted on clean images, tested on clean and on changed ones."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from lvmmed_backbones.evaluation.classification import Split, taken
from lvmmed_backbones.evaluation.data import DenseImages, LabelledImages, fewer_labels, pooled
from lvmmed_backbones.evaluation.encoders import Encoder
from lvmmed_backbones.evaluation.extraction import Features, Output, extract
from lvmmed_backbones.evaluation.loading import Images
from lvmmed_backbones.evaluation.protocols import PROBES, Examine
from lvmmed_backbones.evaluation.recording import Circumstances, fingerprint_of, record_of
from lvmmed_backbones.evaluation.replicas import Precision
from lvmmed_backbones.evaluation.robustness import (
    CHANGES,
    changed,
    corrupted,
    corruption_scores,
    invariance,
    severities,
)
from lvmmed_backbones.records import WholeRecord

Data = LabelledImages | DenseImages


@dataclass(frozen=True)
class Plan:
    """What is to be found out about each network.

    Attributes
    ----------
    probes : sequence of str or None
        Names; None: the default ones.
    fractions : sequence of float
        Shares of the training labels.
    corruptions : sequence of (str, str)
        Modality and kind.
    invariance : bool
        Whether features of changed images are compared.
    """

    probes: Sequence[str] | None
    fractions: Sequence[float]
    corruptions: Sequence[tuple[str, str]] = ()
    invariance: bool = False


@dataclass(frozen=True)
class Draw:
    """A data set with the parts that a seed has drawn."""

    data: Data
    seed: int


@dataclass(frozen=True)
class Extraction:
    """Where and how features are computed; see `extract`."""

    cache: Path
    batch_size: int
    workers: int | None
    device: str | Sequence[str] | None
    precision: Precision

    def __call__(self, encoder: Encoder, images: Images, output: str) -> Features:
        """The features of images by an encoder."""
        return extract(
            encoder,
            images,
            self.cache,
            output=cast(Output, output),
            batch_size=self.batch_size,
            workers=self.workers,
            device=self.device,
            precision=self.precision,
        )


@dataclass(frozen=True)
class _Cell:
    """One probe with one seed and share of the labels, fitted."""

    probe: str
    draw: Draw
    fraction: float
    split: Split
    examine: Examine
    seconds: float


def probed(
    encoder: Encoder,
    draws: Sequence[Draw],
    copies: NDArray[np.bool_],
    plan: Plan,
    extraction: Extraction,
) -> tuple[list[WholeRecord], list[str]]:
    """The records of one network: of every probe, share of the labels and seed; and notes for the reader.

    Parameters
    ----------
    encoder : Encoder
        The network.
    draws : sequence of Draw
        One data set; the test part is the same in all of them.
    copies : ndarray of bool
        (N,) of all images: a test image that another part has, too.
    plan : Plan
        Its probes are for this kind of data.
    extraction : Extraction
        How features are computed.
    """
    started = datetime.now(UTC).isoformat(timespec="seconds")
    images = draws[0].data
    if isinstance(images, DenseImages):
        encoder = encoder.for_masks()
    features = {
        output: extraction(encoder, images, output)
        for output in dict.fromkeys(PROBES[probe].output for probe in plan.probes or ())
    }
    values = {output: _cases(images, found.values)[1] for output, found in features.items()}
    copies = _cases(images, copies.astype(float))[1] > 0  # a volume with one slice that is a copy
    draws = [replace(draw, data=_cases(draw.data, np.empty((len(images), 0)))[0]) for draw in draws]
    test = draws[0].data.of("test")
    cells = list(_fitted(encoder, draws, plan, values, test))
    outcomes = [cell.examine(taken(values[PROBES[cell.probe].output], test)) for cell in cells]
    robust = _on_corrupted(encoder, images, plan, cells, extraction)
    alike = _invariance(encoder, images, extraction) if plan.invariance else {}
    options = _options(plan, extraction.precision)
    around = Circumstances(encoder, copies, started, options, fingerprint_of(draws[0].data))
    records, notes = [], []
    for number, (cell, found) in enumerate(zip(cells, outcomes, strict=True)):
        for row, outcome in enumerate(found):
            of_corrupted = {where: scores[number][row] for where, scores in robust.items()}
            clean = outcome.metrics[outcome.metric]
            outcome.metrics.update(corruption_scores(outcome.metric, clean, of_corrupted))
            outcome.metrics.update(alike)
            notes += [note for note in outcome.notes if note not in notes]
            records.append(
                record_of(
                    outcome,
                    cell.draw.data,
                    around,
                    train=cell.split.train,
                    test=cell.split.test,
                    fraction=cell.fraction,
                    seed=cell.draw.seed,
                    train_seconds=cell.seconds,
                    test_seconds=features[PROBES[cell.probe].output].seconds,
                )
            )
    return records, notes


def _options(plan: Plan, precision: Precision) -> dict[str, Any]:
    """What changes a record; nothing where it is the default."""
    options: dict[str, Any] = {} if precision == "auto" else {"precision": precision}
    if plan.corruptions:
        options["corruptions"] = list(plan.corruptions)
    if plan.invariance:
        options["invariance"] = True
    return options


def _cases(data: Data, values: Any) -> tuple[Data, Any]:
    """What is scored, and its features: volumes in place of their slices."""
    return (data, values) if isinstance(data, DenseImages) else pooled(data, values)


def _of_test(data: Data, values: Any) -> Any:
    """The features of what is scored in the test part, of features of its images alone."""
    if isinstance(data, DenseImages) or data.volumes is None:
        return values
    whole = np.zeros((len(data), *values.shape[1:]), values.dtype)
    whole[data.of("test")] = values
    volumes, means = pooled(data, whole)
    return means[volumes.of("test")]


def _fitted(
    encoder: Encoder,
    draws: Sequence[Draw],
    plan: Plan,
    values: dict[str, Any],
    test: NDArray[np.int64],
) -> Iterator[_Cell]:
    """Every probe, fitted; all seeds and shares of the labels of a probe at once."""
    places = [(draw, fraction) for draw in draws for fraction in plan.fractions]
    splits = [
        Split(
            fewer_labels(draw.data, fraction, draw.seed),
            draw.data.of("valid"),
            test,
            draw.seed,
        )
        for draw, fraction in places
    ]
    for probe in tqdm(plan.probes or (), f"probes of {encoder.name}", leave=False, delay=1):
        began = time.monotonic()
        examiners = PROBES[probe].fit(values[PROBES[probe].output], draws[0].data, splits)
        seconds = (time.monotonic() - began) / len(splits)
        for (draw, fraction), split, examine in zip(places, splits, examiners, strict=True):
            yield _Cell(probe, draw, fraction, split, examine, seconds)


def _on_corrupted(
    encoder: Encoder,
    data: Data,
    plan: Plan,
    cells: Sequence[_Cell],
    extraction: Extraction,
) -> dict[tuple[str, int], list[list[float]]]:
    """For each kind and severity the headlines of each cell's outcomes."""
    found, test = {}, data.of("test")
    steps = severities(plan.corruptions)
    bar = tqdm(steps, f"corruptions, {encoder.name}", leave=False, delay=1)
    for modality, kind, severity in bar:
        images = corrupted(data, test, modality, kind, severity)
        values = {
            output: _of_test(data, extraction(encoder, images, output).values)
            for output in dict.fromkeys(PROBES[cell.probe].output for cell in cells)
        }
        found[kind, severity] = [
            [
                outcome.metrics[outcome.metric]
                for outcome in cell.examine(values[PROBES[cell.probe].output])
            ]
            for cell in cells
        ]
    return found


def _invariance(encoder: Encoder, data: Data, extraction: Extraction) -> dict[str, float]:
    """`invariance_CHANGE` for each change, of the vectors of the test images."""
    test = data.of("test")
    vectors = extraction(encoder, data, "vector").values[test]
    return {
        f"invariance_{name}": invariance(
            vectors, extraction(encoder, changed(data, test, name), "vector").values
        )
        for name in CHANGES
    }
