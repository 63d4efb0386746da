"""A pretraining run that goes on: from its newest whole checkpoint, at the place that its images say."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size, is_main_process
from mmengine.model import is_model_wrapper
from mmengine.optim import _ParamScheduler
from torch import Tensor, nn

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import Refused, regular
from lvmmed_backbones.openmmlab.resumption import REMEDY, CheckedRunner, check_sums, checked
from lvmmed_backbones.pretrain.hooks import checkpoints
from lvmmed_backbones.pretrain.loop import ResumableEpochLoop
from lvmmed_backbones.pretrain.origin import Origin, Progress, read_origin
from lvmmed_backbones.weights.reading import read


def newest_whole(folder: Path) -> tuple[Path, Origin] | None:
    """The newest checkpoint of a run that is whole, and its origin; None if the run has no checkpoint.

    Newer ones that are damaged are named on stderr.

    Raises
    ------
    Refused
        Naming the newest, if none is whole.
    """
    newest: Refused | None = None
    for file in reversed(checkpoints(folder)):
        try:
            origin = read_whole(file)
        except Refused as error:
            if newest is not None or len(checkpoints(folder)) > 1:
                say(f"not used: {error}")
            newest = newest or error
            continue
        if newest is not None:
            say(f"going on from the older {file}")
        return file, origin
    if newest is not None:
        raise newest
    return None


def say(line: str) -> None:
    """A line on stderr, from one process."""
    if is_main_process():
        print(plain(line), file=sys.stderr)


def read_whole(file: Path) -> Origin:
    """The origin of a checkpoint that holds all that a run goes on from.

    Raises
    ------
    Refused
        If it is cut off, damaged, spoilt, or of another kind.
    """
    regular(file, within=file.parent)
    check_sums(file)
    content = read(file)
    origin = read_origin(content.get("meta"), file)
    found = checked(content, file, file.parent)
    check_count(found["meta"], origin.progress, file)
    for name, value in found["state_dict"].items():
        if not isinstance(value, Tensor) or not torch.isfinite(value).all():
            raise Refused(file, f"holds {name} with values that are no numbers", REMEDY)
    return origin


def check_count(meta: dict, progress: Progress, file: Path) -> None:
    """Raises Refused unless a checkpoint counts alike in both places."""
    if (meta["iter"], meta["epoch"]) != (progress.steps, progress.epoch):
        raise Refused(
            file,
            f"counts {meta['iter']} steps in epoch {meta['epoch']}, and {progress.steps} in {progress.epoch}",
            REMEDY,
        )


def epochs_done(progress: Progress, images: int, step: int, drop_last: bool) -> int:
    """Whole epochs that a run has done: its current one, too, if what is left of it fills no step.

    Parameters
    ----------
    images : int
        Of the corpus.
    step : int
        Images of a step, of all processes.
    drop_last : bool
        Whether only whole batches are trained on.
    """
    left = images - progress.images
    return progress.epoch + (left < (step if drop_last else get_world_size()))


class PretrainingRunner(CheckedRunner):
    """Goes on by images: batch, number of processes and of epochs may be other than they were.

    The schedule is not read from the checkpoint but built anew for the run as it now is, and moved to the place where
    a run that had been so from its beginning would be after as many images.

    Attributes
    ----------
    progress : Progress
        Of the checkpoint that the run goes on from; set by who names the checkpoint.
    """

    progress: Progress
    train_loop: ResumableEpochLoop

    def load_checkpoint(self, filename: str, *args: Any, **kwargs: Any) -> dict:
        """As `CheckedRunner`; loop, schedule and learning rates are those of the place."""
        checkpoint = super().load_checkpoint(filename, *args, **kwargs)
        self.train_loop.go_on(self.progress)
        schedulers = self.param_schedulers or []
        advance(
            schedulers,
            self.train_loop.place,
            len(self.train_loop.dataloader),
            self.train_loop.epoch,
        )
        rates = self.optim_wrapper.state_dict()
        for key in ("param_groups", "base_param_settings"):
            if key in rates:
                checkpoint["optimizer"][key] = rates[key]
        checkpoint["param_schedulers"] = [scheduler.state_dict() for scheduler in schedulers]
        model = self.model.module if is_model_wrapper(self.model) else self.model
        align_queue(model, self.train_loop.dataloader.batch_size * get_world_size())
        return checkpoint

    def check_place(self, checkpoint: dict, file: Path) -> None:
        """Raises Refused if the checkpoint is of another place than its origin says."""
        check_count(checkpoint["meta"], self.progress, file)


def advance(schedulers: Sequence[_ParamScheduler], place: int, length: int, epochs: int) -> None:
    """Move new schedulers forward, in the order in which a run does it.

    Parameters
    ----------
    place : int
        Steps from the run's beginning.
    length : int
        Steps of an epoch.
    epochs : int
        That ended.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they miss the optimizer's steps
        for step in range(1, place + 1):
            ends = step % length == 0 and step // length <= epochs
            for scheduler in schedulers:
                if not scheduler.by_epoch:
                    scheduler.step()
            for scheduler in schedulers if ends else ():
                if scheduler.by_epoch:
                    scheduler.step()


def align_queue(model: nn.Module, step: int) -> None:
    """Turn MoCo's queue so that its oldest keys come first, if steps of so many images would overrun its end."""
    buffers = dict(model.named_buffers())
    place = int(buffers.get("queue_ptr", 0))
    if place % step:
        buffers["queue"].copy_(buffers["queue"].roll(-place, dims=1))
        buffers["queue_ptr"].zero_()
