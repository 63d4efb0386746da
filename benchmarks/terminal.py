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
from lvmmed_backbones.records import overrides_text
from tasks import registry

if TYPE_CHECKING:
    from benchmarks.driver import Plan
    from benchmarks.planning import Amount, Outlook, Part, Total
    from benchmarks.results import Status
    from benchmarks.showing import Shown
    from benchmarks.verifying import Verified

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


def show_run(shown: Shown) -> None:
    """Print on stdout what is known of a run."""
    names, record = shown.names, shown.record
    table = Table(show_header=False, title=plain(shown.folder), title_justify="left")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")

    def row(name: str, value: object) -> None:
        table.add_row(name, Text(plain(value)))

    row("state", shown.state)
    row("task", registry.label(names.task, names.recipe))
    row("backbone", names.backbone)
    row("profile", names.profile)
    for note in shown.notes:
        row("note", note)
    if record is not None:
        row("seed, labels", f"{record.seed}, {record.label_fraction:.0%}")
        if record.overrides:
            row("with", overrides_text(record.overrides))
        for metric, value in record.metrics.items():
            mark = " (headline)" if metric == record.metric else ""
            row(metric + mark, "undefined" if value is None else f"{value:.4f}")
        row("cases", len(record.cases))
        for name, value in record.cost.items():
            row(name.replace("_", " "), f"{value:,.1f}")
        row("begun", record.provenance.started)
        row("machine", record.provenance.machine.get("cpu"))
        row("GPU", record.provenance.machine.get("gpu"))
    Console().print(table)
    for line in shown.log:
        print(line)


def show_verified(verified: Verified) -> None:
    """Print on stdout whether a record was reproduced, and within what; the metrics side by side."""
    console = Console()
    console.print(Text(plain(f"{verified.path}: {verified.spec}")))
    if verified.metrics:
        table = Table("metric", "record", "here", "difference in points")
        for name, (theirs, ours) in verified.metrics.items():
            apart = "" if theirs is None or ours is None else f"{100 * (ours - theirs):+.4f}"
            shown = ("undefined" if v is None else f"{v:.6f}" for v in (theirs, ours))
            table.add_row(Text(plain(name)), *shown, apart)
        console.print(table)
    for line in verified.surroundings:
        console.print(Text(plain(f"other surroundings: {line}")))
    for line in verified.apart:
        console.print(Text(plain(f"another experiment: {line}")))
    console.print(Text(plain(_verdict(verified))))


def _verdict(verified: Verified) -> str:
    """Return in a sentence whether a record was reproduced."""
    if verified.failure:
        return f"not verified: the run failed here: {verified.failure}"
    if not verified.was_run:
        return "not verified: another experiment would be compared"
    if verified.is_equal:
        return "reproduced: every metric and every case is the same to the last bit"
    cases = (
        "the cases or their scores are other ones"
        if verified.cases is None
        else f"a case by at most {100 * verified.cases:.4f}"
    )
    if verified.points is None:
        return f"not reproduced: {verified.headline} is undefined in one of them; {cases}"
    word = "reproduced" if verified.is_reproduced else "not reproduced"
    return (
        f"{word}: {verified.headline} differs by {verified.points:+.4f} points "
        f"(at most {verified.within:g} were allowed), {cases}"
    )


def say(message: str) -> None:
    """Print a line on stderr, above a bar of progress if there is one."""
    tqdm.write(message, file=sys.stderr)
    sys.stderr.flush()
