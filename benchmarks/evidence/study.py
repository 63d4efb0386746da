"""Pretrain a variant with a seed, export it, probe it; what was done before is not done again."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.registry import MODELS
from tqdm import tqdm

from benchmarks.evidence import halves  # noqa: F401  registers its hook
from benchmarks.evidence.curves import ends
from benchmarks.evidence.probe import SIZE, probe
from benchmarks.evidence.results import RESULT
from benchmarks.evidence.variants import VARIANTS
from benchmarks.record import write_json
from lvmmed_backbones.catalogue.exported import entry_of, read_facts
from lvmmed_backbones.pretrain.command import compose, run_pretrain
from lvmmed_backbones.pretrain.export import export

LOG = "log.txt"


@dataclass(frozen=True)
class Job:
    """A variant, a seed, and where its images lie.

    Attributes:
        variant: a key of VARIANTS.
        seed: of weights, order and views.
        epochs: over the corpus.
        corpus, prepared, copies: images to learn from; brain_tumor; what training with labels leaves out of it.
        folder: of its checkpoints, curves and result.
        threads: CPU threads that it may use.
    """

    variant: str
    seed: int
    epochs: int
    corpus: Path
    prepared: Path
    copies: Path | None
    folder: Path
    threads: int


def carry_out_all(jobs: Sequence[Job], at_once: int) -> None:
    """Carry out those that have no result yet, each in a process of its own.

    Raises:
        RuntimeError: at the first that fails, naming its log.
    """
    missing = [job for job in jobs if not (job.folder / RESULT).is_file()]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with (
        ProcessPoolExecutor(at_once, mp_context=context, max_tasks_per_child=1) as pool,
        tqdm(total=len(jobs), initial=len(jobs) - len(missing), desc="variants", unit="run") as bar,
    ):
        running = {pool.submit(carry_out, job): job for job in missing}
        for future in as_completed(running):
            if error := future.exception():
                pool.shutdown(cancel_futures=True)
                log = running[future].folder / LOG
                raise RuntimeError(
                    f"{running[future].variant} failed, see {log}: {error}"
                ) from error
            bar.update()


def carry_out(job: Job) -> None:
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
        weights = pretrain(job)
        rate = compose(options(job)).optim_wrapper.optimizer.lr
        row |= dict(steps=read_facts(weights).steps, rate=rate)
        row |= ends(job.folder)
        model = MODELS.build(entry_of(weights).model("vector", SIZE))
        model.init_weights()
    row |= probe(model, job.prepared, job.copies)
    write_json(job.folder / RESULT, row)


def options(job: Job) -> argparse.Namespace:
    """The options of the pretraining of a job."""
    variant = VARIANTS[job.variant]
    return argparse.Namespace(
        config=variant.config,
        corpus=str(job.corpus),
        work_dir=job.folder,
        resume=True,
        epochs=job.epochs,
        launcher="none",
        probe=None,
        cfg_options={"randomness.seed": job.seed, **variant.changes},
    )


def pretrain(job: Job) -> Path:
    """Pretrain, from where it was stopped; the exported backbone."""
    run_pretrain(options(job))
    return export(job.folder, job.folder / "backbone.safetensors")
