"""The main job: prepare the data, compose every run, carry out those without a record, report."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path

from mmengine.config import Config
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from benchmarks import data, pretraining, profiles
from benchmarks.compose import bind, budget_key, compose
from benchmarks.execute import CONFIG, ERROR, Run
from benchmarks.grid import TASK_CONFIGS, Cell, run_id
from benchmarks.pool import carry_out
from benchmarks.record import is_done
from lvmmed_backbones.catalogue.architectures import on_meta
from lvmmed_backbones.display import plain
from lvmmed_backbones.outside import Refused, read_text, regular
from lvmmed_backbones.revision import git_revision
from lvmmed_backbones.weights.checksums import file_sha256
from lvmmed_backbones.weights.loading import find
from tasks import datasets


def main(cells: Sequence[Cell], options: argparse.Namespace, chosen: bool) -> int:
    """Plan, show, run and report; the exit code.

    Args:
        cells: the grid.
        options: the command line: verb, data, results, work, jobs.
        chosen: whether the user named the tasks, so that missing data is an error and not a reason to leave out.
    """
    cells = with_data(cells, options.data, chosen)
    backbones = dict.fromkeys(cell.backbone for cell in cells)
    pretraining.shelve(options.work)
    later = pretraining.to_make(cells[0].profile, backbones, options.work)
    now = [cell for cell in cells if cell.backbone not in later]
    # Wrong words end here, before anything long.
    composed = {cell: compose(cell) for cell in tqdm(now, "composing", unit="run", leave=False)}
    open_weights(composed.values())
    if options.verb == "run":
        pretraining.provide(cells[0].profile, later, options.work)
        composed |= {cell: compose(cell) for cell in cells if cell not in composed}
    elif later:
        say(f"not in the plan below, since `run` pretrains them first: {', '.join(later)}")
        cells = now
        if not cells:
            return 0
    names = dict.fromkeys(dataset_of(cell.task) for cell in cells)
    say(f"preparing {len(names)} data sets: {', '.join(names)}")
    folder, metas = data.prepare(names, options.data, options.work)
    revision = git_revision()
    runs = [assemble(cell, composed[cell], folder, metas, revision, options) for cell in cells]
    todo = [run for run in runs if not is_done(run.folder)]
    show(cells, runs, options.jobs)
    if options.verb == "plan" or not todo:
        return 0
    for run in todo:
        make_own(run.folder)
        run.config.dump(run.folder / CONFIG)
    failed = run_all(todo, options.jobs)
    say(
        f"{len(todo) - len(failed)} runs done, {len(runs) - len(todo)} were done before, {len(failed)} failed"
    )
    for run, reason in failed:
        say(f"FAILED {run.folder}: {reason}")
    return 1 if failed else 0


def open_weights(configs: Iterable[Config]) -> None:
    """See that each file of weights fills its backbone, before anything long.

    Raises:
        FileNotFoundError, ValueError: naming the file, as `lvmmed_backbones.weights.loading.load_strictly`.
    """
    backbones = {
        (backbone.weights.file, backbone.output): backbone
        for backbone in (config.model.backbone for config in configs)
        if backbone.get("weights")
    }
    for backbone in tqdm(backbones.values(), "opening weights", unit="file", leave=False):
        file, layout = Path(backbone.weights.file), backbone.weights.layout
        config = {key: value for key, value in backbone.items() if key != "weights"}
        find(on_meta(config, file), file, [layout])


def make_own(folder: Path) -> None:
    """Make a run's folder, in which nothing leads elsewhere.

    Raises:
        Refused: if it, or a file in it, is a link, a FIFO or a device, as a folder of results from elsewhere may have.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in (folder, *folder.iterdir()):
        if path.is_symlink():
            raise Refused(path, "is a link", "Remove it: a run writes to its own folder")
        if not path.is_dir():
            regular(path)


def with_data(cells: Sequence[Cell], downloads: Path | None, chosen: bool) -> list[Cell]:
    """The cells whose data set is there.

    Raises:
        FileNotFoundError: if nothing is, or if something is missing that the user named.
    """
    if downloads is None:
        return list(cells)
    there = datasets.available(downloads)
    missing = {
        cell.task: datasets.get(dataset_of(cell.task)).folder
        for cell in cells
        if dataset_of(cell.task) not in there
    }
    text = ", ".join(f"{task} ({downloads / folder})" for task, folder in missing.items())
    left = [cell for cell in cells if cell.task not in missing]
    if missing and (chosen or not left):
        raise FileNotFoundError(
            f"no data for {text}. Download it into the folder in brackets; "
            "`python -m tasks list` tells where from."
        )
    if missing:
        say(f"left out, for want of data: {text}")
    return left


def dataset_of(task: str) -> str:
    """The data set of a task."""
    return task_facts(task).dataset


@cache
def task_facts(task: str) -> Config:
    """What a task config says of itself: name, dataset, kind, protocol, headline."""
    return Config.fromfile(TASK_CONFIGS / f"{task}.py", import_custom_modules=False).task


def assemble(
    cell: Cell,
    config: Config,
    prepared: Path,
    metas: dict[str, dict],
    revision: str | None,
    options: argparse.Namespace,
) -> Run:
    """Name a composed cell, and bind it to its folder; nothing is written."""
    meta = metas[config.task.dataset]
    weights = config.model.backbone.get("weights")
    sha256 = file_sha256(Path(weights["file"])) if weights else None
    portable = deepcopy(config)
    if weights:
        portable.model.backbone.weights.pop("file")
    identity = run_id(
        portable.to_dict() | {"label_fraction": cell.label_fraction}, meta["fingerprint"], sha256
    )
    run_dir = options.results / "runs" / identity
    return Run(
        run_id=identity,
        folder=run_dir,
        config=bind(config, prepared, run_dir, cell),
        cell=cell,
        fingerprint=meta["fingerprint"],
        complete=meta["complete"],
        phantom=meta["phantom"],
        weights_sha256=sha256,
        git_revision=revision,
        threads=max(1, (os.cpu_count() or 1) // options.jobs),
    )


def show(cells: Sequence[Cell], runs: Sequence[Run], jobs: int) -> None:
    """Print the grid: a row per task, a column per backbone, runs done of runs planned, and the estimate."""
    backbones = list(dict.fromkeys(cell.backbone for cell in cells))
    table = Table("task", *backbones, title=f"{len(runs)} runs, profile {cells[0].profile}")
    state = [(cell, is_done(run.folder)) for cell, run in zip(cells, runs, strict=True)]
    for task in dict.fromkeys(cell.task for cell in cells):
        row = [
            [done for cell, done in state if (cell.task, cell.backbone) == (task, b)]
            for b in backbones
        ]
        table.add_row(task, *(f"{sum(done)} of {len(done)} done" for done in row))
    Console(stderr=True).print(table)
    minutes = estimate((cell for cell, done in state if not done), jobs) / 60
    if minutes:
        say(f"about {minutes:.0f} minutes on 2 cores like ours (a processor of 2023)")


def estimate(cells: Iterable[Cell], jobs: int) -> float:
    """Seconds that the cells will take together; 0 where the profile has no experience of it."""
    seconds = 0.0
    for cell in cells:
        budgets = profiles.get(cell.profile).budgets
        if budgets:
            seconds += budgets[budget_key(task_facts(cell.task))].seconds
    return seconds / jobs


def run_all(runs: Sequence[Run], jobs: int) -> list[tuple[Run, str]]:
    """Carry out the runs with a progress bar; those that failed, each with its reason."""
    failed = []
    with tqdm(total=len(runs), desc="runs", unit="run") as bar:
        for run, code in carry_out(runs, jobs):
            bar.update()
            if code == 0 and is_done(run.folder):
                continue
            failed.append((run, reason(run, code)))
            bar.write(f"failed: {run.folder}: {failed[-1][1]}", file=sys.stderr)
    return failed


def reason(run: Run, code: int) -> str:
    """Why a run failed, in a line."""
    try:
        said = read_text(run.folder / ERROR, within=run.folder).strip().splitlines()
    except (FileNotFoundError, Refused):
        said = []
    if said:
        return f"{plain(said[-1])} (all of it in {ERROR})"
    return f"its process ended with code {code}" + (
        " (killed; out of memory?)" if code == -9 else ""
    )


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
