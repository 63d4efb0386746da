"""What makes a pretraining run safe to leave alone: steps that repeat, checkpoints that are whole."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import get_rank, is_main_process
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from lvmmed_backbones.pretrain.origin import KEY, origin_of

CHECKPOINT = re.compile(r"iter_(\d+)\.pth")


@HOOKS.register_module()
class StepSeedHook(Hook):
    """Seeds every step from the run's seed, the step and the process: a resumed run draws what the whole one drew."""

    priority = "VERY_HIGH"

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch=None) -> None:
        """Seed python, numpy and torch."""
        seeds = np.random.SeedSequence([runner.seed or 0, runner.iter, get_rank()])
        one, two, three = (int(seed) for seed in seeds.generate_state(3))
        random.seed(one)
        np.random.seed(two)
        torch.manual_seed(three)


@HOOKS.register_module()
class AtomicCheckpointHook(Hook):
    """Saves everything that a resumption needs, by an atomic rename, so that a kill at any time leaves a whole file.

    Args:
        interval: steps between two checkpoints; the last step is always saved.
        keep: how many of the latest stay.
    """

    priority = "VERY_LOW"

    def __init__(self, interval: int, keep: int = 2) -> None:
        if interval < 1 or keep < 1:
            raise ValueError(f"interval is {interval} and keep {keep}: both at least 1 is wanted")
        self.interval = interval
        self.keep = keep

    def before_train(self, runner: Runner) -> None:
        """Raises ValueError if a checkpoint would fall between the parts of an accumulated gradient."""
        parts = getattr(runner.optim_wrapper, "_accumulative_counts", 1)
        if self.interval % parts:
            raise ValueError(
                f"checkpoints every {self.interval} steps lose gradients that are accumulated over {parts}: "
                "choose a multiple"
            )

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch=None, outputs=None
    ) -> None:
        """Save where it is time."""
        step = runner.iter + 1
        if step % self.interval and step != runner.max_iters:
            return
        name = f"iter_{step}.pth"
        partial = f".{name}.partial"
        meta = {KEY: origin_of(runner.cfg)}
        runner.save_checkpoint(runner.work_dir, partial, by_epoch=False, meta=meta)
        if not is_main_process():
            return
        folder = Path(runner.work_dir)
        with (folder / partial).open("rb") as file:
            os.fsync(file.fileno())
        (folder / partial).replace(folder / name)
        for old in checkpoints(folder)[: -self.keep]:
            old.unlink()


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    found = [path for path in folder.glob("iter_*.pth") if CHECKPOINT.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.stem.removeprefix("iter_")))


def latest_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint of a run, None before the first."""
    return next(reversed(checkpoints(folder)), None)


def newest_checkpoint(folder: Path) -> Path:
    """The newest checkpoint of a run. Raises FileNotFoundError before the first."""
    checkpoint = latest_checkpoint(folder)
    if checkpoint is None:
        raise FileNotFoundError(f"{folder} holds no checkpoint iter_*.pth: has the run begun?")
    return checkpoint
