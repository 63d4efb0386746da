"""Hooks of a task run: seeds, checkpoints, and equal results on a GPU each time."""

from __future__ import annotations

import math
import operator
import os
import random
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.registry import FUNCTIONS, HOOKS
from mmengine.runner import EpochBasedTrainLoop, Runner

from lvmmed_backbones.files.writing import replacing
from lvmmed_backbones.openmmlab.finite import unwrapped
from lvmmed_backbones.openmmlab.resumption import check_sums, load_all, own_file
from lvmmed_backbones.weights.reading import read

LAST = "last.pth"  # the checkpoint from which a run by epochs is resumed
LAST_SCORES = "last_scores"  # those of the last epoch, in mmengine's message hub
BEST = "best_"  # prefix of the checkpoint that was best on the valid split


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seed every epoch from the run's seed and the epoch, so that a resumed run draws what the whole run drew."""

    priority = "VERY_HIGH"

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed python, numpy and torch, from which the loader's processes take theirs."""
        seeds = np.random.SeedSequence([runner.seed or 0, runner.epoch]).generate_state(3)
        python_seed, numpy_seed, torch_seed = map(int, seeds)
        random.seed(python_seed)
        np.random.seed(numpy_seed)
        torch.manual_seed(torch_seed)


@FUNCTIONS.register_module()
def seed_worker(worker_id: int) -> None:
    """Seed numpy and python in a process of a loader from torch's own seed, which is new for each epoch and process.

    mmengine's own gives a process the same seeds in every epoch.
    """
    python_seed, numpy_seed = np.random.SeedSequence(torch.initial_seed()).generate_state(2)
    random.seed(int(python_seed))
    np.random.seed(numpy_seed)


@HOOKS.register_module()
class DeterministicHook(Hook):
    """Let a GPU give the same result each time. Where an operator cannot, torch warns in the log."""

    def before_run(self, runner: Runner) -> None:
        """Set torch's switches; a CPU gives the same result anyway."""
        if torch.cuda.is_available():
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            torch.backends.cudnn.deterministic = True
            torch.backends.cudnn.benchmark = False
            torch.use_deterministic_algorithms(True, warn_only=True)


@HOOKS.register_module()
class SelectionHook(Hook):
    """Save the weights after a validation that is the best so far, and in a run by epochs the state to resume from.

    Both are whole files at any moment, and the files that they replace are deleted last, so a kill loses one epoch at
    most. A run by iterations is short, and starts again.

    Parameters
    ----------
    ties : {"earlier", "later"}
        Which of two validations with one score is the better one. The release's classifier takes the later
        (cls50:182).

    Raises
    ------
    ValueError
        If `ties` is neither.
    """

    priority = "VERY_LOW"

    def __init__(self, ties: Literal["earlier", "later"] = "earlier") -> None:
        if ties not in ("earlier", "later"):
            raise ValueError(f"ties={ties!r}: choose 'earlier' or 'later'")
        self.better = operator.gt if ties == "earlier" else operator.ge

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Compare the task's headline metric; an undefined one (NaN) is below every other."""
        folder, hub = Path(runner.work_dir), runner.message_hub
        score = float((metrics or {})[runner.cfg.task.headline])
        score = -math.inf if math.isnan(score) else score
        meta = dict(epoch=runner.epoch, iter=runner.iter)
        first = "best_ckpt" not in hub.runtime_info
        if first or self.better(score, hub.get_info("best_score")):
            best = folder / f"{BEST}{runner.iter}.pth"
            with replacing(best) as scratch:
                runner.save_checkpoint(
                    str(folder),
                    scratch.name,
                    save_optimizer=False,
                    save_param_scheduler=False,
                    meta=dict(meta),
                )
            hub.update_info("best_score", score)
            hub.update_info("best_ckpt", str(best))
        if isinstance(runner.train_loop, EpochBasedTrainLoop):
            with replacing(folder / LAST) as scratch:
                runner.save_checkpoint(str(folder), scratch.name, meta=dict(meta))
        for path in folder.glob(f"{BEST}*.pth"):
            if path.name != Path(hub.get_info("best_ckpt")).name:
                path.unlink()


@HOOKS.register_module()
class LoadBestHook(Hook):
    """After training, put the checkpoint that was best on the valid split back into the model.

    So `runner.train(); runner.test()` tests the selected model. A run without validation keeps its last weights.
    """

    priority = "LOWEST"

    def after_train(self, runner: Runner) -> None:
        if "best_ckpt" not in runner.message_hub.runtime_info:
            return
        folder = Path(runner.work_dir)
        best = own_file(runner.message_hub.get_info("best_ckpt"), folder, folder)
        check_sums(best)
        load_all(unwrapped(runner), read(best)["state_dict"], best)
        runner.logger.info(f"testing the best checkpoint on the valid split, {best}")


@HOOKS.register_module()
class TestLastHook(Hook):
    """After training, test the weights of the last epoch, too, before `LoadBestHook` puts the best ones back.

    The release prints both (train_R50_seg_adam_optimizer_2d.py:168-180). The scores stand in the record as `last_NAME`,
    and the seconds of this test in `test_seconds`.
    """

    priority = "VERY_LOW"

    def after_train(self, runner: Runner) -> None:
        metrics = runner.test()
        runner.message_hub.update_info(LAST_SCORES, {f"last_{n}": v for n, v in metrics.items()})
