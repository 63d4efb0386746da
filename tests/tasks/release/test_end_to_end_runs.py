"""Whole runs of the release's end-to-end segmentation on phantoms: both networks, the best and the last epoch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.registry import HOOKS, METRICS
from mmengine.runner import Runner

from benchmarks.config import set_image_size
from benchmarks.execute import train_and_test
from benchmarks.grid import RunSpec
from lvmmed_backbones.openmmlab.resumption import CheckedRunner
from lvmmed_backbones.weights.reading import read
from tasks import datasets, phantoms
from tasks.hooks import LAST, LAST_SCORES
from tests.factories import placed, run_on


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("released")
    for name in ("kvasir", "mmwhs_ct", "jsrt", "brats2018", "prostate"):
        phantoms.generate(name, folder / "downloads")
        datasets.prepare(name, folder / "downloads", folder)
    return folder


pytestmark = pytest.mark.usefixtures("one_thread")


@METRICS.register_module()
class _SecondIsBest(BaseMetric):
    """Scores the three epochs, in place of what the model predicts."""

    default_prefix = ""
    scores = (0.3, 0.9, 0.5)

    def __init__(self) -> None:
        super().__init__()
        self.left = list(self.scores)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        self.results.append(0)

    def compute_metrics(self, results: list) -> dict[str, float]:
        score = self.left.pop(0)
        return dict(dice=score, iou=score)


def small(config: Config, epochs: int) -> Config:
    """A config of the paper's profile on six images of 32 px, in batches of two."""
    set_image_size(config, 32)
    config.train_cfg.max_epochs = epochs
    config.optim_wrapper.optimizer.lr = 3e-3
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        loader.num_workers, loader.persistent_workers = 0, False
        loader.dataset.indices = 6
    config.train_dataloader.batch_size = 2
    return config


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "backbone"),
    [
        ("mmwhs_ct", "random_resnet50"),
        ("kvasir", "random_vit_tiny"),
        ("jsrt", "random_resnet18_half"),
        ("brats2018", "random_resnet18_half"),
        ("brats2018", "random_vit_mini"),
        ("prostate", "random_resnet18_half"),
    ],
)
def test_a_mini_run_writes_its_record(data: Path, tmp_path: Path, task: str, backbone: str) -> None:
    spec = RunSpec(task, backbone, "mini", 0, recipe="release")
    record = train_and_test(run_on(spec, data, tmp_path))
    names = {"dice", "iou", "dice_all", "iou_all"}
    if task in ("mmwhs_ct", "brats2018"):
        names |= {"slice_dice", "slice_iou"}
    if task == "prostate":
        sites = ("BMC", "RUNMC", "BIDMC", "HK")
        names |= {f"{name}/{site}" for name in ("dice", "iou") for site in sites}
    assert set(record.metrics) == names | {f"last_{name}" for name in names}
    assert all(0 <= value <= 1 for value in record.metrics.values())


@pytest.mark.parametrize("task", ["kvasir", "mmwhs_ct"])
def test_the_best_and_the_last_epoch_are_tested(
    data: Path, tmp_path: Path, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = RunSpec(task, "random_vit_mini", "paper", 0, recipe="release")
    config = small(placed(spec, data, tmp_path), epochs=3)
    config.val_evaluator = dict(type="_SecondIsBest")
    states: dict[str, list] = {"after_val_epoch": [], "before_test_epoch": []}
    calling = Runner.call_hook

    def noting(self: Runner, name: str, **arguments) -> None:
        if name in states:
            states[name].append({n: v.clone() for n, v in self.model.state_dict().items()})
        calling(self, name, **arguments)

    monkeypatch.setattr(Runner, "call_hook", noting)
    runner = CheckedRunner.from_cfg(config)
    runner.train()
    metrics = runner.test()
    _, best, last = states["after_val_epoch"]
    assert not same(best, last)
    tested_first, tested_then = states["before_test_epoch"]
    assert same(tested_first, last) and same(tested_then, best)
    scores = runner.message_hub.runtime_info[LAST_SCORES]
    assert {name.removeprefix("last_") for name in scores} == {*metrics}
    rows = json.loads((tmp_path / "cases.json").read_text())
    headline = config.task.headline
    assert sum(row[headline] for row in rows) / len(rows) == pytest.approx(metrics[headline])


@HOOKS.register_module()
class _StopWithinEpochHook(Hook):
    """Stops after the first step of the second epoch."""

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        if runner.iter == 3:
            raise KeyboardInterrupt


def test_a_run_that_was_stopped_within_an_epoch_goes_on_to_the_same_scores(
    data: Path, tmp_path: Path
) -> None:
    """Six images in batches of four: two steps an epoch, and a validation after each."""
    spec = RunSpec("kvasir", "random_vit_mini", "paper", 0, recipe="release")
    found = []
    for stop in (False, True):
        run = run_on(spec, data, tmp_path / str(stop))
        small(run.config, epochs=3).train_dataloader.batch_size = 4
        if stop:
            run.config.custom_hooks.append(dict(type="_StopWithinEpochHook"))
            with pytest.raises(KeyboardInterrupt):
                train_and_test(run)
            assert read(run.folder / LAST)["meta"]["iter"] == 3
            run.config.custom_hooks.pop()
        record = train_and_test(run)
        assert (run.folder / LAST).is_file()
        found.append((record.metrics, record.cases))
    assert found[0] == found[1]


def test_the_test_of_the_last_epoch_counts_as_testing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a clock that goes on by 1 in a step, by 10 in a validation and by 1000 in a test."""
    ticks = dict(after_train_iter=1, after_val_epoch=10, after_test_epoch=1000)
    now = [0.0]
    calling = Runner.call_hook

    def ticking(self: Runner, name: str, **arguments: Any) -> None:
        now[0] += ticks.get(name, 0)
        calling(self, name, **arguments)

    monkeypatch.setattr(Runner, "call_hook", ticking)
    for module in ("record", "execute"):
        monkeypatch.setattr(f"benchmarks.{module}.time", SimpleNamespace(monotonic=lambda: now[0]))
    spec = RunSpec("kvasir", "random_vit_mini", "paper", 0, recipe="release")
    run = run_on(spec, data, tmp_path)
    small(run.config, epochs=2)
    cost = train_and_test(run).cost
    assert (cost["train_seconds"], cost["test_seconds"]) == (2 * 3 + 2 * 10, 2 * 1000)


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in {*first, *second})
