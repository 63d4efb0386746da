"""Numbers that a run changes in its config, and half a batch in two steps."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

import benchmarks
from benchmarks.grid import RunSpec
from benchmarks.overrides import apply, as_dict, checked, halved, without_halving
from benchmarks.planning import look_ahead
from benchmarks.study import load_study
from tests.factories import configured

PLUGIN = """
import torch
import tasks
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

@HOOKS.register_module()
class ShortOfMemory(Hook):
    def __init__(self, most):
        self.most = most

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if len(data_batch["inputs"]) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

tasks.register(r"FOLDER/short_task.py")
"""
TASK = """
_base_ = ["CONFIGS/brain_tumor_finetune.py"]
task = dict(name="short")
custom_hooks = [dict(type="ShortOfMemory", most=MOST)]
custom_imports = dict(imports=["tasks.registration", "short_of_memory"])
"""
ROOT = Path(__file__).resolve().parents[2]


def write_task(folder: Path, most: int) -> Path:
    """A plugin with the task `short`, which has memory for `most` images at a time."""
    text = TASK.replace("CONFIGS", str(ROOT / "tasks" / "configs")).replace("MOST", str(most))
    (folder / "short_task.py").write_text(text)
    (folder / "short_of_memory.py").write_text(PLUGIN.replace("FOLDER", str(folder)))
    return folder / "short_of_memory.py"


def run(folder: Path, plugin: Path, *more: str) -> tuple[int, str]:
    """`python -m benchmarks run` of the task `short` with seed 0."""
    import subprocess
    import sys

    words = [
        "run",
        "--tasks",
        "short",
        "--backbones",
        "random_resnet18_half",
        "--profile",
        "mini",
        *more,
    ]
    folders = ["--results", folder / "results", "--work", folder / "work", "--plugins", plugin]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words, *folders],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def records(folder: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in folder.glob("results/runs/*/record.json")]


def test_without_memory_for_a_batch_a_run_takes_half_of_it_in_two_steps(tmp_path: Path) -> None:
    plugin = write_task(tmp_path, most=8)
    code, said = run(tmp_path, plugin)
    assert code == 0 and "1 runs done, 0 were done before, 0 failed" in said
    assert (
        "out of memory: short random_resnet18_half seed 0. Once more, with half the batch" in said
    )
    (record,) = records(tmp_path)
    assert record["overrides"] == {
        "optim_wrapper.accumulative_counts": 2,
        "param_scheduler.0.T_max": 80,
        "test_dataloader.batch_size": 8,
        "train_cfg.max_iters": 80,
        "train_cfg.val_interval": 80,
        "train_dataloader.batch_size": 8,
    }
    code, said = run(tmp_path, plugin)  # the full batch is not tried again
    assert code == 0 and "out of memory" not in said and len(records(tmp_path)) == 1
    assert len([*(tmp_path / "results" / "runs").iterdir()]) == 2


@pytest.mark.slow
def test_without_memory_for_half_a_batch_a_run_fails_by_name(tmp_path: Path) -> None:
    code, said = run(tmp_path, write_task(tmp_path, most=4))
    assert code == 1 and "0 runs done, 0 were done before, 1 failed" in said
    assert "OutOfMemoryError: CUDA out of memory" in said.splitlines()[-1]
    assert records(tmp_path) == []


@pytest.mark.parametrize(
    ("task", "profile"),
    [("kvasir", "mini"), ("bccd", "mini"), ("kvasir", "paper"), ("vindr", "paper")],
)
def test_half_a_batch_has_the_steps_of_the_whole_one(task: str, profile: str) -> None:
    config = configured(RunSpec(task, "random_resnet50", profile, 0))
    half = copy.deepcopy(config)
    apply(half, halved(config))
    counts = half.optim_wrapper.accumulative_counts
    assert half.train_dataloader.batch_size * counts == config.train_dataloader.batch_size
    if "max_iters" in config.train_cfg:
        assert half.train_cfg.max_iters == counts * config.train_cfg.max_iters
    for before, after in zip(config.param_scheduler, half.param_scheduler, strict=True):
        for name in ("end", "T_max"):
            if name in before and not before.by_epoch:
                assert after[name] == 2 * before[name]
    assert half.model == config.model


def test_what_cannot_be_halved_is_not(tmp_path: Path) -> None:
    config = configured(RunSpec("kvasir", "random_resnet50", "mini", 0))
    for batch in (1, 7):
        config.train_dataloader.batch_size = batch
        assert halved(config) is None
    assert halved(configured(RunSpec("brain_tumor_linear", "random_resnet50", "mini", 0))) is None


class Numbers(torch.utils.data.Dataset):
    """Fixed random vectors and what they should give."""

    def __init__(self) -> None:
        torch.manual_seed(1)
        self.images, self.labels = torch.randn(32, 4), torch.randn(32, 1)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.images[place], self.labels[place]


def test_a_network_without_batch_statistics_is_trained_alike(tmp_path: Path) -> None:
    """The gradients of two halves, each half as heavy, are those of the whole: compared with one linear layer."""
    from mmengine.model import BaseModel

    class Linear(BaseModel):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.layer = torch.nn.Linear(4, 1)

        def forward(self, images, labels, mode):
            return {"loss": (self.layer(images) - labels).square().mean()}

    config = Config(
        dict(
            task=dict(name="numbers"),
            train_dataloader=dict(batch_size=8),
            optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.1)),
            train_cfg=dict(type="IterBasedTrainLoop", max_iters=12, val_interval=12),
            param_scheduler=[dict(type="CosineAnnealingLR", T_max=12, by_epoch=False)],
        )
    )
    weights = []
    for changes in ((), halved(config)):
        chosen = copy.deepcopy(config)
        apply(chosen, changes)
        model = Linear()
        loader = dict(
            dataset=Numbers(),
            sampler=dict(type="InfiniteSampler", shuffle=True),
            collate_fn=dict(type="default_collate"),
            **chosen.train_dataloader,
        )
        Runner(
            model, str(tmp_path), train_dataloader=loader, optim_wrapper=chosen.optim_wrapper,
            train_cfg=chosen.train_cfg, randomness=dict(seed=0), log_level="ERROR",
            experiment_name=str(len(changes)),
        ).train()  # fmt: skip
        weights.append(torch.cat([p.flatten() for p in model.parameters()]).detach())
    torch.testing.assert_close(weights[0], weights[1])


def test_an_override_is_another_run_with_its_number_in_the_record(tmp_path: Path) -> None:
    grid = dict(
        tasks=["brain_tumor_linear"], backbones=["random_resnet18_half"], seeds=[0], profile="mini",
        results=tmp_path / "results", work=tmp_path / "work",
    )  # fmt: skip
    changes = {"probe.image_size": 48}
    (plain,) = benchmarks.run(**grid)
    (changed,) = benchmarks.run(**grid, overrides=changes)
    assert not plain.failure and not changed.failure and plain.run.folder != changed.run.folder
    assert sorted(str(r["overrides"]) for r in records(tmp_path)) == [
        "{'probe.image_size': 48}",
        "{}",
    ]
    study = load_study(
        None, **{k: v for k, v in grid.items() if k not in ("results", "work")}, overrides=changes
    )
    outlook = look_ahead(study, None, tmp_path / "results", tmp_path / "work")
    assert outlook.total().done == 1


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"model.backbone.type": "x"}, "Give a number"),
        ({"custom_imports.imports": ["os"]}, "Give a number"),
        ({"optim_wrapper.optimizer.lr": float("nan")}, "Give a number"),
        ({"optim_wrapper.optimizer.lr": 10**400}, "Give a number"),
        ({"optim_wrapper.optimizer.lr": [1, -float("inf")]}, "Give a number"),
        ({"model": 1}, "'model' is no place"),
        ({"a.__class__ .b": 1}, "is no place"),
    ],
)
def test_texts_and_what_is_no_place_are_refused(overrides: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checked(overrides)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("optim_wrapr.lr", "optim_wrapr is missing"),
        ("optim_wrapper.optimizer.type", "is no number"),
        ("optim_wrapper.optimizer", "is no number"),
        ("param_scheduler.7.T_max", "7 is missing"),
        ("param_scheduler.0", "is no number"),
    ],
)
def test_places_that_a_config_does_not_have(name: str, message: str) -> None:
    config = configured(RunSpec("kvasir", "random_resnet50", "mini", 0))
    with pytest.raises(ValueError, match=message):
        apply(config, checked({name: 1}))


def test_halving_is_told_apart_from_a_study_s_own_choice() -> None:
    own = checked({"optim_wrapper.optimizer.lr": 0.1, "model.x.y": [1, 2]})
    assert as_dict(own) == {"model.x.y": [1, 2], "optim_wrapper.optimizer.lr": 0.1}
    config = configured(RunSpec("kvasir", "random_resnet50", "mini", 0))
    both = checked(dict(own + halved(config)))
    assert without_halving(both) == own
