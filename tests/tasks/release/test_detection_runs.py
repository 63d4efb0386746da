"""Whole runs of the release's detection on the phantom of VinDr: the last epoch is kept and tested."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.registry import METRICS
from mmengine.runner import Runner
from torch import Tensor

import tasks.registration  # noqa: F401
from benchmarks.config import set_image_size
from benchmarks.execute import train_and_test
from benchmarks.grid import RunSpec
from lvmmed_backbones.openmmlab.resumption import CheckedRunner
from lvmmed_backbones.weights.reading import read
from reports.reading.metrics import describe_metric
from tasks import registry
from tasks.hooks import LAST, LAST_SCORES
from tests.factories import placed, run_on

pytestmark = pytest.mark.usefixtures("one_thread")


@METRICS.register_module()
class _FirstIsBest(BaseMetric):
    """Scores the epochs, in place of what the model predicts: each less than the one before."""

    default_prefix = ""
    given = 0

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        self.results.append(0)

    def compute_metrics(self, results: list) -> dict[str, float]:
        _FirstIsBest.given += 1
        return dict(map50=1 / _FirstIsBest.given)


def small(prepared_root: Path, folder: Path, epochs: int) -> Config:
    """A run by epochs as the profile paper has it, of few small images."""
    spec = RunSpec("vindr", "random_resnet18_half", "paper", 0, recipe="release")
    config = placed(spec, prepared_root, folder)
    set_image_size(config, 32)
    config.merge_from_dict(NARROW)
    config.train_cfg.max_epochs = epochs
    config.train_dataloader.num_workers = 0
    config.train_dataloader.dataset.dataset.indices = 4
    for loader in (config.val_dataloader, config.test_dataloader):
        loader.num_workers, loader.persistent_workers = 0, False
        loader.dataset.indices = 2
    config.val_evaluator = dict(type="_FirstIsBest")
    return config


NARROW = registry.get("vindr", "release").narrow


def outcome(config: Config, monkeypatch: pytest.MonkeyPatch) -> tuple[dict, list, dict]:
    """Train and test; return the weights that were tested, those after each validation, and what the record is told."""
    states: dict[str, list[dict[str, Tensor]]] = {"after_val_epoch": [], "before_test_epoch": []}
    calling = Runner.call_hook

    def noting(self: Runner, name: str, **arguments) -> None:
        if name in states:
            states[name].append({n: v.clone() for n, v in self.model.state_dict().items()})
        calling(self, name, **arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Runner, "call_hook", noting)
        runner = CheckedRunner.from_cfg(config)
        runner.train()
        runner.test()
    (state,) = states["before_test_epoch"]
    return state, states["after_val_epoch"], runner.message_hub.runtime_info[LAST_SCORES]


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_the_last_epoch_is_kept_and_tested_though_another_is_best(
    prepared_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, validated, told = outcome(small(prepared_root, tmp_path / "a", 2), monkeypatch)
    assert len(validated) == 2 and not same(*validated)
    assert same(state, validated[-1])
    assert told == {"epoch": 2}
    (kept,) = (tmp_path / "a").glob("best_*.pth")
    assert same(read(kept)["state_dict"], state)


def test_a_run_that_goes_on_tests_what_a_whole_run_tests(
    prepared_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, *_ = outcome(small(prepared_root, tmp_path / "whole", 2), monkeypatch)
    outcome(small(prepared_root, tmp_path / "parts", 1), monkeypatch)
    config = small(prepared_root, tmp_path / "parts", 2)
    for validated in (
        1,
        0,
    ):  # goes on after the first epoch; then again after the second, with the test alone
        config.load_from, config.resume = str(tmp_path / "parts" / LAST), True
        state, after, told = outcome(config, monkeypatch)
        assert len(after) == validated and same(state, whole)
        assert told == {"epoch": 2}


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["random_resnet50", "random_vit_tiny"])
def test_a_mini_run_writes_its_record(prepared_root: Path, tmp_path: Path, backbone: str) -> None:
    spec = RunSpec("vindr", backbone, "mini", 0, 0.5, recipe="release")
    record = train_and_test(run_on(spec, prepared_root, tmp_path))
    assert record.recipe == "release" and len(record.cases) == 12
    assert {"map50", "map"} <= record.metrics.keys() and "epoch" not in record.metrics
    assert record.data.counts == {"train": 19, "test": 12}


def test_a_record_says_which_epoch_was_tested(prepared_root: Path, tmp_path: Path) -> None:
    run = run_on(
        RunSpec("vindr", "random_resnet18_half", "mini", 0, recipe="release"),
        prepared_root,
        tmp_path,
    )
    record = train_and_test(dataclasses.replace(run, config=small(prepared_root, run.folder, 2)))
    assert not describe_metric("epoch").ranks
    assert record.metrics["epoch"] == 2 and record.metrics["map50"] is not None


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
def test_a_share_of_the_labels_is_the_end_of_the_table(
    prepared_root: Path, tmp_path: Path, fraction: float
) -> None:
    spec = RunSpec("vindr", "random_resnet18_half", "mini", 7, fraction, recipe="release")
    runner = CheckedRunner.from_cfg(placed(spec, prepared_root, tmp_path))
    inner = runner.train_dataloader.dataset.dataset
    listed = (prepared_root / "vindr" / "splits" / "release_train.txt").read_text().split()
    taken = [Path(inner.get_data_info(n)["img_path"]).stem for n in range(len(inner))]
    assert taken == listed[-int(fraction * len(listed)) :]
