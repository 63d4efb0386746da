"""Corpora of unlabelled images: built from folders, audited against test splits, read in random order.

Nothing is imported before it is used, so that files can be read without torch.
"""

from __future__ import annotations

import importlib
from typing import Any

from lvmmed_backbones.extras import needing

__all__ = ["CorpusDataset", "audit", "build", "list_data_sets"]

HOMES = {
    "CorpusDataset": "dataset",
    "audit": "auditing",
    "build": "building",
    "list_data_sets": "facts",
}


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with needing("corpus"):
        return getattr(importlib.import_module(f"{__name__}.{HOMES[name]}"), name)
