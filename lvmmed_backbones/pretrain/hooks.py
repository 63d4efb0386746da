"""Hooks of a pretraining run: steps that repeat, checkpoints that are whole, an encoder in bfloat16."""

from __future__ import annotations

import random
import re
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import get_rank, get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor

from lvmmed_backbones.files.writing import replacing, sweep
from lvmmed_backbones.openmmlab.finite import unwrapped
from lvmmed_backbones.pretrain.arguments import Count, checked
from lvmmed_backbones.pretrain.origin import KEY, origin_of
from lvmmed_backbones.pretrain.terms import terms_of

CHECKPOINT = re.compile(r"iter_(\d+)\.pth")


@HOOKS.register_module()
class StepSeedHook(Hook):
    """Seeds every step from the run's seed, the step and the process, so that a resumed run draws the same numbers."""

    priority = "VERY_HIGH"

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch=None) -> None:
        """Seed python, numpy and torch."""
        seeds = np.random.SeedSequence([runner.seed or 0, runner.iter, get_rank()])
        of_python, of_numpy, of_torch = (int(seed) for seed in seeds.generate_state(3))
        random.seed(of_python)
        np.random.seed(of_numpy)
        torch.manual_seed(of_torch)


@HOOKS.register_module()
class AtomicCheckpointHook(Hook):
    """Saves everything that a resumption needs. A kill at any time leaves only whole files.

    Parameters
    ----------
    interval : int
        Steps between two checkpoints; the last step is always saved.
    keep : int
        How many of the latest checkpoints stay.
    """

    priority = "VERY_LOW"

    @checked
    def __init__(self, interval: Count, keep: Count = 2) -> None:
        self.interval = interval
        self.keep = keep

    def before_train(self, runner: Runner) -> None:
        """Remove what a kill left behind."""
        if is_main_process():
            sweep(Path(runner.work_dir))

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch=None, outputs=None
    ) -> None:
        """Save a checkpoint at the interval and after the last step."""
        progress = runner.train_loop.progress
        due = progress.steps % self.interval == 0 or progress.steps == runner.max_iters
        if not due or not is_main_process():
            return
        fingerprint = runner.train_dataloader.dataset.metainfo.get("fingerprint")
        terms = terms_of(runner.cfg, fingerprint, get_world_size())
        meta = {KEY: origin_of(runner.cfg, terms, progress)}
        folder = Path(runner.work_dir)
        with replacing(folder / f"iter_{progress.steps}.pth") as scratch:
            runner.save_checkpoint(str(folder), scratch.name, by_epoch=False, meta=meta)
        for old in checkpoints(folder)[: -self.keep]:
            old.unlink()


@HOOKS.register_module()
class BFloat16EncoderHook(Hook):
    """Runs the encoder in bfloat16 where this is safe (torch.autocast); its weights and all heads stay in float32.

    It halves the time of a step on CPUs that multiply bfloat16 in hardware (AVX512-BF16, AMX), where mmengine's
    AmpOptimWrapper does not run. Only the encoder is converted: the losses of some methods need float32.
    """

    def before_train(self, runner: Runner) -> None:
        """Convert the encoder in place."""
        encoder = unwrapped(runner).backbone
        encoder.to(memory_format=torch.channels_last)  # else bfloat16 kernels reorder each map
        forward = encoder.forward

        def converted(images: Tensor) -> tuple[Tensor, ...]:
            with torch.autocast(images.device.type, torch.bfloat16):
                maps = forward(images)
            return tuple(m.float() for m in maps)

        encoder.forward = converted


def checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints of a run, the oldest first."""
    files = [path for path in folder.glob("iter_*.pth") if CHECKPOINT.fullmatch(path.name)]
    return sorted(files, key=lambda path: int(path.stem.removeprefix("iter_")))


def latest_checkpoint(folder: Path) -> Path | None:
    """Return the newest checkpoint of a run; None before the first."""
    return next(reversed(checkpoints(folder)), None)


def newest_checkpoint(folder: Path) -> Path:
    """Return the newest checkpoint of a run. Raise FileNotFoundError before the first."""
    checkpoint = latest_checkpoint(folder)
    if checkpoint is None:
        raise FileNotFoundError(f"{folder} holds no checkpoint iter_*.pth: has the run begun?")
    return checkpoint
