"""What the commands say on a terminal: plans and states of runs as tables, and lines."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lvmmed_backbones.display import plain
from tasks import registry

if TYPE_CHECKING:
    from benchmarks.driver import Plan
    from benchmarks.results import Status

STATES = ("done", "going on", "failed", "interrupted")


def show_plan(plan: Plan) -> None:
    """Print on stderr how many runs of each task and backbone are done, and the estimate of what is left."""
    if plan.later:
        say(f"not in the plan below, since `run` pretrains them first: {', '.join(plan.later)}")
    if not plan.runs:
        return
    backbones = list(dict.fromkeys(run.spec.backbone for run in plan.runs))
    title = f"{len(plan.runs)} runs, profile {plan.runs[0].spec.profile}"
    table = Table("task", *backbones, title=title)
    for task in dict.fromkeys(run.spec.task for run in plan.runs):
        cells = []
        for backbone in backbones:
            done = [
                run.folder in plan.done
                for run in plan.runs
                if (run.spec.task, run.spec.backbone) == (task, backbone)
            ]
            cells.append(f"{sum(done)} of {len(done)} done")
        table.add_row(registry.label(task, plan.runs[0].spec.recipe), *cells)
    Console(stderr=True).print(table)
    if minutes := plan.seconds / 60:
        say(f"about {minutes:.0f} minutes on 2 cores like ours (a processor of 2023)")


def show_status(status: Status) -> None:
    """Print on stdout a row for each profile, recipe, task and backbone; on stderr the notes."""
    table = Table()
    for name in ("profile", "task", "backbone"):
        table.add_column(name, overflow="fold")
    for state in STATES:
        table.add_column(state, justify="right")
    for names, numbers in sorted(status.counts.items()):
        cells = [str(numbers[state] or "") for state in STATES]
        profile, recipe, task, backbone = names
        shown = (profile, registry.label(task, recipe), backbone)
        table.add_row(*(Text(plain(name)) for name in shown), *cells)
    Console().print(table)
    for note in status.notes:
        say(note)


def say(message: str) -> None:
    """Print a line on stderr."""
    print(message, file=sys.stderr, flush=True)
