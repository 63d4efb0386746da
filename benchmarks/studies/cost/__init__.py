"""What the paper's protocols cost: steps measured on this machine, and an estimate in GPU hours.

Nothing is imported before it is used.
"""

from __future__ import annotations

from lvmmed_backbones.importing import on_first_use

__all__ = ["run"]


__getattr__, __dir__ = on_first_use(__name__, {"run": "study"})
