"""What the choices of LVM-Med's release are worth: the study of docs/reproduction.md.

Nothing is imported before it is used.
"""

from __future__ import annotations

from lvmmed_backbones.importing import on_first_use

__all__ = ["run"]


__getattr__, __dir__ = on_first_use(__name__, {"run": "study"})
