"""The second order in a part of a run only."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from lvmmed_backbones.pretrain.monitors import unwrapped


@HOOKS.register_module()
class SecondOrderHook(Hook):
    """Edge affinities count from a share of the run's steps on, until another.

    Args:
        begin, end: within [0, 1].
    """

    def __init__(self, begin: float, end: float) -> None:
        self.begin = begin
        self.end = end

    def before_train(self, runner: Runner) -> None:
        """Remember the weight that the config gives."""
        self.weight = unwrapped(runner).head.second_order

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch=None) -> None:
        """Switch."""
        on = self.begin <= runner.iter / runner.max_iters < self.end
        unwrapped(runner).head.second_order = self.weight if on else 0
