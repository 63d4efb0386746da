"""A folder for `transformers.AutoModel`: timm's layout, which transformers reads by its TimmWrapperModel."""

from __future__ import annotations

import json
from pathlib import Path

from lvmmed_backbones.catalogue import Entry
from lvmmed_backbones.conversion.format import Network
from lvmmed_backbones.conversion.timm_folder import TimmFolder
from lvmmed_backbones.files.writing import write_json
from lvmmed_backbones.importing import needing
from lvmmed_backbones.models import Backbone


class HuggingFaceFolder(TimmFolder):
    """Loads without remote code. SAM's encoder is refused: transformers' has a neck, which the backbone lacks."""

    library = "transformers"
    extra = "hub"

    def write(self, backbone: Backbone, entry: Entry, side: int, folder: Path) -> None:
        """As timm's, less an argument that transformers gives timm, too."""
        super().write(backbone, entry, side, folder)
        file = folder / "config.json"
        config = json.loads(file.read_text())
        config["model_args"].pop("num_classes", None)
        write_json(file, config)

    def load(self, folder: Path, entry: Entry, side: int) -> Network:
        """Ask transformers for the model, with its weights."""
        with needing("hub"):
            from transformers import AutoModel
        model, found = AutoModel.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, output_loading_info=True
        )
        if lost := [*found["missing_keys"], *found["unexpected_keys"]]:
            raise ValueError(f"{len(lost)} tensors have no place, such as {sorted(lost)[0]}")
        model.eval()
        return lambda images: (model(images).pooler_output,)

    def usage(self, name: str, entry: Entry, side: int) -> str:
        """As `Format.usage`."""
        return f"""\
from transformers import AutoModel

model = AutoModel.from_pretrained({f"./{name}"!r}).eval()
features = model(images).pooler_output"""
