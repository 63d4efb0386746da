"""The record that one probe with one seed leaves."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lvmmed_backbones.evaluation.data import TEST, DenseImages, LabelledImages
from lvmmed_backbones.evaluation.encoders import Encoder
from lvmmed_backbones.evaluation.protocols import Outcome, kind_of
from lvmmed_backbones.provenance import machine, versions
from lvmmed_backbones.records import Backbone, Data, Provenance, WholeRecord, finite
from lvmmed_backbones.records.folder import LARGEST
from lvmmed_backbones.records.identity import run_id

PROFILE = "probe"
TASK_VERSION = 1
PACKAGES = ("torch", "timm", "numpy", "scikit-learn", "lvmmed-backbones")


@dataclass(frozen=True)
class Circumstances:
    """What the records of one network on one data set have in common.

    Attributes
    ----------
    encoder : Encoder
        The network.
    copies : ndarray of bool
        (N,) of all images: a test image that another part has, too.
    started : str
        Date and time.
    options : dict
        Of `evaluate`, that change what the record holds: a record with others is another run.
    fingerprint : str
        Of the data set, the same for every seed.
    """

    encoder: Encoder
    copies: NDArray[np.bool_]
    started: str
    options: dict[str, Any]
    fingerprint: str


def record_of(
    outcome: Outcome,
    data: LabelledImages | DenseImages,
    around: Circumstances,
    *,
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    fraction: float,
    seed: int,
    train_seconds: float,
    test_seconds: float,
) -> WholeRecord:
    """What one probe leaves that learnt from the places `train` and was tested on `test`.

    Raises
    ------
    ValueError
        If a metric is larger than a record may hold.
    """
    encoder, fingerprint = around.encoder, around.fingerprint
    metrics = {**outcome.metrics, **_without_copies(outcome, around.copies[test])}
    for name, value in metrics.items():
        if abs(value) > LARGEST:
            raise ValueError(
                f"{data.name}: {name} is {value:.3g}, more than a record holds: give targets in larger units"
            )
    identity = dict(
        task=data.name,
        version=TASK_VERSION,
        data=fingerprint,
        parts=data.parts.tolist(),
        backbone=encoder.name,  # the code behind the same weights, or none, may be another
        weights=encoder.weights,
        layers=encoder.layers,
        transform=repr(encoder.transform),
        probe=outcome.protocol,
        fraction=fraction,
        seed=seed,
        **around.options,
    )
    return WholeRecord(
        run=run_id(identity),
        task=data.name,
        task_version=TASK_VERSION,
        dataset=data.name,
        kind=kind_of(data),
        backbone=Backbone(
            name=encoder.name,
            architecture=encoder.architecture,
            method=encoder.method,
            corpus=encoder.corpus,
            parameters=encoder.parameters,
            weights_sha256=encoder.weights_sha256,
            pretraining_seed=encoder.pretraining_seed,
            pretraining=encoder.pretraining,
        ),
        protocol=outcome.protocol,
        label_fraction=fraction,
        seed=seed,
        profile=PROFILE,
        threads=torch.get_num_threads(),
        data_source="phantom" if data.phantom else "measured",
        metric=outcome.metric,
        metrics=finite(metrics),
        cases=outcome.cases,
        data=Data(fingerprint, data.complete, {"train": len(train), "test": len(test)}),
        provenance=Provenance(
            versions=_versions(),
            machine=_machine(),
            git_revision=None,
            started=around.started,
        ),
        cost={"train_seconds": round(train_seconds, 3), "test_seconds": round(test_seconds, 3)},
    )


_versions = cache(partial(versions, PACKAGES))  # they stay while a process lives
_machine = cache(machine)


def fingerprint_of(data: LabelledImages | DenseImages) -> str:
    """A checksum over the content and names of images, what is to be learnt from them, and which are the test images.

    The same for every seed, though seeds may draw other valid images.
    """
    digest = hashlib.sha256()
    if isinstance(data, DenseImages):
        digest.update(data.fingerprint.encode())  # of the masks, too
        truth: Sequence[Any] = data.cases
    else:
        truth = (data.labels if data.targets is None else data.targets).tolist()
    tested = (data.parts == TEST).tolist()
    for key, name, test, what in zip(data.keys, data.names, tested, truth, strict=True):
        digest.update(key + f"{name}\0{what}\0{test}\n".encode())
    return digest.hexdigest()


def _without_copies(outcome: Outcome, copies: NDArray[np.bool_]) -> dict[str, float]:
    """The headline over the test images that no other part has, where some are copies and it is a mean of images."""
    scores = [case.get(outcome.metric) for case in outcome.cases]
    if len(scores) != len(copies) or copies.all() or not copies.any():
        return {}
    own = [score for score, copy in zip(scores, copies, strict=True) if not copy]
    defined = [float(score) for score in own if score is not None]
    return {f"{outcome.metric}_without_copies": float(np.mean(defined))} if defined else {}
