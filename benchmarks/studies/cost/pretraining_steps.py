"""Measure the steps of pretrainings at the paper's size on this machine, and what 1.3 million images cost there."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from mmengine.dataset import default_collate
from mmengine.registry import DATASETS, DefaultScope
from tqdm import tqdm

from lvmmed_backbones import pretrain
from lvmmed_backbones.pretrain.resumption import PretrainingRunner
from reports.render.files import as_csv, write_texts

CONFIGS = ("simclr_resnet50_paper", "lvmmed_resnet50_paper", "lvmmed_resnet50_release")
IMAGES, EPOCHS = 1_300_000, 100  # of the paper's run
WARM_UP = 5  # steps that are not counted


def pretraining(
    *, corpus: Path, out: Path, configs: Sequence[str] | None = None, steps: int = 30
) -> list[Path]:
    """Measure steps on one GPU, or on CPUs where there is none: `python -m benchmarks.studies.cost pretraining`.

    A step is the update of a batch that is in memory, from the copy to the GPU on. What the images cost is measured
    apart: reading one, and cutting and changing its views, on one core.

    Parameters
    ----------
    corpus : Path
        Its images are read in their order, and again from the first if a batch needs more.
    out : Path
        Folder for pretraining.csv: times in seconds, memory in GB; `hours` are those of 100 epochs of 1.3 million
        images on one such device, and `cores` those that keep it busy.
    configs : sequence of str, optional
        Of lvmmed_backbones/pretrain/configs, with the batch of one device; None: `CONFIGS`.
    steps : int
        Counted ones, at least 1.

    Raises
    ------
    ValueError
        If there are no steps.
    FileNotFoundError
        If there is no such config or corpus.
    """
    if steps < 1:
        raise ValueError(f"--steps {steps}: it must be at least 1")
    rows = [
        _row(name, corpus, steps)
        for name in tqdm(configs or CONFIGS, desc="configs", unit="config")
    ]
    return write_texts(out, {"pretraining.csv": as_csv(pd.DataFrame(rows))})


def _row(name: str, corpus: Path, steps: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        runner = PretrainingRunner.from_cfg(pretrain.compose(name, corpus, folder))
        loader = runner.cfg.train_dataloader
        images = loader.batch_size
        with DefaultScope.overwrite_default_scope("mmpretrain"):
            dataset = DATASETS.build(loader.dataset)
        begin = time.perf_counter()
        batch = default_collate([dataset[number % len(dataset), 0] for number in range(images)])
        reading = (time.perf_counter() - begin) / images
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        update = runner.build_optim_wrapper(runner.cfg.optim_wrapper)
        model = runner.model.train()
        step, solver = _timed(lambda: model.train_step(batch, update), steps)
    return dict(
        config=name,
        device=_device(),
        images=images,
        steps=steps,
        step=step,
        solver=solver,
        memory=torch.cuda.max_memory_allocated() / 1e9 if torch.cuda.is_available() else None,
        reading=reading,
        hours=EPOCHS * IMAGES / images * step / 3600,
        cores=reading * images / step,
    )


def _timed(train_step: Callable[[], dict[str, Any]], steps: int) -> tuple[float, float]:
    """Return the mean seconds of a step, and those of the solver in it."""
    for _ in range(WARM_UP):
        train_step()
    _wait()
    begin = time.perf_counter()
    logs = [train_step() for _ in range(steps)]
    _wait()
    step = (time.perf_counter() - begin) / steps
    return step, sum(float(log.get("solver_time", 0)) for log in logs) / steps


def _wait() -> None:
    """Wait for the GPU, which works behind the calls that ask it to."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _device() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU, {torch.get_num_threads()} threads"
