"""Weights by the architecture's own names, in one file that needs no code of ours."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import load_file, save

from lvmmed_backbones import models
from lvmmed_backbones.catalogue import Entry
from lvmmed_backbones.conversion.format import Format, Network
from lvmmed_backbones.files.writing import write_bytes
from lvmmed_backbones.models import Backbone

FILE = "model.safetensors"


class SafetensorsFile(Format):
    """`model.safetensors`: torchvision's names for a ResNet, segment_anything's for SAM's encoder, else timm's."""

    library = "safetensors"

    def write(self, backbone: Backbone, entry: Entry, side: int, folder: Path) -> None:
        """Write the tensors, and the entry's facts beside them as text."""
        weights = backbone.network.state_dict()
        tensors = {name: value.contiguous() for name, value in weights.items()}
        facts = dict(
            format="pt",  # transformers asks for it
            architecture=backbone.model_name,
            arguments=json.dumps(backbone.arguments),
            image_size=str(side),
            mean=" ".join(f"{value:g}" for value in entry.mean),
            std=" ".join(f"{value:g}" for value in entry.std),
            method=entry.method,
            corpus=entry.corpus,
            licence=entry.licence,
            source=entry.source,
        )
        write_bytes(folder / FILE, save(tensors, metadata=facts))

    def load(self, folder: Path, entry: Entry, side: int) -> Network:
        """Fill a new network of the same architecture, strictly."""
        backbone = models.from_config({**entry.config, "output": "vector", "img_size": side})
        backbone.network.load_state_dict(load_file(folder / FILE))
        return backbone.eval()

    def usage(self, name: str, entry: Entry, side: int) -> str:
        """As `Format.usage`."""
        return f"""\
from safetensors.torch import load_file

from lvmmed_backbones import models  # or any network that has these names

config = {dict(entry.config)!r}
model = models.from_config({{**config, "output": "vector", "img_size": {side}}}).eval()
model.network.load_state_dict(load_file({f"{name}/{FILE}"!r}))
(features,) = model(images)"""
