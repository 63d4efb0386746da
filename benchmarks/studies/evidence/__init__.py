"""Which pretraining is better, on real images, after a fair search? The study behind docs/evidence.md.

Modules are imported when they are first used.
"""

from __future__ import annotations

from lvmmed_backbones.importing import on_first_use

__all__ = ["final", "report", "search", "sets"]

__getattr__, __dir__ = on_first_use(
    __name__, {"final": "study", "report": "reporting", "search": "study", "sets": "probe_sets"}
)
