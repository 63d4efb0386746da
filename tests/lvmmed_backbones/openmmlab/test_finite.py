"""Runs of mmengine that spoil themselves, or would train nothing, end in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from torch.utils.data import Dataset

import lvmmed_backbones.openmmlab  # noqa: F401
from lvmmed_backbones.openmmlab.resumption import CheckedRunner


class Line(BaseModel):
    """y = a x, fitted; a buffer beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = torch.nn.Parameter(torch.zeros(1))
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, inputs, mode: str = "tensor"):
        numbers = torch.cat(inputs)
        found = self.slope * numbers
        if mode == "loss":
            return dict(loss=(found - numbers).square().mean())
        return [found]


class Numbers(Dataset):
    def __init__(self, values: list[float]) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> dict:
        return dict(inputs=torch.tensor([self.values[index]]))


class Score(BaseMetric):
    def process(self, data_batch, data_samples) -> None:
        self.results.append(0)

    def compute_metrics(self, results: list) -> dict:
        return dict(score=0.0)


class Spoil(Hook):
    """Makes an entry of the model no number after a step, as an update would."""

    def __init__(self, name: str, step: int) -> None:
        self.name = name
        self.step = step

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if runner.iter + 1 == self.step:
            runner.model.state_dict()[self.name].fill_(torch.inf)


class Validated(Hook):
    def __init__(self) -> None:
        self.epochs: list[int] = []

    def after_val_epoch(self, runner, metrics=None) -> None:
        self.epochs.append(runner.epoch)


def runner(folder: Path, values: list[float], hooks=(), validate: bool = True, **more):
    """Three epochs, batches of 2."""
    loader = dict(
        batch_size=2,
        num_workers=0,
        drop_last=True,
        dataset=Numbers(values),
        sampler=dict(type="DefaultSampler", shuffle=False),
    )
    validation = dict(
        val_dataloader={**loader, "drop_last": False},
        val_cfg=dict(type="ValLoop"),
        val_evaluator=[Score()],
    )
    return CheckedRunner(
        model=Line(),
        work_dir=str(folder),
        train_dataloader={**loader, **more.pop("loader", {})},
        train_cfg=more.pop("train_cfg", dict(by_epoch=True, max_epochs=3)),
        optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.1)),
        custom_hooks=[dict(type="NonFiniteHook"), *hooks],
        default_hooks=dict(checkpoint=None),
        experiment_name=folder.name,
        **(validation if validate else {}),
        **more,
    )


def test_a_loss_that_is_no_number_names_the_step(tmp_path: Path) -> None:
    with pytest.raises(FloatingPointError) as error:
        runner(tmp_path, [1.0, 1.0, 1.0, float("nan")]).train()
    assert str(error.value) == (
        f"the loss is nan at step 2 of {tmp_path}. Try a lower learning rate, a longer warm-up, or bfloat16 in place "
        "of float16"
    )


@pytest.mark.parametrize("name", ["slope", "seen"])
@pytest.mark.parametrize("validate", [True, False])
def test_a_last_update_that_spoils_the_weights_ends_the_run(
    name: str, validate: bool, tmp_path: Path
) -> None:
    """Nothing of the loss shows it: 3 epochs of 2 steps, the last of which spoils."""
    seen = Validated()
    made = runner(tmp_path, [1.0] * 4, [Spoil(name, 6), seen], validate)
    with pytest.raises(FloatingPointError, match=f"^{name} has values .* after step 6 of "):
        made.train()
    assert seen.epochs == ([1, 2] if validate else [])


def test_spoilt_weights_are_not_saved(tmp_path: Path) -> None:
    made = runner(tmp_path, [1.0] * 8, [Spoil("slope", 3)], False)
    made.register_hook(
        dict(type="CheckpointHook", interval=1, by_epoch=False, save_last=False), "VERY_LOW"
    )
    with pytest.raises(FloatingPointError, match=r"^slope has values .* after step 3 of "):
        made.train()
    assert sorted(path.name for path in tmp_path.glob("*.pth")) == ["iter_1.pth", "iter_2.pth"]


def test_a_sound_run_ends_by_itself(tmp_path: Path) -> None:
    seen = Validated()
    made = runner(tmp_path, [1.0] * 4, [seen])
    made.train()
    assert made.iter == 6 and seen.epochs == [1, 2, 3]


@pytest.mark.parametrize(
    "train_cfg", [dict(by_epoch=True, max_epochs=1), dict(by_epoch=False, max_iters=3)]
)
def test_a_loader_without_a_step_is_an_error(train_cfg: dict, tmp_path: Path) -> None:
    made = runner(tmp_path, [1.0], validate=False, train_cfg=train_cfg)
    with pytest.raises(ValueError) as error:
        made.train()
    assert str(error.value) == (
        "1 images to train on do not fill a batch of 2 in each of 1 processes: set train_dataloader.batch_size lower, "
        "train_dataloader.drop_last=False, or give more images"
    )


def test_an_endless_sampler_fills_any_batch(tmp_path: Path) -> None:
    made = runner(
        tmp_path,
        [1.0],
        validate=False,
        loader=dict(sampler=dict(type="InfiniteSampler", shuffle=True)),
        train_cfg=dict(by_epoch=False, max_iters=3),
    )
    made.train()
    assert made.iter == 3
