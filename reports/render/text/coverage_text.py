"""What a results repository has, as tables in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from lvmmed_backbones.display import plain
from reports.analysis.compare import task_label
from reports.reading.consistency import group_by
from reports.render.text.leaderboard_text import condition_title
from reports.sharing.coverage import Covered

NONE = "–"


def print_coverage(cells: Sequence[Covered], console: Console) -> None:
    """Print a table for each condition: for each task, the backbones that have the same seeds."""
    for same in group_by(cells, lambda cell: cell.condition):
        console.print()
        console.print(Text(condition_title(same[0].condition), style="bold underline"))
        names = Column("backbones", overflow="fold")
        table = Table("task", "version", "seeds", "missing", names, box=box.SIMPLE)
        rows = group_by(same, lambda c: (c.task, c.task_version, c.protocol, c.seeds))
        rows.sort(
            key=lambda row: (row[0].task, row[0].task_version, row[0].protocol, len(row[0].missing))
        )
        for row in rows:
            first = row[0]
            table.add_row(
                Text(plain(task_label(first.task, first.protocol))),
                str(first.task_version),
                _seeds(first.seeds),
                _seeds(first.missing),
                Text(plain(", ".join(cell.backbone for cell in row))),
            )
        console.print(table)


def _seeds(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds)) or NONE
