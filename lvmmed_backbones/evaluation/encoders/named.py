"""Encoders of the catalogue, by name."""

from __future__ import annotations

import torch

from lvmmed_backbones import catalogue, models
from lvmmed_backbones.catalogue import Entry
from lvmmed_backbones.evaluation.encoders.encoder import (
    Encoder,
    Resize,
    Transform,
    checksum,
    frozen,
)
from lvmmed_backbones.weights import hub
from lvmmed_backbones.weights.checksums import file_sha256


def of_catalogue(name: str, transform: Transform | None, size: int | None, seed: int) -> Encoder:
    """A backbone of the catalogue. Raises as `catalogue.get` and `Weights.fetch`."""
    entry = catalogue.get(name, seed)
    return of_entry(name, entry, transform, size or entry.image_size, seed)


def of_entry(name: str, entry: Entry, transform: Transform | None, side: int, seed: int) -> Encoder:
    """The backbone of an entry of the catalogue, for images of `side` pixels. Raises as `Weights.fetch`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # of a random backbone: another network for each seed
        module = models.from_config(entry.model("vector", side))
    module.init_weights()
    weights = entry.weights
    return Encoder(
        name=name,
        module=frozen(module),
        transform=transform or Resize(side, entry.mean, entry.std),
        architecture=entry.architecture,
        method=entry.method,
        corpus=entry.corpus,
        weights=checksum(module),
        weights_sha256=(weights.sha256 or file_sha256(weights.path)) if weights else None,
        revision=hub.commit_of(weights.path) if weights and weights.hub else None,
        pretraining_seed=entry.pretraining_seed,
        pretraining=catalogue.pretraining(entry),
    )
