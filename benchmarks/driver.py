"""A study from its runs to their endings: compose them, pretrain what they need, carry them out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from benchmarks import preparation, profiles
from benchmarks.composing import Places, compose, configure_all
from benchmarks.results import scan
from benchmarks.runs import Run
from benchmarks.scheduler import devices, local, ray, slurm
from benchmarks.scheduler.lease import clear
from benchmarks.scheduler.local import Ending
from benchmarks.study import Study
from benchmarks.terminal import say, show_check
from lvmmed_backbones.records import FILE, RUNS

__all__ = ["Places", "Plan", "Where", "carry_out_plan", "make_plan"]


@dataclass(frozen=True)
class Where:
    """Where the runs of a plan are carried out: on this machine, unless Slurm or Ray is named.

    Attributes
    ----------
    jobs : int or None
        Runs at a time.
    slurm : sequence of str or None
        Options of sbatch.
    ray : str or None
        Address of a cluster.
    """

    jobs: int | None = None
    slurm: Sequence[str] | None = None
    ray: str | None = None


@dataclass(frozen=True)
class Plan:
    """The runs of a study, composed.

    Attributes
    ----------
    runs : sequence of Run
        Each once, though two label fractions may take the same images.
    done : frozenset of Path
        The folders of the runs that have a record.
    gpus : sequence of str or None
        For each run that goes on at the same time on this machine the GPU that it gets, as `scheduler.devices.slots`
        returns them.
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


def make_plan(study: Study, places: Places, where: Where, *, chosen: bool, pretrain: bool) -> Plan:
    """Look up, configure and identify every run of a study, and see which are done.

    Parameters
    ----------
    study : Study
        The study.
    places, where : Places, Where
        Folders, and where its runs are carried out.
    chosen : bool
        Whether the user named the tasks. Missing data is an error then; else the tasks without data are left out.
    pretrain : bool
        Make the missing backbones that the study pretrains; else leave out their runs.

    Raises
    ------
    ValueError, FileNotFoundError, RuntimeError
        As `benchmarks.run`.
    """
    if where.slurm is not None:
        slurm.check(where.slurm)
    if where.ray is not None:
        ray.check(where.ray)
    threads = max(profiles.get(grid.profile).threads for grid in study.grids)
    gpus = devices.slots(where.jobs, devices.visible_here(), os.cpu_count() or 1, threads)
    specs = preparation.with_data(study.cells(), places.downloads, chosen)
    preparation.add_backbones(places.work)
    wanted = preparation.Wanted.of(study, specs, places.downloads, places.work)
    later = list(dict.fromkeys(name for name, _ in wanted.missing()))
    configured = dict(configure_all(spec for spec in specs if spec.backbone not in later))
    if pretrain:
        (places.results / RUNS).mkdir(parents=True, exist_ok=True)
        preparation.pretrain_backbones(wanted, gpus)
        preparation.copy_audits(places.work, places.results)
        more = configure_all(spec for spec in specs if spec not in configured)
        configured = {spec: (configured | dict(more))[spec] for spec in specs}
        later = []
    if not configured:
        return Plan([], frozenset(), gpus, later)
    names = dict.fromkeys(config.task.dataset for _, config in configured.values())
    say(f"preparing {len(names)} data sets: {', '.join(names)}")
    runs = compose(configured, places)
    return Plan(*_with_done(runs, places.results), gpus, later)


def carry_out_plan(plan: Plan, places: Places, where: Where) -> list[Ending]:
    """Carry out what is left of a plan, with a table before it and a progress bar; return how each run ended."""
    show_check(plan)
    endings = [Ending(run, before=True) for run in plan.runs if run.folder in plan.done]
    for ending in endings:
        clear(ending.run.lease)
    left = plan.left
    if not left:
        return endings
    with tqdm(total=len(left), desc="runs", unit="run") as bar:
        for ending in _carry_out(left, plan.gpus, places, where):
            bar.update()
            endings.append(ending)
            if ending.failure:
                bar.write(f"failed: {ending.run.folder}: {ending.failure}", file=sys.stderr)
    return endings


def _carry_out(
    runs: Sequence[Run], gpus: Sequence[str | None], places: Places, where: Where
) -> Iterator[Ending]:
    """Yield each run as it ends, wherever it is carried out."""
    if where.slurm is not None:
        return slurm.carry_out(runs, places, where.slurm, where.jobs)
    if where.ray is not None:
        return ray.carry_out(runs, places, where.ray, where.jobs)
    return local.carry_out(runs, gpus)


def _with_done(runs: Sequence[Run], results: Path) -> tuple[list[Run], frozenset[Path]]:
    """Return the runs, and the folders of those that are done; name each record that does not count.

    A run that found no memory once, and was then done with half the batch, is replaced by that one.
    """
    rows = scan(results)
    chosen, done = [], set()
    for run in runs:
        row = rows.get(run.folder.name)
        if row is None and run.found_no_memory and (half := run.with_half_the_batch()):
            run, row = (half, rows[half.folder.name]) if half.folder.name in rows else (run, None)
        chosen.append(run)
        if row and row.problem:
            say(
                f"{run.folder / FILE}: {row.problem} Until then it does not count, and the run is done anew."
            )
        elif row:
            done.add(run.folder)
    return chosen, frozenset(done)
