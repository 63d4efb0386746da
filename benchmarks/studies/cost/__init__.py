"""What the paper's protocols and its pretraining cost: steps measured on this machine, and hours estimated from them.

Nothing is imported before it is used.
"""

from __future__ import annotations

from lvmmed_backbones.importing import on_first_use

__all__ = ["pretraining", "run"]


__getattr__, __dir__ = on_first_use(__name__, {"pretraining": "pretraining_steps", "run": "study"})
