"""Records to leaderboards, tables, statistics, figures and a site. Reads files only: needs neither torch nor OpenMMLab.

The functions are those of `reports.commands`; nothing is imported before it is used.
"""

from __future__ import annotations

from lvmmed_backbones.importing import on_first_use

__all__ = ["NothingLeft", "compare", "figures", "leaderboard", "site", "tables"]


__getattr__, __dir__ = on_first_use(__name__, dict.fromkeys(__all__, "commands"))
