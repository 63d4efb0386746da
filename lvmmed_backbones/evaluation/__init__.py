"""Evaluate any backbone: features of a frozen network, and probes of them. Nothing is imported before it is used."""

from __future__ import annotations

from lvmmed_backbones.importing import on_first_use

__all__ = ["DenseImages", "Evaluation", "LabelledImages", "Resize", "evaluate", "read_data"]

__getattr__, __dir__ = on_first_use(
    __name__,
    {
        "DenseImages": "data",
        "Evaluation": "result",
        "LabelledImages": "data",
        "Resize": "encoders",
        "evaluate": "evaluating",
        "read_data": "data",
    },
)
