"""A grid from its words to its endings: looked up, configured, its data prepared, planned, carried out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from tqdm import tqdm

from benchmarks import data, pretraining, profiles
from benchmarks.config import configure
from benchmarks.grid import RunSpec
from benchmarks.resolve import Resolved, open_weights, resolve
from benchmarks.results import RUNS, scan
from benchmarks.runs import Run, prepare_run
from benchmarks.scheduler import devices
from benchmarks.scheduler.local import Ending, carry_out
from benchmarks.tables import say, show_plan
from lvmmed_backbones.catalogue import add_catalogue_folder
from lvmmed_backbones.records import FILE
from lvmmed_backbones.revision import git_revision


@dataclass(frozen=True)
class Plan:
    """The runs of a grid.

    Attributes
    ----------
    runs : sequence of Run
        Each once, though two label fractions may take the same images.
    done : frozenset of Path
        The folders of those that have a record.
    gpus : sequence of str or None
        As of `benchmarks.scheduler.devices.slots`: as many runs go on at once.
    later : sequence of str
        The backbones that `run` pretrains first; `runs` has none of theirs.
    """

    runs: Sequence[Run]
    done: frozenset[Path]
    gpus: Sequence[str | None]
    later: Sequence[str] = ()

    @property
    def left(self) -> list[Run]:
        """The runs without a record."""
        return [run for run in self.runs if run.folder not in self.done]

    @property
    def seconds(self) -> float:
        """What is left takes about so long."""
        return estimate(self.left, len(self.gpus))


def make_plan(
    specs: Sequence[RunSpec],
    *,
    downloads: Path | None,
    results: Path,
    work: Path,
    jobs: int | None,
    keep_checkpoints: bool,
    chosen: bool,
    pretrain: bool,
) -> Plan:
    """Look up, configure and identify every run of a grid, and see which are done.

    Parameters
    ----------
    specs : sequence of RunSpec
        The grid, all of one profile.
    downloads, results, work, jobs, keep_checkpoints : Path or None
        As of `benchmarks.run`.
    chosen : bool
        Whether the user named the tasks, so that missing data is an error and not a reason to leave out.
    pretrain : bool
        Make the backbones that the profile pretrains, where they are missing; else leave out their runs.

    Raises
    ------
    ValueError, FileNotFoundError, RuntimeError
        As `benchmarks.run`.
    """
    profile = specs[0].profile
    threads = profiles.get(profile).threads
    gpus = devices.slots(jobs, devices.visible_here(), os.cpu_count() or 1, threads)
    specs = data.with_data(specs, downloads, chosen)
    add_catalogue_folder(work / pretraining.FOLDER)
    later = pretraining.to_make(profile, (spec.backbone for spec in specs), work)
    now = [spec for spec in specs if spec.backbone not in later]
    # Wrong words end here, before anything long.
    configured = {
        spec: _configured(spec) for spec in tqdm(now, "configuring", unit="run", leave=False)
    }
    open_weights(config for _, config in configured.values())
    if pretrain:
        (results / RUNS).mkdir(parents=True, exist_ok=True)
        pretraining.provide(profile, later, work)
        configured |= {spec: _configured(spec) for spec in specs if spec not in configured}
        later = []
    if not configured:
        return Plan([], frozenset(), gpus, later)
    names = dict.fromkeys(config.task.dataset for _, config in configured.values())
    say(f"preparing {len(names)} data sets: {', '.join(names)}")
    prepared = data.prepare(names, downloads, work)
    revision = git_revision()
    runs = once(
        prepare_run(
            resolved, config, prepared[config.task.dataset], results, revision, keep_checkpoints
        )
        for resolved, config in (configured[spec] for spec in specs if spec in configured)
    )
    return Plan(runs, done_among(runs, results), gpus, later)


def carry_out_plan(plan: Plan) -> list[Ending]:
    """Carry out what is left of a plan, with a table before it and a progress bar; how each of its runs ended."""
    show_plan(plan)
    endings = [Ending(run, before=True) for run in plan.runs if run.folder in plan.done]
    left = plan.left
    if not left:
        return endings
    with tqdm(total=len(left), desc="runs", unit="run") as bar:
        for ending in carry_out(left, plan.gpus):
            bar.update()
            endings.append(ending)
            if ending.failure:
                bar.write(f"failed: {ending.run.folder}: {ending.failure}", file=sys.stderr)
    return endings


def _configured(spec: RunSpec) -> tuple[Resolved, Config]:
    resolved = resolve(spec)
    return resolved, configure(resolved)


def once(runs: Iterable[Run]) -> list[Run]:
    """Runs without those that another one is already: label fractions that take the same images."""
    first: dict[Path, Run] = {}
    for run in runs:
        same = first.setdefault(run.folder, run)
        if same is not run:
            say(f"{run.spec} takes the same training images as {same.spec}: one run")
    return list(first.values())


def done_among(runs: Sequence[Run], results: Path) -> frozenset[Path]:
    """The folders of the runs that are done; a record that does not count is named."""
    rows = scan(results)
    done = set()
    for run in runs:
        row = rows.get(run.folder.name)
        if row and row.problem:
            say(
                f"{run.folder / FILE}: {row.problem} Until then it does not count, and the run is done anew."
            )
        elif row:
            done.add(run.folder)
    return frozenset(done)


def estimate(runs: Iterable[Run], jobs: int) -> float:
    """Seconds that the runs will take together; 0 where the profile has no experience of it."""
    seconds = 0.0
    for run in runs:
        budget = profiles.get(run.spec.profile).budget(run.config.task)
        if budget:
            seconds += budget.seconds
    return seconds / jobs
