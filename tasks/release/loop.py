"""When the release validates: not at the end of an epoch, but each time that so many steps were taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.registry import LOOPS
from mmengine.runner import EpochBasedTrainLoop, Runner, set_random_seed
from torch import nn
from torch.utils.data import DataLoader


@LOOPS.register_module()
class StepValidatedLoop(EpochBasedTrainLoop):
    """Epochs with a validation every floor(n / batch) steps, counted over all epochs.

    segmentation_2d/train_R50_seg_adam_optimizer_2d.py:147. Where n is no multiple of the batch an epoch has a step
    more, so that validations come a little more often than once an epoch, within it, and the last steps of a run have
    none. With fewer images than a batch, where the release divides by zero, each step has one.

    A run that is resumed from the checkpoint of a validation reads its epoch from the beginning, without the steps that
    it had taken. Random numbers begin anew after each validation, so that it draws what the whole run drew.

    Parameters
    ----------
    runner : Runner
        Of mmengine, with a valid split.
    dataloader : DataLoader or dict
        Of the images to train on.
    max_epochs : int
        How long to train.
    """

    def __init__(self, runner: Runner, dataloader: DataLoader | dict, max_epochs: int) -> None:
        super().__init__(runner, dataloader, max_epochs)
        self.every = max(1, len(self.dataloader.sampler) // self.dataloader.batch_size)

    def run(self) -> nn.Module:
        """Train; hooks are called as in every loop."""
        self.runner.call_hook("before_train")
        while self._epoch < self._max_epochs:
            self.run_epoch()
        self.runner.call_hook("after_train")
        return self.runner.model

    def run_iter(self, idx: int, data_batch: Sequence[Any]) -> None:
        """Take a step, unless it was taken before the run was resumed, and validate if it is time."""
        step = self._epoch * len(self.dataloader) + idx + 1
        taken = step <= self._iter
        if not taken:
            super().run_iter(idx, data_batch)
        if step % self.every == 0:
            if not taken:
                self.runner.val_loop.run()
                self.runner.model.train()
            numbers = np.random.SeedSequence([self.runner.seed or 0, step])
            set_random_seed(int(numbers.generate_state(1)[0]))
