"""Evaluate backbones on labelled images by probes of their frozen features."""

from __future__ import annotations

import hashlib
import os
import platform
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm

from lvmmed_backbones.evaluation.classification import PROBES, Answer, Split
from lvmmed_backbones.evaluation.data import LabelledImages, fewer_labels, read_data
from lvmmed_backbones.evaluation.duplicates import copied
from lvmmed_backbones.evaluation.encoder import Encoder, Transform, depends_on_seed, encoder_of
from lvmmed_backbones.evaluation.extraction import Features, extract
from lvmmed_backbones.evaluation.result import Evaluation, identity
from lvmmed_backbones.evaluation.scores import classification_scores
from lvmmed_backbones.files.home import user_folder
from lvmmed_backbones.records import Backbone, Data, Provenance, WholeRecord, finite

PROFILE = "probe"
TASK_VERSION = 1
PACKAGES = ("torch", "timm", "numpy", "scikit-learn", "lvmmed-backbones")


def evaluate(
    backbones: str | nn.Module | Sequence[str | nn.Module],
    data: str | Path | LabelledImages | Mapping[str, Any] | Sequence[str | Path],
    *,
    transform: Transform | str | None = None,
    probes: Sequence[str] = ("knn", "linear"),
    seeds: Sequence[int] = (0, 1, 2),
    label_fractions: Sequence[float] = (1.0,),
    size: int | None = None,
    device: str | None = None,
    workers: int | None = None,
    batch_size: int = 64,
    cache: str | Path | None = None,
    results: str | Path | None = None,
) -> Evaluation:
    """Score backbones by what simple classifiers learn from their frozen features: `lvmmed evaluate`.

    Parameters
    ----------
    backbones : str, Module, or a sequence of these
        See `encoder_of`.
    data : str, Path, LabelledImages, mapping of arrays, or a sequence of names
        See `read_data`.
    transform : callable or str, optional
        For modules: see `encoder_of`.
    probes : sequence of str
        "knn": the nearest neighbours, their number chosen; "linear": logistic regression to convergence, its penalty
        chosen. The valid images choose; the test images are seen once.
    seeds : sequence of int
        A seed draws the valid images, where they are not given, which labels a smaller share takes, and the weights of
        a random backbone.
    label_fractions : sequence of float
        Shares of the training labels, in (0, 1].
    size : int, optional
        Side in pixels of the images; None: the backbone's own.
    device : str, optional
        Such as "cuda:1"; None: the first GPU, or the CPU.
    workers : int, optional
        Processes that load images; None: as many as cores, but one, and at most 8.
    batch_size : int
        Images that the encoder takes at a time.
    cache : str or Path, optional
        Folder of the features; None: the user's cache.
    results : str or Path, optional
        Folder of results to save the records in; None: they are only returned.

    Returns
    -------
    Evaluation
        `table()` prints it, `save(folder)` writes records that the reports read.

    Raises
    ------
    ValueError, FileNotFoundError, ConnectionError
        As `encoder_of`, `read_data` and `extract`; for an unknown probe or a share outside (0, 1].
    """
    names = [backbones] if isinstance(backbones, (str, nn.Module)) else list(backbones)
    sets: list[Any] = list(data) if isinstance(data, (list, tuple)) else [data]
    if not names or not sets:
        raise ValueError("give at least one backbone, and data")
    _check(probes, label_fractions, seeds)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    workers = min(8, max(1, (os.cpu_count() or 1) - 1)) if workers is None else workers
    folder = Path(cache) if cache else user_folder() / "features"
    records: list[WholeRecord] = []
    notes: list[str] = []
    for one_set in sets:
        drawn = [read_data(one_set, seed) for seed in seeds]
        copies = copied(drawn[0], folder)  # the test part is the same for every seed
        for name in names:
            encoders = _encoders(name, seeds, transform, size)
            for encoder, own in encoders:
                started = datetime.now(UTC).isoformat(timespec="seconds")
                features = extract(
                    encoder, drawn[0], folder, batch_size=batch_size, workers=workers, device=device
                )
                records += _scored(
                    encoder, features, copies, drawn, seeds, own, probes, label_fractions, started
                )
        notes += _about(drawn[0], int(copies.sum()))
    evaluation = Evaluation(records, notes)
    if results is not None:
        evaluation.save(results)
    return evaluation


def _check(probes: Sequence[str], fractions: Sequence[float], seeds: Sequence[int]) -> None:
    for probe in probes:
        if probe not in PROBES:
            raise ValueError(f"no probe {probe!r}: choose from {', '.join(PROBES)}")
    for fraction in fractions:
        if not 0 < fraction <= 1:
            raise ValueError(f"label fraction {fraction}: give a share in (0, 1]")
    if not probes or not fractions or not seeds or len(set(seeds)) < len(seeds):
        raise ValueError("give at least one probe, label fraction and seed, each seed once")


def _encoders(
    backbone: str | nn.Module,
    seeds: Sequence[int],
    transform: Transform | str | None,
    size: int | None,
) -> list[tuple[Encoder, list[int]]]:
    """The networks of a backbone, each with the places of the seeds that it serves."""
    if isinstance(backbone, str) and depends_on_seed(backbone):
        return [
            (encoder_of(backbone, transform=transform, size=size, seed=seed), [place])
            for place, seed in enumerate(seeds)
        ]
    encoder = encoder_of(backbone, transform=transform, size=size)
    return [(encoder, list(range(len(seeds))))]


def _scored(
    encoder: Encoder,
    features: Features,
    copies: NDArray[np.bool_],
    drawn: Sequence[LabelledImages],
    seeds: Sequence[int],
    places: Sequence[int],
    probes: Sequence[str],
    fractions: Sequence[float],
    started: str,
) -> list[WholeRecord]:
    """The records of one network: of every probe, share of the labels and seed."""
    cells = [(place, fraction) for place in places for fraction in fractions]
    splits = [
        Split(
            fewer_labels(drawn[place], fraction, seeds[place]),
            drawn[place].of("valid"),
            drawn[place].of("test"),
        )
        for place, fraction in cells
    ]
    records = []
    for probe in tqdm(probes, f"probes of {encoder.name}", leave=False, delay=1):
        began = time.monotonic()
        answers = PROBES[probe](features.values, drawn[0].labels, len(drawn[0].classes), splits)
        seconds = (time.monotonic() - began) / len(answers)
        for (place, fraction), split, answer in zip(cells, splits, answers, strict=True):
            records.append(
                _record(
                    encoder,
                    drawn[place],
                    features,
                    copies[split.test],
                    split,
                    answer,
                    probe=probe,
                    fraction=fraction,
                    seed=seeds[place],
                    started=started,
                    seconds=seconds,
                )
            )
    return records


def _record(
    encoder: Encoder,
    data: LabelledImages,
    features: Features,
    copies: NDArray[np.bool_],
    split: Split,
    answer: Answer,
    *,
    probe: str,
    fraction: float,
    seed: int,
    started: str,
    seconds: float,
) -> WholeRecord:
    """What one probe with one seed leaves."""
    truth, probabilities = data.labels[split.test], answer.probabilities
    prediction = probabilities.argmax(1)
    metrics = classification_scores(truth, probabilities)
    own = ~copies
    if not own.all() and own.any():
        metrics["accuracy_without_copies"] = float((prediction == truth)[own].mean())
    cases = [
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
    fingerprint = _fingerprint(data)
    threads = torch.get_num_threads()
    run = identity(
        task=data.name,
        version=TASK_VERSION,
        data=fingerprint,
        weights=encoder.weights,
        transform=repr(encoder.transform),
        probe=probe,
        fraction=fraction,
        seed=seed,
    )
    return WholeRecord(
        run=run,
        task=data.name,
        task_version=TASK_VERSION,
        dataset=data.name,
        kind="classification",
        backbone=Backbone(
            name=encoder.name,
            architecture=encoder.architecture,
            method=encoder.method,
            corpus=encoder.corpus,
            parameters=encoder.parameters,
            weights_sha256=encoder.weights_sha256,
            pretraining_seed=encoder.pretraining_seed,
        ),
        protocol=probe,
        label_fraction=fraction,
        seed=seed,
        profile=PROFILE,
        threads=threads,
        data_source="measured",
        metric="accuracy",
        metrics=finite({**metrics, "setting": answer.setting}),
        cases=cases,
        data=Data(fingerprint, True, {"train": len(split.train), "test": len(split.test)}),
        provenance=Provenance(
            versions=_versions(),
            machine={
                "platform": platform.platform(),
                "cpu": platform.processor() or platform.machine(),
                "cores": os.cpu_count(),
                "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
            },
            git_revision=None,
            started=started,
        ),
        cost={
            "train_seconds": round(seconds, 3),
            "test_seconds": round(features.seconds, 3),
        },
    )


def _fingerprint(data: LabelledImages) -> str:
    """A checksum over names, labels and parts."""
    digest = hashlib.sha256()
    for name, label, part in zip(data.names, data.labels, data.parts, strict=True):
        digest.update(f"{name}\0{label}\0{part}\n".encode())
    return digest.hexdigest()


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # run from a checkout that is not installed
            continue
    return found


def _about(data: LabelledImages, copies: int) -> list[str]:
    """What a reader must know of a data set."""
    notes = []
    if copies:
        notes.append(
            f"{data.name}: {copies} of {len(data.of('test'))} test images are training or valid images, "
            "too: accuracy_without_copies leaves them out."
        )
    if data.patients is None:
        notes.append(f"{data.name}: patients are not known, so each image counts by itself.")
    return notes
