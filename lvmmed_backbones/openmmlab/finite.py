"""A run ends where its loss or its weights stop being numbers, before anything of it is saved or tested."""

from __future__ import annotations

import math

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner

REMEDY = "Try a lower learning rate, a longer warm-up, or bfloat16 in place of float16"


@HOOKS.register_module()
class NonFiniteHook(Hook):
    """Ends a run at the first loss that is no number, or as soon as weights that are none would be used.

    Weights are looked at before each validation, before each checkpoint is written, and after the last step: a last
    update that spoils them shows in no loss.

    Raises
    ------
    FloatingPointError
        One line: the step, the value, the remedy.
    """

    priority = "ABOVE_NORMAL"  # before hooks that save, or that put other weights in place
    step = 0

    def before_train(self, runner: Runner) -> None:
        """Count from where the run goes on."""
        self.step = runner.iter

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch=None, outputs=None
    ) -> None:
        """Look at the loss."""
        self.step = runner.iter + 1
        loss = float(torch.as_tensor(outputs["loss"]).detach())
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss} at step {self.step} of {runner.work_dir}. {REMEDY}"
            )

    def before_val(self, runner: Runner) -> None:
        """Look at the weights."""
        self.look(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Look at the weights."""
        self.look(runner)

    def after_train(self, runner: Runner) -> None:
        """Look at the weights."""
        self.look(runner)

    def look(self, runner: Runner) -> None:
        """Raises FloatingPointError if a parameter or buffer of the model has values that are no numbers."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        for name, value in model.state_dict().items():
            if not torch.isfinite(value).all():
                raise FloatingPointError(
                    f"{name} has values that are no numbers after step {self.step} of {runner.work_dir}. {REMEDY}"
                )
