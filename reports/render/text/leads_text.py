"""How sure the best backbone of each task is, as a table in words: a row per backbone, a column per task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reports.analysis.leaderboard import Leaderboard
from reports.analysis.leads import Lead, ToBest, to_best
from reports.render.text.comparison_text import KEY
from reports.render.text.leaderboard_text import NOTHING

TITLE = "How sure is the best of each task?"
READING = (
    "Points behind the best of the column, and the 95 % interval of that difference over seeds and test cases, "
    "corrected (Tukey) for the number of backbones and the choice of the best."
)
VERDICTS = f"Worse: the best is better by more than chance; {KEY}."
BEST = "best"
MOST = 10  # rows of a table


@dataclass(frozen=True)
class LeadCell:
    """A backbone beside the best one of a task, such as '-3.1 worse' and below it '-4.7 to -1.5'."""

    verdict: str
    interval: str


@dataclass(frozen=True)
class LeadsText:
    """A table of the leads: columns of a task and its protocol, rows of a name and its cells, notes below it."""

    columns: list[tuple[str, str]]
    rows: list[tuple[str, list[LeadCell | None]]]
    notes: list[str]


def leads_text(board: Leaderboard, leads: Sequence[Lead]) -> LeadsText | None:
    """The leads of a leaderboard in words, in the order of its columns and rows; None if no task has several backbones.

    A long table has the first rows and the best of each task.
    """
    columns = list(dict.fromkeys(zip(board.cells["task"], board.cells["protocol"], strict=True)))
    by_column = {(lead.task, lead.protocol): lead for lead in leads}
    shown = [by_column[column] for column in columns if column in by_column]
    if not shown:
        return None
    if all(one.verdict == "untested" for lead in shown for one in lead.opponents):
        return LeadsText([], [], [f"Not told, since every difference is untested ({KEY})."])
    names = [str(name) for name in board.mean_rank.index]
    rows = _first_rows(names, {lead.best for lead in shown})
    cells = [{row.backbone: _cell(row) for row in to_best(lead)} for lead in shown]
    left = len(names) - len(rows)
    cut = (
        f"The first rows and the best of each task; leaderboard.csv, the pages of the site and `compare` have the "
        f"other {left}, too."
    )
    return LeadsText(
        columns=[(lead.task, lead.protocol) for lead in shown],
        rows=[(name, [of_task.get(name) for of_task in cells]) for name in rows],
        notes=[READING, VERDICTS, *([cut] if left else [])],
    )


def _first_rows(names: Sequence[str], best: set[str]) -> list[str]:
    """The best of each task, and as many of the first others as there is room for, in their order."""
    others = [name for name in names if name not in best][: max(0, MOST - len(best))]
    return [name for name in names if name in best or name in others]


def _cell(row: ToBest) -> LeadCell:
    if row.verdict == BEST:
        return LeadCell(BEST, "")
    difference = NOTHING if math.isnan(row.difference) else f"{100 * row.difference:+z.1f}"
    interval = "" if math.isnan(row.low) else f"{100 * row.low:+z.1f} to {100 * row.high:+z.1f}"
    return LeadCell(f"{difference} {row.verdict}", interval)
