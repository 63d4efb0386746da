"""What training costs for each image: operations and seconds of real steps, of the runs' own configs on phantoms."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import MODELS
from mmengine.runner import Runner
from mmengine.utils import import_modules_from_strings
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.config import configure, place
from benchmarks.labels import inner_dataset
from benchmarks.resolve import Resolved
from lvmmed_backbones import models
from tasks.prompt.decoder import CHANNELS, PATCH
from tasks.prompt.losses import mask_losses

BATCH = 2  # images of a step: BatchNorm needs more than one
CLASSES = 1000  # of ImageNet


class Step(NamedTuple):
    """For one image: billions of operations (a multiplication and an addition are two), and seconds of one core."""

    gflop: float
    seconds: float


class Cost(NamedTuple):
    """What a run costs for each image: once, in each epoch that trains on it, and each time that it is predicted."""

    once: Step
    training: Step
    prediction: Step
    epochs: int


NOTHING = Step(0.0, 0.0)


def cost_of(run: Resolved, data: Path, folder: Path) -> Cost:
    """Measure steps of a run's own config.

    Parameters
    ----------
    run : Resolved
        Of the profile paper.
    data : Path
        The prepared data set; phantoms do.
    folder : Path
        For what the runner writes.
    """
    config = configure(run)
    import_modules_from_strings(**config.custom_imports)
    if "embeddings" in config:
        return _prompted(config)
    epochs = config.train_cfg.max_epochs
    steps = _training(place(config, data, None, folder, folder))
    return Cost(NOTHING, steps[True], steps[False], epochs)


def resnet50_step() -> Step:
    """Measure a training step of ResNet-50 on ImageNet, the network that throughputs of GPUs are published for."""
    network = models.from_config(dict(type="Backbone", model_name="resnet50", output="vector"))
    classifier = nn.Linear(2048, CLASSES)

    def step() -> None:
        (features,) = network(torch.zeros(BATCH, 3, 224, 224))
        classifier(features).sum().backward()

    return _measured(step, BATCH)


def _measured(step: Callable[[], Any], images: int) -> Step:
    """Count the operations of a step, and take the time of the next one."""
    with FlopCounterMode(display=False) as counter:
        step()
    begin = time.process_time()
    step()
    return Step(counter.get_total_flops() / 1e9 / images, (time.process_time() - begin) / images)


def _forward(module: nn.Module, shape: tuple[int, ...]) -> Step:
    """Measure a pass without gradients."""
    module.eval()
    with torch.no_grad():
        return _measured(lambda: module(torch.zeros(shape)), shape[0])


def _prompted(config: Config) -> Cost:
    """Measure the encoder, which sees each image once, and the decoder in training and in prediction."""
    model = MODELS.build(config.model)
    side, cells = model.side, model.side // PATCH
    encoder = _forward(model.backbone, (1, 3, side, side))
    embeddings = torch.randn(BATCH, CHANNELS, cells, cells)
    boxes = torch.tensor([[side / 4, side / 4, side / 2, side / 2]] * BATCH)
    labels = torch.zeros(BATCH, side // 4, side // 4, dtype=torch.long)

    def train() -> None:
        losses = mask_losses(model.decode(embeddings, boxes), labels, **model.loss_settings)
        sum(losses.values()).backward()  # type: ignore[union-attr]

    with torch.no_grad():
        prediction = _measured(lambda: model.decode(embeddings, boxes), BATCH)
    epochs = 0 if config.task.protocol == "zero_shot" else config.train_cfg.max_epochs
    return Cost(encoder, _measured(train, BATCH) if epochs else NOTHING, prediction, epochs)


class _Watch(Hook):
    """Counts the operations of a runner's first step, and takes the time of its second; data are loaded before."""

    def _before(self, runner: Runner, batch_idx: int, *_: Any, **__: Any) -> None:
        if batch_idx == 0:
            self.counter = FlopCounterMode(display=False)
            self.counter.__enter__()
        self.begin = time.process_time()

    def _after(self, runner: Runner, batch_idx: int, *_: Any, **__: Any) -> None:
        if batch_idx == 0:
            self.counter.__exit__(None, None, None)
        self.seconds = time.process_time() - self.begin

    before_train_iter = before_test_iter = _before
    after_train_iter = after_test_iter = _after

    def step(self) -> Step:
        return Step(self.counter.get_total_flops() / 1e9 / BATCH, self.seconds / BATCH)


def _training(config: Config) -> dict[bool, Step]:
    """Measure steps of a runner that trains (True) and tests (False), without validation, checkpoints and scores."""
    for loader in (config.train_dataloader, config.test_dataloader):
        loader.update(batch_size=BATCH, num_workers=0, persistent_workers=False)
    config.train_dataloader.sampler = dict(type="InfiniteSampler")
    config.val_dataloader = config.val_evaluator = config.val_cfg = None
    config.train_cfg = dict(type="IterBasedTrainLoop", max_iters=2)
    inner_dataset(config.test_dataloader.dataset).indices = 2 * BATCH
    config.log_processor.by_epoch = False
    config.param_scheduler, config.custom_hooks = None, []
    for name in ("checkpoint", "last"):
        config.default_hooks.pop(name, None)
    runner = Runner.from_cfg(config)
    trained, tested = _Watch(), _Watch()
    runner.register_hook(trained)
    runner.train()
    runner._hooks.remove(trained)
    runner.register_hook(tested)
    runner.test()
    return {True: trained.step(), False: tested.step()}
