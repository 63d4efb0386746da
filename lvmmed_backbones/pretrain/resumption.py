"""Resume a pretraining run from its newest whole checkpoint, by the number of images that it has seen."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size, is_main_process
from mmengine.optim import _ParamScheduler
from torch import Tensor, nn

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import Refused, regular
from lvmmed_backbones.openmmlab.finite import unwrapped
from lvmmed_backbones.openmmlab.resumption import (
    REMEDY,
    CheckedRunner,
    check_sums,
    checked_checkpoint,
)
from lvmmed_backbones.pretrain.hooks import checkpoints
from lvmmed_backbones.pretrain.loop import ResumableEpochLoop
from lvmmed_backbones.pretrain.origin import Origin, Progress, read_origin
from lvmmed_backbones.weights.reading import read


def newest_whole(folder: Path) -> tuple[Path, Origin] | None:
    """Return the newest whole checkpoint of a run and its origin; None if the run has no checkpoint.

    Newer checkpoints that are damaged are named on stderr.

    Raises
    ------
    Refused
        If no checkpoint is whole. The message is that of the newest.
    """
    files = checkpoints(folder)
    newest_error: Refused | None = None
    for file in reversed(files):
        try:
            origin = _read_whole(file)
        except Refused as error:
            if len(files) > 1:
                print_once(f"not used: {error}")
            newest_error = newest_error or error
            continue
        if newest_error is not None:
            print_once(f"going on from the older {file}")
        return file, origin
    if newest_error is not None:
        raise newest_error
    return None


def print_once(line: str) -> None:
    """Print a line on stderr, in the main process only."""
    if is_main_process():
        print(plain(line), file=sys.stderr)


def _read_whole(file: Path) -> Origin:
    """Read the origin of a checkpoint, and check that the checkpoint holds all that a run needs to go on.

    Raises
    ------
    Refused
        If the file is cut off, damaged, or no such checkpoint.
    """
    regular(file, within=file.parent)
    check_sums(file)
    content = read(file)
    origin = read_origin(content.get("meta"), file)
    parts = checked_checkpoint(content, file, file.parent)
    _check_counts(parts["meta"], origin.progress, file)
    for name, value in parts["state_dict"].items():
        if not isinstance(value, Tensor) or not torch.isfinite(value).all():
            raise Refused(file, f"holds {name} with values that are no numbers", REMEDY)
    return origin


def _check_counts(meta: dict, progress: Progress, file: Path) -> None:
    """Raise Refused if the meta and the origin of a checkpoint count different steps or epochs."""
    steps, epoch = meta["iter"], meta["epoch"]
    if (steps, epoch) != (progress.steps, progress.epoch):
        reason = f"counts {steps} steps in epoch {epoch}, and {progress.steps} in {progress.epoch}"
        raise Refused(file, reason, REMEDY)


def epochs_done(progress: Progress, images: int, step: int, drop_last: bool) -> int:
    """Return the number of epochs that a run has done. The current one counts if its rest fills no step.

    Parameters
    ----------
    images : int
        Number of images of the corpus.
    step : int
        Images of a step in all processes.
    drop_last : bool
        Whether training uses only full batches.
    """
    left = images - progress.images
    return progress.epoch + (left < (step if drop_last else get_world_size()))


class PretrainingRunner(CheckedRunner):
    """Continues a run by its images: batch, number of processes and number of epochs may change.

    The schedule is not read from the checkpoint. It is built for the run as it is now, and moved to where such a run
    would be after the same number of images.

    Attributes
    ----------
    progress : Progress
        Progress of the checkpoint; whoever sets `load_from` must set it too.
    """

    progress: Progress
    train_loop: ResumableEpochLoop

    def load_checkpoint(self, filename: str, *args: Any, **kwargs: Any) -> dict:
        """Load a checkpoint as `CheckedRunner`, and move loop, schedule and learning rates to its progress."""
        checkpoint = super().load_checkpoint(filename, *args, **kwargs)
        self.train_loop.go_on(self.progress)
        schedulers, loop = self.param_schedulers or [], self.train_loop
        advance(schedulers, loop.equivalent_step, len(loop.dataloader), loop.epoch)
        rates = self.optim_wrapper.state_dict()
        for key in ("param_groups", "base_param_settings"):
            if key in rates:
                checkpoint["optimizer"][key] = rates[key]
        checkpoint["param_schedulers"] = [scheduler.state_dict() for scheduler in schedulers]
        align_queue(unwrapped(self), loop.dataloader.batch_size * get_world_size())
        return checkpoint

    def check_place(self, checkpoint: dict, file: Path) -> None:
        """Raise Refused if the checkpoint's counts differ from those of its origin."""
        _check_counts(checkpoint["meta"], self.progress, file)


def advance(schedulers: Sequence[_ParamScheduler], steps: int, length: int, epochs: int) -> None:
    """Move new schedulers forward, in the order of a run.

    Parameters
    ----------
    steps : int
        Number of steps.
    length : int
        Steps of an epoch.
    epochs : int
        Number of epochs that ended.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # schedulers miss the optimizer's steps
        for step in range(1, steps + 1):
            ends = step % length == 0 and step // length <= epochs
            for by_epoch in (False, True) if ends else (False,):
                for scheduler in schedulers:
                    if scheduler.by_epoch == by_epoch:
                        scheduler.step()


def align_queue(model: nn.Module, step: int) -> None:
    """Turn MoCo's queue so that its oldest keys come first, if a step of `step` images would overrun its end."""
    buffers = dict(model.named_buffers())
    pointer = int(buffers.get("queue_ptr", 0))
    if pointer % step:
        buffers["queue"].copy_(buffers["queue"].roll(-pointer, dims=1))
        buffers["queue_ptr"].zero_()
