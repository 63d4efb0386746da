"""Does graph-matching pretraining learn, and which of its parts? The study behind docs/evidence.md.

Modules are imported when they are first used.
"""

from __future__ import annotations

from lvmmed_backbones.importing import on_first_use

__all__ = ["changes", "gradients", "pretrain", "report"]

__getattr__, __dir__ = on_first_use(
    __name__,
    {"changes": "measures", "gradients": "measures", "pretrain": "study", "report": "reporting"},
)
