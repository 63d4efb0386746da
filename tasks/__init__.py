"""The downstream tasks, 15 of the paper and the open ones: their configs, data sets, phantoms and metrics.

Nothing is imported before it is used.
"""

from __future__ import annotations

from lvmmed_backbones.importing import on_first_use

__all__ = [
    "check",
    "draw_phantoms",
    "list_data_sets",
    "prepare",
    "register",
    "show",
    "versions",
    "write_croissant",
]


__getattr__, __dir__ = on_first_use(
    __name__,
    {
        "check": "commands",
        "draw_phantoms": "commands",
        "list_data_sets": "commands",
        "prepare": "commands",
        "register": "registry",
        "show": "contact_sheet",
        "versions": "known",
        "write_croissant": "croissant",
    },
)
