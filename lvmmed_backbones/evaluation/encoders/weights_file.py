"""Encoders that are a file of weights, whose architecture and layout are recognised as `lvmmed add` does."""

from __future__ import annotations

from pathlib import Path

from lvmmed_backbones import models
from lvmmed_backbones.catalogue.adding import recognise
from lvmmed_backbones.catalogue.architectures import architecture_name
from lvmmed_backbones.catalogue.declared import pretraining_of_file
from lvmmed_backbones.evaluation.encoders.encoder import (
    SIDE,
    Encoder,
    Resize,
    Transform,
    checksum,
    frozen,
)
from lvmmed_backbones.weights.checksums import file_sha256
from lvmmed_backbones.weights.layouts import LAYOUTS
from lvmmed_backbones.weights.loading import fill


def of_weights(_: str, asked: str, transform: Transform | None, size: int | None) -> Encoder:
    """A file by PATH or PATH@LAYOUT.

    Raises
    ------
    FileNotFoundError, Refused
        If there is no such file, or no network in it that is recognised.
    """
    before, at, layout = asked.rpartition("@")
    path, layout = (Path(before), layout) if at and layout in LAYOUTS else (Path(asked), "auto")
    found = recognise(path, layout=layout)
    side = size or SIDE
    module = models.from_config({**found.config, "img_size": side, "output": "vector"})
    fill(module, module.resampled(found.network.tensors))
    return Encoder(
        name=f"file:{path.name}",
        module=frozen(module),
        transform=transform or Resize(side, tuple(found.mean), tuple(found.std)),
        architecture=architecture_name(found.config),
        weights=checksum(module),
        weights_sha256=file_sha256(path),
        pretraining=pretraining_of_file(path),
    )
