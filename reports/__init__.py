"""Records to leaderboards, tables, statistics, figures and a site; needs neither torch nor OpenMMLab.

reading/      reads records, audits, galleries and curves, and scores of other tools (foreign/)
statistics/   intervals and tests, from arrays
published/    the paper's figures and tables
analysis/     leaderboards, comparisons and the tables of the paper, in numbers
render/       texts, figures and pages, and one Parquet file of all records
trackers/     records as runs of experiment trackers

Each room imports only from those above it. The functions of this package are those of `reports.commands` and
`reports.sharing`; nothing is imported before it is used.
"""

from __future__ import annotations

from lvmmed_backbones.importing import on_first_use

__all__ = [
    "CompareReport",
    "ExportReport",
    "FiguresReport",
    "LeaderboardReport",
    "NothingLeft",
    "PushReport",
    "SiteReport",
    "TablesReport",
    "compare",
    "export",
    "figures",
    "leaderboard",
    "push",
    "site",
    "tables",
]

_SHARING = dict.fromkeys(["ExportReport", "PushReport", "export", "push"], "sharing")
__getattr__, __dir__ = on_first_use(__name__, dict.fromkeys(__all__, "commands") | _SHARING)
