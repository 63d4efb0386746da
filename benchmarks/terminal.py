"""What the commands say on a terminal: plans and states of runs as tables, and lines."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text
from tqdm import tqdm

from lvmmed_backbones.display import plain
from tasks import registry

if TYPE_CHECKING:
    from benchmarks.driver import Plan
    from benchmarks.planning import Amount, Outlook, Part, Total
    from benchmarks.results import Status

STATES = ("done", "going on", "failed", "interrupted")


def show_check(plan: Plan) -> None:
    """Print on stderr how many composed runs of each task and backbone are done, and the estimate of what is left."""
    if plan.later:
        say(f"not in the plan below, since `run` pretrains them first: {', '.join(plan.later)}")
    if not plan.runs:
        return
    backbones = list(dict.fromkeys(run.spec.backbone for run in plan.runs))
    profiles = dict.fromkeys(run.spec.profile for run in plan.runs)
    title = f"{len(plan.runs)} runs, profile {', '.join(profiles)}"
    table = Table("task", *backbones, title=title)
    for task, recipe in dict.fromkeys((run.spec.task, run.spec.recipe) for run in plan.runs):
        cells = []
        for backbone in backbones:
            done = [
                run.folder in plan.done
                for run in plan.runs
                if (run.spec.task, run.spec.recipe, run.spec.backbone) == (task, recipe, backbone)
            ]
            cells.append(f"{sum(done)} of {len(done)} done")
        table.add_row(registry.label(task, recipe), *cells)
    Console(stderr=True).print(table)
    if minutes := plan.seconds / 60:
        say(f"about {minutes:.0f} minutes on 2 cores like ours (a processor of 2023)")


def show_outlook(outlook: Outlook) -> None:
    """Print on stdout what is done and left of each task and of each backbone, and by what its time is told."""
    study, console = outlook.study, Console()
    console.print(Text(plain(f"{study.name}: {study.question}" if study.question else study.name)))
    tasks: dict[tuple[str, ...], list[Part]] = defaultdict(list)
    backbones: dict[tuple[str, ...], list[Part]] = defaultdict(list)
    for part in outlook.parts:
        tasks[part.profile, registry.label(part.task, part.recipe)].append(part)
        backbones[part.backbone,].append(part)
    by_task = {words: outlook.total(parts) for words, parts in tasks.items()}
    if len(by_task) > 1:
        by_task["all", ""] = outlook.total()
    console.print(_table(("profile", "task"), by_task))
    if len(backbones) > 1:
        by_backbone = {words: outlook.total(parts) for words, parts in backbones.items()}
        console.print(_table(("backbone",), by_backbone))
    if study.published_only:
        console.print(Text(plain(f"published only, no weights: {', '.join(study.published_only)}")))
    if outlook.pretrainings:
        console.print(Text(plain(f"pretrained first: {', '.join(outlook.pretrainings)}")))
    told = ", ".join(f"{times:,} by {source}" for source, times in outlook.sources.most_common())
    if told:
        console.print(f"time of what is left, one run after the other: {told}")
    if outlook.disk_mb is not None:
        console.print(f"about {outlook.disk_mb / 1000:,.1f} GB for what is left, as runs here took")
    for problem in outlook.problems:
        say(problem)


def _table(names: Sequence[str], rows: Mapping[tuple[str, ...], Total]) -> Table:
    """Return a table with a row for each group of runs, by its names."""
    table = Table(*(Column(name, overflow="fold") for name in names))
    for name in ("runs", "done", "left", "on CPUs", "on GPUs"):
        table.add_column(name, justify="right")
    for words, total in rows.items():
        table.add_row(
            *(Text(plain(word)) for word in words),
            *(f"{n:,}" if n else "" for n in (total.cells, total.done, total.cells - total.done)),
            *_hours(total.left),
        )
    return table


def _hours(amount: Amount) -> tuple[str, str]:
    """Return the time of CPUs and of GPUs; a question mark where some runs are unknown."""
    cpus, gpus = _time(amount.seconds), _time(amount.gpu_seconds)
    return f"{cpus} + ?" if amount.unknown else cpus, gpus


def _time(seconds: float) -> str:
    if seconds >= 3600:
        return f"{seconds / 3600:,.1f} h"
    return f"{max(1, seconds / 60):.0f} min" if seconds else ""


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
    """Print a line on stderr, above a bar of progress if there is one."""
    tqdm.write(message, file=sys.stderr)
    sys.stderr.flush()
