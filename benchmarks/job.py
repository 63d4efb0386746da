"""The main job: prepare the data, compose every run, carry out those without a record, report."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from mmengine.config import Config
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from benchmarks import data, devices, pretraining, profiles
from benchmarks.compose import bind, compose, inner_dataset, settle
from benchmarks.execute import Run
from benchmarks.grid import TASK_CONFIGS, Cell
from benchmarks.identity import Identity, config_checksum, subset_checksum
from benchmarks.index import RUNS, scan
from benchmarks.pool import Ending, carry_out
from lvmmed_backbones.catalogue.architectures import on_meta
from lvmmed_backbones.records import FILE
from lvmmed_backbones.revision import git_revision
from lvmmed_backbones.weights.checksums import file_sha256
from lvmmed_backbones.weights.loading import find
from tasks import datasets, phantoms


def main(cells: Sequence[Cell], options: argparse.Namespace, chosen: bool) -> int:
    """Plan, show, run and report; the exit code.

    Args:
        cells: the grid.
        options: the command line: verb, data, results, work, jobs, keep_checkpoints.
        chosen: whether the user named the tasks, so that missing data is an error and not a reason to leave out.
    """
    threads = profiles.get(cells[0].profile).threads
    gpus = devices.slots(options.jobs, devices.visible_here(), os.cpu_count() or 1, threads)
    cells = with_data(cells, options.data, chosen)
    backbones = dict.fromkeys(cell.backbone for cell in cells)
    pretraining.shelve(options.work)
    later = pretraining.to_make(cells[0].profile, backbones, options.work)
    now = [cell for cell in cells if cell.backbone not in later]
    # Wrong words end here, before anything long.
    composed = {cell: compose(cell) for cell in tqdm(now, "composing", unit="run", leave=False)}
    open_weights(composed.values())
    if options.verb == "run":
        (options.results / RUNS).mkdir(parents=True, exist_ok=True)
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
    runs = once(
        [assemble(cell, composed[cell], folder, metas, revision, options) for cell in cells]
    )
    done = done_among(runs, options.results)
    show(runs, done, len(gpus))
    todo = [run for run in runs if run.folder not in done]
    if options.verb == "plan" or not todo:
        return 0
    endings = run_all(todo, gpus)
    failed = [ending for ending in endings if ending.failure]
    elsewhere = sum(ending.elsewhere and not ending.failure for ending in endings)
    others = f", {elsewhere} of them by another driver" if elsewhere else ""
    say(
        f"{len(todo) - len(failed)} runs done{others}, {len(done)} were done before, {len(failed)} failed"
    )
    for ending in failed:
        say(f"FAILED {ending.run.folder}: {ending.failure}")
    return 1 if failed else 0


def once(runs: Sequence[Run]) -> list[Run]:
    """Runs without those that another one is already: label fractions that take the same images."""
    found: dict[Path, Run] = {}
    for run in runs:
        same = found.setdefault(run.folder, run)
        if same is not run:
            say(f"{run.cell} takes the same training images as {same.cell}: one run")
    return list(found.values())


def done_among(runs: Sequence[Run], results: Path) -> set[Path]:
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
    return done


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


def with_data(cells: Sequence[Cell], downloads: Path | None, chosen: bool) -> list[Cell]:
    """The cells whose data set is there, or has a phantom where none is asked for.

    Raises:
        FileNotFoundError: if nothing is, or if something is missing that the user named.
    """
    if downloads is None:
        there, remedy = (
            phantoms.names(),
            "A phantom is missing: name a folder of downloads by --data",
        )
    else:
        there, remedy = (
            datasets.available(downloads),
            "Download it into the folder in brackets; `python -m tasks list` tells where from",
        )
    missing = {
        cell.task: dataset_of(cell.task) for cell in cells if dataset_of(cell.task) not in there
    }
    text = ", ".join(
        f"{task} ({downloads / datasets.get(name).folder if downloads else name})"
        for task, name in missing.items()
    )
    left = [cell for cell in cells if cell.task not in missing]
    if missing and (chosen or not left):
        raise FileNotFoundError(f"no data for {text}. {remedy}.")
    if missing:
        say(f"left out, without data: {text}")
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
    bound = bind(config, prepared, cell)
    identity = Identity(
        task=cell.task,
        task_version=config.task.version,
        backbone=cell.backbone,
        weights_sha256=file_sha256(Path(weights["file"])) if weights else None,
        profile=cell.profile,
        protocol=config.task.protocol,
        label_fraction=subset_checksum(
            inner_dataset(bound.train_dataloader.dataset).get("indices")
        ),
        split=cell.split,
        seed=cell.seed,
        data_fingerprint=meta["fingerprint"],
        config_sha256=config_checksum(config),
        threads=profiles.get(cell.profile).threads,
    )
    run_dir = options.results / RUNS / identity.run_id
    settle(bound, run_dir)
    return Run(
        identity=identity,
        folder=run_dir,
        config=bound,
        cell=cell,
        complete=meta["complete"],
        phantom=meta["phantom"],
        git_revision=revision,
        keep=options.keep_checkpoints,
    )


def show(runs: Sequence[Run], done: set[Path], jobs: int) -> None:
    """Print the grid: a row per task, a column per backbone, runs done of runs planned, and the estimate."""
    backbones = list(dict.fromkeys(run.cell.backbone for run in runs))
    table = Table("task", *backbones, title=f"{len(runs)} runs, profile {runs[0].cell.profile}")
    for task in dict.fromkeys(run.cell.task for run in runs):
        row = [
            [
                run.folder in done
                for run in runs
                if (run.cell.task, run.cell.backbone) == (task, backbone)
            ]
            for backbone in backbones
        ]
        table.add_row(task, *(f"{sum(some)} of {len(some)} done" for some in row))
    Console(stderr=True).print(table)
    minutes = estimate((run.cell for run in runs if run.folder not in done), jobs) / 60
    if minutes:
        say(f"about {minutes:.0f} minutes on 2 cores like ours (a processor of 2023)")


def estimate(cells: Iterable[Cell], jobs: int) -> float:
    """Seconds that the cells will take together; 0 where the profile has no experience of it."""
    seconds = 0.0
    for cell in cells:
        budget = profiles.get(cell.profile).budget(task_facts(cell.task))
        if budget:
            seconds += budget.seconds
    return seconds / jobs


def run_all(runs: Sequence[Run], gpus: Sequence[str | None]) -> list[Ending]:
    """Carry out the runs with a progress bar; how each ended."""
    endings = []
    with tqdm(total=len(runs), desc="runs", unit="run") as bar:
        for ending in carry_out(runs, gpus):
            bar.update()
            endings.append(ending)
            if ending.failure:
                bar.write(f"failed: {ending.run.folder}: {ending.failure}", file=sys.stderr)
    return endings


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
