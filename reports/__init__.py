"""Records to leaderboards, tables, statistics, figures and a site. Reads files only: needs neither torch nor OpenMMLab.

The functions are those of `reports.commands`; nothing is imported before it is used.
"""

from __future__ import annotations

from typing import Any

__all__ = ["NothingLeft", "compare", "figures", "leaderboard", "site", "tables"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from reports import commands

    return getattr(commands, name)
