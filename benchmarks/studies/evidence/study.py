"""Pretrain a variant with a seed, export it, probe it; what was done before is not done again."""

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
from mmengine.registry import HOOKS, MODELS
from mmengine.runner import Runner
from tqdm import tqdm

from benchmarks.studies.evidence.probe import SIZE, probe
from benchmarks.studies.evidence.results import RESULT, ends
from benchmarks.studies.evidence.variants import VARIANTS
from lvmmed_backbones import pretrain as pretraining
from lvmmed_backbones.catalogue.exported import read_entry, read_facts
from lvmmed_backbones.files.writing import write_json
from lvmmed_backbones.pretrain.monitors import unwrapped

LOG = "log.txt"


@dataclass(frozen=True)
class Job:
    """A variant, a seed, and where its images lie.

    Attributes
    ----------
    variant : str
        A key of VARIANTS.
    seed : int
        Of weights, order and views.
    epochs : int
        Over the corpus.
    corpus, prepared, copies : Path
        Images to learn from; brain_tumor; what training with labels leaves out of it.
    folder : Path
        Of its checkpoints, curves and result.
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
        Report of the audit: images of the training folder that the test split has too are not learnt from with labels;
        None: all are.
    variants : sequence of str
        Names of `VARIANTS`.
    seeds : sequence of int
        Of weights, order and views.
    epochs : int
        Over the corpus.
    jobs : int, optional
        Variants at a time, sharing the cores; None: one per core.

    Returns
    -------
    list of Path
        The folder of each variant and seed.

    Raises
    ------
    RuntimeError
        At the first that fails, naming its log.
    """
    cores = os.cpu_count() or 1
    at_once = jobs or cores
    planned = [
        Job(
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
    """A variant's name as one of a folder."""
    return name.replace(", ", "_").replace(" ", "_").replace("'", "")


def _carry_out_all(jobs: Sequence[Job], at_once: int) -> None:
    """Carry out those that have no result yet, each in a process of its own.

    Raises
    ------
    RuntimeError
        At the first that fails, naming its log.
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


def _carry_out(job: Job) -> None:
    """Write the result of a job; everything that it prints goes to a log in its folder."""
    job.folder.mkdir(parents=True, exist_ok=True)
    with (job.folder / LOG).open("a") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    torch.set_num_threads(job.threads)
    variant = VARIANTS[job.variant]
    row: dict = dict(variant=job.variant, seed=job.seed, steps=None, rate=None)
    if variant.config is None:
        torch.manual_seed(job.seed)
        backbone = dict(
            type="Backbone",
            model_name="scaled_resnet",
            depth=18,
            stem_channels=32,
            base_channels=32,
            output="vector",
        )
        model = MODELS.build(backbone)
        model.init_weights()
    else:
        weights = _pretrained(job)
        rate = pretraining.compose(**_arguments(job)).optim_wrapper.optimizer.lr
        row |= dict(steps=read_facts(weights).steps, rate=rate)
        row |= ends(job.folder)
        model = MODELS.build(read_entry(weights).model("vector", SIZE))
        model.init_weights()
    row |= probe(model, job.prepared, job.copies)
    write_json(job.folder / RESULT, row)


def _arguments(job: Job) -> dict[str, Any]:
    """What `pretraining.compose` takes for a job, and `pretrain.run` with it."""
    variant = VARIANTS[job.variant]
    return dict(
        config=variant.config,
        corpus=job.corpus,
        work_dir=job.folder,
        epochs=job.epochs,
        overrides={"randomness.seed": job.seed, **variant.changes},
    )


def _pretrained(job: Job) -> Path:
    """Pretrain, from where it was stopped; the exported backbone."""
    return pretraining.export(
        pretraining.run(**_arguments(job), resume=True), "backbone", job.folder
    )


@HOOKS.register_module()
class SecondOrderHook(Hook):
    """Edge affinities count from a share of the run's steps on, until another.

    Parameters
    ----------
    begin, end : float
        Within [0, 1].
    """

    def __init__(self, begin: float, end: float) -> None:
        self.begin = begin
        self.end = end

    def before_train(self, runner: Runner) -> None:
        """Remember the weight that the config gives."""
        self.weight = unwrapped(runner).head.second_order

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch=None) -> None:
        """Switch."""
        on = self.begin <= runner.iter / runner.max_iters < self.end
        unwrapped(runner).head.second_order = self.weight if on else 0
