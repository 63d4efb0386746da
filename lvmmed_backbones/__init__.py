"""Backbones for medical imaging: architectures, weights and where they came from.

Nothing is imported before it is used, so that reports can read files by `lvmmed_backbones.outside` without torch.
`lvmmed_backbones.openmmlab` registers the backbones with mmpretrain, mmsegmentation and mmdetection.
"""

from __future__ import annotations

import importlib
from typing import Any

HOMES = {
    "BackboneResNet": "lvmmed_backbones.backbones",
    "BackboneTIMM": "lvmmed_backbones.backbones",
    "BackboneViTSAM": "lvmmed_backbones.backbones",
    "build": "lvmmed_backbones.building",
}

__all__ = ["BackboneResNet", "BackboneTIMM", "BackboneViTSAM", "build"]


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(HOMES[name]), name)
