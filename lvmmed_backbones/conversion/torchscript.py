"""The computation and the weights as TorchScript, for C++ and for torch without our code."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch

from lvmmed_backbones.catalogue import Entry
from lvmmed_backbones.conversion.format import Format, Network
from lvmmed_backbones.conversion.graphs import example, module_for_graph
from lvmmed_backbones.models import Backbone

FILE = "model.pt"


class TorchScript(Format):
    """`model.pt`. torch calls TorchScript deprecated since 2.5: where you can choose, choose ONNX."""

    library = "torch.jit"
    holds_graph = True

    def write(self, backbone: Backbone, entry: Entry, side: int, folder: Path) -> None:
        """Trace it."""
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter(
                "ignore"
            )  # of its deprecation, and of sizes that become constants
            torch.jit.trace(module_for_graph(backbone), example(side)).save(folder / FILE)

    def load(self, folder: Path, entry: Entry, side: int) -> Network:
        """Load it by torch.jit."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = torch.jit.load(folder / FILE, map_location="cpu").eval()

        def run(images: torch.Tensor) -> tuple[torch.Tensor, ...]:
            found = module(images)
            return (found,) if isinstance(found, torch.Tensor) else tuple(found)

        return run

    def usage(self, name: str, entry: Entry, side: int) -> str:
        """As `Format.usage`."""
        return f"""\
import torch

model = torch.jit.load({f"{name}/{FILE}"!r}).eval()
features = model(images)"""
