"""The computation and the weights as ONNX, for any number of images at a time."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from lvmmed_backbones.catalogue import Entry
from lvmmed_backbones.conversion.format import Format, Network
from lvmmed_backbones.conversion.graphs import example, module_for_graph
from lvmmed_backbones.importing import needing
from lvmmed_backbones.models import Backbone

FILE = "model.onnx"
NAMES = {"vector": ["features"], "maps": [f"map_{n}" for n in range(4)]}  # of the outputs


class OnnxFile(Format):
    """`model.onnx`, its weights in `model.onnx.data` beside it."""

    library = "onnxruntime"
    extra = "export"
    holds_graph = True

    def write(self, backbone: Backbone, entry: Entry, side: int, folder: Path) -> None:
        """Export by torch's own exporter, and check the file."""
        with needing("export"):
            import onnx
            import onnxscript  # noqa: F401  torch's exporter needs it
        with warnings.catch_warnings(), _written_out(backbone):
            warnings.simplefilter("ignore")
            logging.getLogger("onnxscript").setLevel(logging.ERROR)
            torch.onnx.export(
                module_for_graph(backbone),
                (example(side),),
                folder / FILE,
                input_names=["images"],
                output_names=NAMES[backbone.output],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                dynamo=True,
                external_data=True,
                verbose=False,
            )
        onnx.checker.check_model(folder / FILE)

    def load(self, folder: Path, entry: Entry, side: int) -> Network:
        """Open it by onnxruntime on the CPU."""
        with needing("export"):
            import onnxruntime
        session = onnxruntime.InferenceSession(folder / FILE, providers=["CPUExecutionProvider"])

        def run(images: Tensor) -> tuple[Tensor, ...]:
            return tuple(map(torch.from_numpy, session.run(None, {"images": images.numpy()})))

        return run

    def usage(self, name: str, entry: Entry, side: int) -> str:
        """As `Format.usage`."""
        return f"""\
import onnxruntime

session = onnxruntime.InferenceSession({f"{name}/{FILE}"!r})
features = session.run(None, {{"images": images.numpy()}})"""


@contextmanager
def _written_out(backbone: Backbone) -> Iterator[None]:
    """Within, attention is computed by single steps: the exporter does not know torch's fused one of three axes."""
    fused = [module for module in backbone.modules() if getattr(module, "fused_attn", False)]
    for module in fused:
        module.fused_attn = False
    try:
        yield
    finally:
        for module in fused:
            module.fused_attn = True
