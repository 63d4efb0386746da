"""Does graph-matching pretraining learn, and which of its parts? The study behind docs/evidence.md.

Nothing is imported before it is used.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["changes", "gradients", "pretrain", "report"]

HOMES = {
    "changes": "second_order",
    "gradients": "gradient_noise",
    "pretrain": "study",
    "report": "reporting",
}


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{HOMES[name]}"), name)
