"""Pretrain variants with their seeds, export and probe them; what has a result is not done again."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from tqdm import tqdm

from benchmarks.studies.evidence.probe import SIZE, probe
from benchmarks.studies.evidence.variants import VARIANTS
from lvmmed_backbones import catalogue
from lvmmed_backbones import pretrain as pretraining
from lvmmed_backbones.catalogue.exported import read_entry, read_facts
from lvmmed_backbones.files.outside import Refused, read_json
from lvmmed_backbones.files.writing import write_json
from lvmmed_backbones.models import from_config
from lvmmed_backbones.openmmlab.finite import unwrapped
from reports.reading.curves import read_curves

LOG = "log.txt"
RESULT = "result.json"
AGAIN = "Remove it, and let `python -m benchmarks.studies.evidence pretrain` go on"
AVERAGED = 50  # steps at either end of a curve
CURVES = (
    "loss",
    "accuracy",
    "accuracy_without_noise",
    "second_order_share",
    "effective_rank",
    "spread",
)


@dataclass(frozen=True)
class _Job:
    """A variant with a seed, and where its images lie.

    Attributes
    ----------
    variant : str
        A key of VARIANTS.
    seed : int
        Seed of weights, order and views.
    epochs : int
        Epochs over the corpus.
    corpus : Path
        Images to learn from.
    prepared : Path
        brain_tumor, prepared.
    copies : Path or None
        Report of the images of brain_tumor that training with labels leaves out.
    folder : Path
        Folder of its checkpoints, curves and result.
    threads : int
        CPU threads that it may use.
    """

    variant: str
    seed: int
    epochs: int
    corpus: Path
    prepared: Path
    copies: Path | None
    folder: Path
    threads: int


def pretrain(
    *,
    corpus: Path,
    prepared: Path,
    work: Path,
    copies: Path | None = None,
    variants: Sequence[str] = tuple(VARIANTS),
    seeds: Sequence[int] = (0,),
    epochs: int = 1,
    jobs: int | None = None,
) -> list[Path]:
    """Pretrain, export and probe what has no result yet: `python -m benchmarks.studies.evidence pretrain`.

    Parameters
    ----------
    corpus : Path
        An audited corpus.
    prepared : Path
        brain_tumor, prepared.
    work : Path
        Folder of checkpoints, curves and results.
    copies : Path, optional
        Report of the audit. Training with labels leaves out the images of the training folder that the test split has
        too; None: no image is left out.
    variants : sequence of str, default all
        Keys of `VARIANTS`.
    seeds : sequence of int, default (0,)
        Seeds of weights, order and views.
    epochs : int, default 1
        Epochs over the corpus.
    jobs : int, optional
        Variants at a time, which share the cores; None: one per core.

    Returns
    -------
    list of Path
        The folder of each variant and seed.

    Raises
    ------
    RuntimeError
        At the first variant that fails; the message names its log.
    """
    cores = os.cpu_count() or 1
    at_once = jobs or cores
    planned = [
        _Job(
            variant=name,
            seed=seed,
            epochs=epochs,
            corpus=corpus,
            prepared=prepared,
            copies=copies,
            folder=work / f"{slug(name)}-{epochs}-{seed}",
            threads=max(1, cores // at_once),
        )
        for seed in seeds
        for name in variants
    ]
    _carry_out_all(planned, at_once)
    return [job.folder for job in planned]


def slug(name: str) -> str:
    """Return the name of a variant's folder."""
    return name.replace(", ", "_").replace(" ", "_").replace("'", "")


def _carry_out_all(jobs: Sequence[_Job], at_once: int) -> None:
    """Carry out the jobs that have no result yet, each in a process of its own.

    Raises
    ------
    RuntimeError
        At the first that fails; the message names its log.
    """
    missing = [job for job in jobs if not (job.folder / RESULT).is_file()]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with (
        ProcessPoolExecutor(at_once, mp_context=context, max_tasks_per_child=1) as pool,
        tqdm(total=len(jobs), initial=len(jobs) - len(missing), desc="variants", unit="run") as bar,
    ):
        running = {pool.submit(_carry_out, job): job for job in missing}
        for future in as_completed(running):
            if error := future.exception():
                pool.shutdown(cancel_futures=True)
                log = running[future].folder / LOG
                raise RuntimeError(
                    f"{running[future].variant} failed, see {log}: {error}"
                ) from error
            bar.update()


def _carry_out(job: _Job) -> None:
    """Carry out a job and write its result; what it prints goes to a log in its folder."""
    job.folder.mkdir(parents=True, exist_ok=True)
    with (job.folder / LOG).open("a") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    torch.set_num_threads(job.threads)
    variant = VARIANTS[job.variant]
    row: dict = dict(variant=job.variant, seed=job.seed, steps=None, rate=None)
    if variant.config is None:
        torch.manual_seed(job.seed)
        entry = catalogue.get("random_resnet18_half")
    else:
        arguments: dict[str, Any] = dict(
            config=variant.config,
            corpus=job.corpus,
            work_dir=job.folder,
            epochs=job.epochs,
            overrides={"randomness.seed": job.seed, **variant.changes},
        )
        run = pretraining.run(**arguments, resume=True)
        weights = pretraining.export(run, "backbone", job.folder)
        rate = pretraining.compose(**arguments).optim_wrapper.optimizer.lr
        row |= dict(steps=read_facts(weights).steps, rate=rate, **ends(job.folder))
        entry = read_entry(weights)
    model = from_config(entry.model("vector", SIZE))
    model.init_weights()
    row |= probe(model, job.prepared, job.copies)
    write_json(job.folder / RESULT, row)


def ends(folder: Path) -> dict[str, float]:
    """Return the means over the first and the last steps of each curve, and the median times of a step in seconds."""
    curves = read_curves(folder)
    steps = curves["loss"].last_valid_index()
    row: dict[str, float] = {}
    for key in CURVES:
        if key in curves:
            row[f"first {key}"] = float(curves.loc[:AVERAGED, key].mean())
            row[f"last {key}"] = float(curves.loc[steps - AVERAGED + 1 :, key].mean())
    for key in ("time", "data_time", "solver_time"):
        if key in curves:
            row[key] = float(curves[key].median())
    return row


def read_result(file: Path) -> dict[str, Any]:
    """Return a row of the study: `variant`, `seed`, and numbers or None.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If it holds no such row.
    """
    row = read_json(file, AGAIN, within=file.parent)
    if not isinstance(row, dict) or row.get("variant") not in list(VARIANTS):
        raise Refused(file, "is of no variant of the study", AGAIN)
    for key, value in row.items():
        if key != "variant" and type(value) not in (int, float, type(None)):
            raise Refused(file, f"has {key} {value!r}, not a number", AGAIN)
    if type(row.get("seed")) is not int or "steps" not in row or "rate" not in row:
        raise Refused(file, "lacks its seed, steps or rate", AGAIN)
    return row


@HOOKS.register_module()
class SecondOrderHook(Hook):
    """Lets edge affinities count in a part of the run only.

    Parameters
    ----------
    begin, end : float
        The part, as shares of the run's steps in [0, 1].
    """

    def __init__(self, begin: float, end: float) -> None:
        self.begin = begin
        self.end = end

    def before_train(self, runner: Runner) -> None:
        """Remember the config's weight of the edge affinities."""
        self.weight = unwrapped(runner).head.edge_weight

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch=None) -> None:
        """Set that weight, or 0 outside of the part."""
        on = self.begin <= runner.iter / runner.max_iters < self.end
        unwrapped(runner).head.edge_weight = self.weight if on else 0
