"""Self-supervised pretraining: `run` a config on a corpus, `export` what was learnt as a backbone of the catalogue.

Nothing is imported before it is used. `lvmmed_backbones.pretrain.registration` registers everything that the
pretraining configs name.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from lvmmed_backbones.extras import needing

__all__ = ["CONFIGS", "compose", "config_names", "export", "run"]

CONFIGS = Path(__file__).resolve().parent / "configs"
HOMES = {"compose": "running", "export": "exporting", "run": "running"}


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with needing("openmmlab"):
        return getattr(importlib.import_module(f"{__name__}.{HOMES[name]}"), name)


def config_names() -> list[str]:
    """The configs of ours, in the order of the alphabet."""
    return sorted(file.stem for file in CONFIGS.glob("*.py"))
