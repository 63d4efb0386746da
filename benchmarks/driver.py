"""A grid from its runs to their endings: look them up, configure them, prepare their data, carry them out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from tqdm import tqdm

from benchmarks import preparation, profiles
from benchmarks.config import configure
from benchmarks.grid import RunSpec
from benchmarks.resolve import Resolved, build_released, open_weights, resolve
from benchmarks.results import RUNS, scan
from benchmarks.runs import Run, prepare_run
from benchmarks.scheduler import devices
from benchmarks.scheduler.lease import clear
from benchmarks.scheduler.local import Ending, carry_out
from benchmarks.terminal import say, show_plan
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
        The folders of the runs that have a record.
    gpus : sequence of str or None
        For each run that goes on at the same time the GPU that it gets, as `scheduler.devices.slots` returns them.
    later : sequence of str
        The backbones that `run` pretrains first; `runs` has none of their runs.
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
        """How long the runs that are left will take; runs of a profile without an estimate count as 0."""
        budgets = (profiles.get(run.spec.profile).budget(run.config.task) for run in self.left)
        return sum(budget.seconds for budget in budgets if budget) / len(self.gpus)


def make_plan(
    specs: Sequence[RunSpec],
    downloads: Path | None,
    results: Path,
    work: Path,
    jobs: int | None,
    keep_checkpoints: bool,
    *,
    chosen: bool,
    pretrain: bool,
) -> Plan:
    """Look up, configure and identify every run of a grid, and see which are done.

    Parameters
    ----------
    specs : sequence of RunSpec
        The grid, all of one profile.
    downloads : Path or None
        Folder of downloads; None: phantoms.
    results, work, jobs, keep_checkpoints
        As of `benchmarks.run`.
    chosen : bool
        Whether the user named the tasks. Missing data is an error then; else the tasks without data are left out.
    pretrain : bool
        Make the missing backbones that the profile pretrains; else leave out their runs.

    Raises
    ------
    ValueError, FileNotFoundError, RuntimeError
        As `benchmarks.run`.
    """
    profile = specs[0].profile
    threads = profiles.get(profile).threads
    gpus = devices.slots(jobs, devices.visible_here(), os.cpu_count() or 1, threads)
    specs = preparation.with_data(specs, downloads, chosen)
    add_catalogue_folder(preparation.backbones_folder(work))
    later = preparation.missing_backbones(profile, (spec.backbone for spec in specs), work)
    now = [spec for spec in specs if spec.backbone not in later]
    # Wrong words end here, before anything long.
    configured = {
        spec: _configured(spec) for spec in tqdm(now, "configuring", unit="run", leave=False)
    }
    build_released(config for _, config in configured.values())
    open_weights(config for _, config in configured.values())
    if pretrain:
        (results / RUNS).mkdir(parents=True, exist_ok=True)
        preparation.pretrain_backbones(profile, later, work, gpus)
        preparation.copy_audits(work, results)
        configured |= {spec: _configured(spec) for spec in specs if spec not in configured}
        later = []
    if not configured:
        return Plan([], frozenset(), gpus, later)
    names = dict.fromkeys(config.task.dataset for _, config in configured.values())
    say(f"preparing {len(names)} data sets: {', '.join(names)}")
    prepared = preparation.prepare(names, downloads, work)
    revision = git_revision()
    runs = without_repeats(
        prepare_run(
            resolved, config, prepared[config.task.dataset], results, revision, keep_checkpoints
        )
        for resolved, config in (configured[spec] for spec in specs if spec in configured)
    )
    return Plan(runs, _done_among(runs, results), gpus, later)


def carry_out_plan(plan: Plan) -> list[Ending]:
    """Carry out what is left of a plan, with a table before it and a progress bar; return how each run ended."""
    show_plan(plan)
    endings = [Ending(run, before=True) for run in plan.runs if run.folder in plan.done]
    for ending in endings:
        clear(ending.run.lease)
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


def without_repeats(runs: Iterable[Run]) -> list[Run]:
    """Return each run once: two label fractions that take the same images are one run."""
    by_folder: dict[Path, Run] = {}
    for run in runs:
        first = by_folder.setdefault(run.folder, run)
        if first is not run:
            say(f"{run.spec} takes the same training images as {first.spec}: one run")
    return list(by_folder.values())


def _done_among(runs: Sequence[Run], results: Path) -> frozenset[Path]:
    """Return the folders of the runs that are done; name each record that does not count."""
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
