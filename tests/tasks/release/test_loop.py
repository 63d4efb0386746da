"""When the release's runs are validated, and that a run that was stopped goes on exactly."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, HOOKS, METRICS, MODELS
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.data import Dataset

import tasks.registration
import tasks.release.registration  # noqa: F401
from lvmmed_backbones.openmmlab.resumption import CheckedRunner
from tasks.hooks import LAST


@DATASETS.register_module()
class _Noisy(Dataset):
    """Numbers with noise that is drawn anew each time."""

    def __init__(self, size: int) -> None:
        self.size, self.metainfo = size, {}

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, place: int) -> dict[str, Tensor]:
        return dict(inputs=torch.from_numpy(place + np.random.normal(size=4)).float())


@MODELS.register_module()
class _Dropping(BaseModel):
    """Draws random numbers in each step."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 1))

    def forward(self, inputs: list[Tensor], mode: str = "tensor") -> Any:
        found = self.layers(torch.stack(inputs))
        return dict(loss=(found - 1).pow(2).mean()) if mode == "loss" else [found.mean().item()]


@METRICS.register_module()
class _Mean(BaseMetric):
    default_prefix = ""

    def process(self, data_batch: Any, data_samples: Sequence[float]) -> None:
        self.results += data_samples

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        return dict(score=float(np.mean(results)))


@HOOKS.register_module()
class _Noting(Hook):
    """Notes the steps before each validation, and of whole epochs; stops after so many validations."""

    def __init__(self, stop: int | None = None) -> None:
        self.validated: list[int] = []
        self.epochs: list[int] = []
        self.modes: list[bool] = []
        self.stop = stop

    priority = "LOWEST"

    def after_val_epoch(self, runner: Runner, metrics: Any = None) -> None:
        self.validated.append(runner.iter)
        if len(self.validated) == self.stop:
            raise KeyboardInterrupt

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        self.modes.append(runner.model.training)

    def after_train_epoch(self, runner: Runner) -> None:
        self.epochs.append(runner.iter)


def config_of(folder: Path, images: int, batch: int, epochs: int) -> Config:
    loader = dict(batch_size=batch, num_workers=0, dataset=dict(type="_Noisy", size=images))
    tests = dict(loader, sampler=dict(type="DefaultSampler", shuffle=False), batch_size=1)
    return Config(
        dict(
            task=dict(headline="score"),
            model=dict(type="_Dropping"),
            train_dataloader=dict(loader, sampler=dict(type="DefaultSampler", shuffle=True)),
            val_dataloader=tests,
            val_evaluator=dict(type="_Mean"),
            val_cfg=dict(type="ValLoop"),
            optim_wrapper=dict(optimizer=dict(type="Adam", lr=0.1)),
            train_cfg=dict(type="StepValidatedLoop", max_epochs=epochs),
            default_hooks=dict(
                checkpoint=dict(type="SelectionHook"),
                sampler_seed=dict(type="DistSamplerSeedHook"),
            ),
            custom_hooks=[dict(type="EpochSeedHook")],
            default_scope="mmengine",
            randomness=dict(seed=3),
            work_dir=str(folder),
            log_level="ERROR",
            experiment_name=str(folder),
        )
    )


def trained(config: Config, stop: int | None = None) -> tuple[Runner, _Noting]:
    runner, noting = CheckedRunner.from_cfg(config), _Noting(stop)
    runner.register_hook(noting)
    try:
        runner.train()
    except KeyboardInterrupt:
        assert stop
    return runner, noting


@pytest.mark.parametrize(
    ("images", "batch", "epochs"), [(13, 4, 5), (12, 4, 3), (3, 4, 2), (9, 1, 2), (7, 4, 1)]
)
def test_it_validates_every_floor_n_by_batch_steps_counted_over_all_epochs(
    tmp_path: Path, images: int, batch: int, epochs: int
) -> None:
    of_an_epoch = -(-images // batch)
    steps = range(1, epochs * of_an_epoch + 1)
    wanted = [step for step in steps if images < batch or step % int(images / batch) == 0]
    runner, noting = trained(config_of(tmp_path / "run", images, batch, epochs))
    assert noting.validated == wanted
    assert noting.epochs == [of_an_epoch * n for n in range(1, epochs + 1)]
    assert all(noting.modes) and len(noting.modes) == runner.iter == epochs * of_an_epoch


def state(runner: Runner) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in runner.model.state_dict().items()}


@pytest.mark.parametrize(("images", "batch"), [(11, 4), (8, 4)])
def test_a_run_that_was_stopped_after_any_validation_goes_on_to_the_same_weights(
    tmp_path: Path, images: int, batch: int
) -> None:
    """Dropout, noise on the images and the order of the images are those of the whole run."""
    runner, noting = trained(config_of(tmp_path / "whole", images, batch, 3))
    whole, best = state(runner), runner.message_hub.get_info("best_score")
    for stop in range(1, len(noting.validated) + 1):
        folder = tmp_path / f"stopped{stop}"
        config = config_of(folder, images, batch, 3)
        trained(config, stop)
        config.load_from, config.resume = str(folder / LAST), True
        config.experiment_name += " again"
        again, more = trained(config)
        assert noting.validated[:stop] + more.validated == noting.validated
        assert all(torch.equal(value, whole[name]) for name, value in state(again).items())
        assert again.message_hub.get_info("best_score") == best
        shutil.rmtree(folder)
