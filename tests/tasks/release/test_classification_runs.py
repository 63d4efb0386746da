"""Whole runs of the release's classification on phantoms: each config, drifted statistics, resumption."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from benchmarks.config import set_image_size
from benchmarks.execute import train_and_test
from benchmarks.grid import RunSpec
from lvmmed_backbones.openmmlab.resumption import CheckedRunner
from tasks import datasets, phantoms, registry
from tasks.hooks import LAST
from tests.factories import placed, run_on

TASKS = [name for name in registry.release_names() if name.startswith(("brain_tumor_", "fgadr_"))]
BACKBONES = ("random_resnet18_half", "random_vit_mini")
STEPS = 3


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("released")
    for name in ("brain_tumor", "fgadr"):
        phantoms.generate(name, folder / "downloads")
        datasets.prepare(name, folder / "downloads", folder)
    return folder


pytestmark = pytest.mark.usefixtures("one_thread")


def test_there_are_four_protocols_with_two_heads_each() -> None:
    assert len(TASKS) == 8
    assert {name.removesuffix("_fcns") for name in TASKS} == {
        f"{data_set}_{protocol}" for data_set in ("brain_tumor", "fgadr") for protocol in ("linear", "finetune")
    }  # fmt: skip


def mini(task: str, backbone: str, data: Path, folder: Path, steps: int) -> dict[str, Any]:
    run = run_on(RunSpec(task, backbone, "mini", 0, recipe="release"), data, folder)
    run.config.train_cfg.max_iters = steps
    record = train_and_test(run)
    assert record.metric == "accuracy" and record.recipe == "release" and record.task == task
    rows = {row["case"]: row["accuracy"] for row in record.cases}
    assert record.metrics["accuracy"] == pytest.approx(sum(rows.values()) / len(rows))
    return dict(metrics=record.metrics, cases=record.cases)


RESNET, VIT = BACKBONES
QUICK = [(task, BACKBONES[number % 2]) for number, task in enumerate(TASKS)]
QUICK += [("brain_tumor_linear", RESNET), ("fgadr_linear", RESNET), ("fgadr_finetune", VIT)]


@pytest.mark.parametrize(("task", "backbone"), sorted({*QUICK}))
def test_a_mini_run_writes_its_record(data: Path, tmp_path: Path, task: str, backbone: str) -> None:
    mini(task, backbone, data, tmp_path, STEPS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "backbone"),
    [("fgadr_linear", "random_resnet50"), ("brain_tumor_finetune_fcns", "random_vit_mini")],
)
def test_a_mini_run_of_all_its_steps_repeats_itself(
    data: Path, tmp_path: Path, task: str, backbone: str
) -> None:
    first, again = (mini(task, backbone, data, tmp_path / n, 40) for n in ("first", "again"))
    assert first == again


# By epochs, as at the profile paper.


@HOOKS.register_module()
class _StopBeforeEpochHook(Hook):
    """Ends a run before an epoch, as a kill does after the checkpoint of the epoch before."""

    priority = "HIGHEST"

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def before_train_epoch(self, runner: Runner) -> None:
        if runner.epoch == self.epoch:
            raise InterruptedError


def by_epochs(task: str, data: Path, folder: Path, seed: int = 0) -> Config:
    config = placed(RunSpec(task, RESNET, "paper", seed, recipe="release"), data, folder)
    set_image_size(config, 32)
    config.train_cfg.max_epochs = 3
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        loader.num_workers, loader.persistent_workers, loader.batch_size = 0, False, 8
    config.experiment_name = folder.name
    return config


def carried_out(config: Config, folder: Path) -> tuple[dict[str, Any], list, dict[str, Any]]:
    runner = CheckedRunner.from_cfg(config)
    runner.train()
    metrics = runner.test()
    state = {name: value.clone() for name, value in runner.model.state_dict().items()}
    return metrics, json.loads((folder / "cases.json").read_text()), state


def test_a_resumed_run_gives_what_a_whole_run_gives(data: Path, tmp_path: Path) -> None:
    """Drifted statistics, random views in testing and the choice among ties are all part of it."""
    results = []
    for name in ("whole", "resumed"):
        folder = tmp_path / name
        config = by_epochs("fgadr_linear", data, folder)
        if name == "resumed":
            hooks = list(config.custom_hooks)
            config.custom_hooks = [*hooks, dict(type="_StopBeforeEpochHook", epoch=2)]
            with pytest.raises(InterruptedError):
                CheckedRunner.from_cfg(config).train()
            config.custom_hooks = hooks
            config.load_from, config.resume = str(folder / LAST), True
        results.append(carried_out(config, folder))
    (metrics, cases, state), (metrics_again, cases_again, state_again) = results
    assert metrics == metrics_again and cases == cases_again
    assert all(torch.equal(state[name], state_again[name]) for name in {*state, *state_again})


def test_what_is_tested_has_the_statistics_that_drifted_until_the_best_epoch(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frozen network: the same weights throughout, other statistics after each epoch; a tie takes the later one."""
    scores = iter([0.5, 0.5, 0.25])
    monkeypatch.setattr(
        "tasks.metrics.classification.ClassificationScores.compute_metrics",
        lambda self, results: {"accuracy": next(scores, 0.0)},
    )
    config = by_epochs("brain_tumor_linear", data, tmp_path)
    states: dict[str, list] = {"before_train": [], "after_val_epoch": [], "before_test_epoch": []}
    calling = Runner.call_hook

    def noting(self: Runner, name: str, **arguments: Any) -> None:
        if name in states:
            state = self.model.backbone.state_dict()
            states[name].append({key: value.clone() for key, value in state.items()})
        calling(self, name, **arguments)

    monkeypatch.setattr(Runner, "call_hook", noting)
    runner = CheckedRunner.from_cfg(config)
    runner.train()
    runner.test()
    (start,), epochs, (tested,) = states.values()
    statistics = [name for name in start if "running_" in name]
    assert statistics
    for name, value in tested.items():
        assert torch.equal(value, epochs[1][name]), name
        moved = not torch.equal(value, start[name])
        assert moved == (name in statistics or "num_batches" in name), name
    for name in statistics:
        assert not torch.equal(epochs[0][name], epochs[1][name])
        assert not torch.equal(epochs[1][name], epochs[2][name])
