"""A folder as timm writes it for a hub: config.json and model.safetensors."""

from __future__ import annotations

import shutil
from pathlib import Path

import timm
from timm.models import model_entrypoint, save_for_hf

from lvmmed_backbones.catalogue import Entry
from lvmmed_backbones.conversion.format import Format, Network, Unfit
from lvmmed_backbones.models import Backbone


class TimmFolder(Format):
    """For `timm.create_model("local-dir:FOLDER", pretrained=True)`; after an upload, `hf-hub:ORG/REPO`."""

    library = "timm"

    def write(self, backbone: Backbone, entry: Entry, side: int, folder: Path) -> None:
        """Let timm write its own layout, with the normalisation of this backbone."""
        name = backbone.model_name
        if not model_entrypoint(name).__module__.startswith("timm."):
            raise Unfit(
                f"timm itself has no {name}, which is an architecture of ours. "
                "Take --to safetensors, onnx or torchscript"
            )
        images = dict(
            architecture=name,
            tag=entry.method,  # timm's own would name weights that these are not
            input_size=(3, side, side),
            mean=[round(value / 255, 9) for value in entry.mean],
            std=[round(value / 255, 9) for value in entry.std],
            crop_pct=1.0,
            crop_mode="squash",  # the whole image, as `evaluate` shows it
            interpolation="bicubic",
            license=entry.licence,
        )
        config = dict(pretrained_cfg=images)
        arguments = {k: v for k, v in entry.config.items() if k not in ("type", "model_name")}
        if "img_size" in backbone.arguments:
            arguments["img_size"] = side
        save_for_hf(
            backbone.network, str(folder), config, model_args=arguments, safe_serialization=True
        )
        # safetensors writes files that only this user can read.
        shutil.copymode(folder / "config.json", folder / "model.safetensors")

    def load(self, folder: Path, entry: Entry, side: int) -> Network:
        """Ask timm for the model, with its weights."""
        model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
        return lambda images: (model(images),)

    def usage(self, name: str, entry: Entry, side: int) -> str:
        """As `Format.usage`."""
        return f"""\
import timm

model = timm.create_model({f"local-dir:{name}"!r}, pretrained=True).eval()
features = model(images)"""
