"""Records to leaderboards, tables, statistics, figures and a site; needs neither torch nor OpenMMLab.

reading/      reads records, audits, galleries and curves, and scores of other tools (foreign/)
statistics/   intervals and tests, from arrays
published/    the paper's figures and tables
analysis/     leaderboards, comparisons and the tables of the paper, in numbers
sharing/      joins the results of several machines; repositories of records that laboratories share
render/       texts, figures and pages, and one Parquet file of all records
trackers/     records as runs of experiment trackers

Each room imports only from those above it. The functions of this package are those of `reports.commands`, of
`reports.other_tools` and of `reports.sharing`; nothing is imported before it is used.
"""

from __future__ import annotations

from lvmmed_backbones.importing import on_first_use

__all__ = [
    "Checked",
    "CompareReport",
    "Coverage",
    "ExportReport",
    "FiguresReport",
    "LeaderboardReport",
    "Merged",
    "NothingLeft",
    "PushReport",
    "SiteReport",
    "TablesReport",
    "check",
    "compare",
    "coverage",
    "download",
    "export",
    "figures",
    "leaderboard",
    "merge",
    "push",
    "site",
    "tables",
]

_ELSEWHERE = {
    **dict.fromkeys(("ExportReport", "PushReport", "export", "push"), "other_tools"),
    "Checked": "sharing.repository",
    "Coverage": "sharing.coverage",
    "Merged": "sharing.merge",
    "check": "sharing.repository",
    "coverage": "sharing.coverage",
    "download": "sharing.download",
    "merge": "sharing.merge",
}
__getattr__, __dir__ = on_first_use(__name__, dict.fromkeys(__all__, "commands") | _ELSEWHERE)
