"""End a run when its loss or its weights are no longer finite, before they are saved or tested."""

from __future__ import annotations

import math
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner

REMEDY = "Try a lower learning rate, a longer warm-up, or bfloat16 in place of float16"


@HOOKS.register_module()
class NonFiniteHook(Hook):
    """Ends a run at the first loss that is not finite, and before weights that are not finite are used.

    The hook checks the weights before each validation, before each checkpoint and after the last step, since no loss
    shows that the last update spoilt them.

    Raises
    ------
    FloatingPointError
        If the loss or a weight is not finite. The message has the step, the value and the remedy.
    """

    priority = "ABOVE_NORMAL"  # before hooks that save weights or replace them
    step = 0

    def before_train(self, runner: Runner) -> None:
        """Count from the step at which the run goes on."""
        self.step = runner.iter

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch=None, outputs=None
    ) -> None:
        """Check the loss."""
        self.step = runner.iter + 1
        loss = float(torch.as_tensor(outputs["loss"]).detach())
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss} at step {self.step} of {runner.work_dir}. {REMEDY}"
            )

    def check_weights(self, runner: Runner, checkpoint: dict | None = None) -> None:
        """Raise FloatingPointError if a parameter or buffer of the model has values that are no numbers."""
        for name, value in unwrapped(runner).state_dict().items():
            if not torch.isfinite(value).all():
                raise FloatingPointError(
                    f"{name} has values that are no numbers after step {self.step} of {runner.work_dir}. {REMEDY}"
                )

    before_val = before_save_checkpoint = after_train = check_weights


def unwrapped(runner: Runner) -> Any:
    """Return the model of a run without its wrapper for several processes."""
    return runner.model.module if is_model_wrapper(runner.model) else runner.model
