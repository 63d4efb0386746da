"""Records to leaderboards, tables, statistics, figures and a site; needs neither torch nor OpenMMLab.

reading/      reads records, audits, galleries and curves, and scores of other tools (foreign/)
statistics/   intervals and tests, from arrays
published/    the paper's figures and tables
analysis/     leaderboards, comparisons and the tables of the paper, in numbers
sharing/      joins the results of several machines; repositories of records that laboratories share
render/       texts, figures and pages

Each room imports only from those above it. The functions of this package are those of `reports.commands` and of
`reports.sharing`; nothing is imported before it is used.
"""

from __future__ import annotations

from lvmmed_backbones.importing import on_first_use

__all__ = [
    "Checked",
    "CompareReport",
    "Coverage",
    "FiguresReport",
    "LeaderboardReport",
    "Merged",
    "NothingLeft",
    "SiteReport",
    "TablesReport",
    "check",
    "compare",
    "coverage",
    "download",
    "figures",
    "leaderboard",
    "merge",
    "site",
    "tables",
]

SHARING = {
    "Checked": "sharing.repository",
    "Coverage": "sharing.coverage",
    "Merged": "sharing.merge",
    "check": "sharing.repository",
    "coverage": "sharing.coverage",
    "download": "sharing.download",
    "merge": "sharing.merge",
}
__getattr__, __dir__ = on_first_use(__name__, dict.fromkeys(__all__, "commands") | SHARING)
