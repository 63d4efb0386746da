"""States of networks that follow from the names of their parameters, and what networks with them compute.

The names are those that the backbone's own project has, so that a state survives a change of the library that a
backbone comes from. Values do not depend on torch's random numbers.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner, set_random_seed
from torch import Tensor, nn


def stable_names(model: nn.Module) -> dict[str, str]:
    """Return, for each entry of `model.state_dict()`, the name that the backbone's own project gives it."""
    names = {name: name for name in model.state_dict()}
    for path, module in model.named_modules():
        if hasattr(module, "own_names"):
            prefix = f"{path}." if path else ""
            names |= {prefix + n: f"{prefix}own.{own}" for n, own in module.own_names().items()}
    return names


def fill(model: nn.Module) -> None:
    """Give each parameter, running statistic and queue values that follow from its name and shape."""
    parameters = {name for name, _ in model.named_parameters()}
    names = stable_names(model)
    for name, tensor in model.state_dict().items():
        if name in parameters or name.endswith(("running_mean", "running_var", "queue")):
            tensor.copy_(values(names[name], tensor))


def values(name: str, tensor: Tensor) -> Tensor:
    """Return the values of one parameter, of the size that an initialisation gives."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    noise = rng.standard_normal(tuple(tensor.shape))
    if name.endswith("running_var"):
        drawn = 1 + 0.5 * np.tanh(noise)
    elif tensor.ndim > 1:
        drawn = noise * np.sqrt(1 / max(1, np.prod(tensor.shape[1:])))
    elif name.endswith("weight"):
        drawn = 1 + 0.1 * noise
    else:
        drawn = 0.1 * noise
    return torch.from_numpy(np.asarray(drawn)).to(tensor)


def summary(tensor: Tensor) -> dict[str, Any]:
    """Return a summary of a tensor: its shape, mean, deviation, and eight of its values."""
    flat = tensor.detach().double().flatten()
    places = np.linspace(0, len(flat) - 1, 8).astype(int)
    return dict(
        shape=list(tensor.shape),
        mean=float(flat.mean()),
        deviation=float(flat.std(unbiased=False)),
        values=flat[places].tolist(),
    )


class FrozenStart(Hook):
    """Begins a training from such a state, and notes the loss and the gradient's norm of its first step."""

    priority = "LOWEST"  # what other hooks do to the model before the training is undone

    def __init__(self) -> None:
        self.loss = self.gradient = None

    def before_train(self, runner: Runner) -> None:
        fill(runner.model)
        set_random_seed(0)
        step = runner.optim_wrapper.step

        def noting(*arguments: Any, **named: Any) -> None:
            if self.gradient is None:
                squares = [
                    float(p.grad.double().square().sum())
                    for p in runner.model.parameters()
                    if p.grad is not None
                ]
                self.gradient = float(np.sqrt(sum(squares)))
            step(*arguments, **named)

        runner.optim_wrapper.step = noting

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        if self.loss is None:
            self.loss = float(outputs["loss"].detach())
