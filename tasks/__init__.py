"""The 15 downstream tasks: their configs, data sets, phantoms and metrics.

Nothing is imported before it is used.
"""

from __future__ import annotations

from typing import Any

__all__ = ["check", "draw_phantoms", "list_data_sets", "prepare", "register"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tasks import commands, registry

    return registry.register if name == "register" else getattr(commands, name)
