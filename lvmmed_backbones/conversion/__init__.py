"""Backbones of the catalogue in the formats of other libraries, each loaded again and compared before it is given out.

A format is one module: how it is written, how its own library loads it, and what a user writes to load it.
"""

from __future__ import annotations

from lvmmed_backbones.importing import on_first_use

__all__ = ["convert"]

__getattr__, __dir__ = on_first_use(__name__, {"convert": "converting"})
