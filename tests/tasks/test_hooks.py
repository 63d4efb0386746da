"""The model that is tested is the one that was best on the valid split."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import TensorDataset

import tasks.registration  # noqa: F401
from tasks.hooks import DeterministicHook, SelectionHook


class Counter(BaseModel):
    """Its weight grows by one a step."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x, mode="tensor"):
        return {"loss": -self.weight.sum()} if mode == "loss" else [self.weight.item()]


class NearTwo(BaseMetric):
    """Highest when the weight is 2."""

    def process(self, data_batch, data_samples) -> None:
        self.results.extend(data_samples)

    def compute_metrics(self, results: list) -> dict:
        return {"score": -abs(results[-1] - 2)}


def train(folder: Path, validate: bool, **selection: str) -> float:
    loader = dict(
        dataset=TensorDataset(torch.zeros(1, 1)),
        batch_size=1,
        sampler=dict(type="DefaultSampler", shuffle=False),
    )
    checks = (
        dict(val_dataloader=loader, val_cfg=dict(), val_evaluator=[NearTwo()]) if validate else {}
    )
    runner = Runner(
        model=Counter(),
        work_dir=str(folder),
        train_dataloader=loader,
        train_cfg=dict(by_epoch=True, max_epochs=5),
        optim_wrapper=dict(optimizer=dict(type="SGD", lr=1.0)),
        default_hooks=dict(checkpoint=dict(type="SelectionHook", **selection)),
        custom_hooks=[dict(type="LoadBestHook")],
        experiment_name=folder.name,  # mmengine keeps what it knows of an experiment in the process
        cfg=dict(task=dict(headline="score")),
        **checks,
    )
    runner.train()
    return runner.model.weight.item()


def test_the_best_checkpoint_is_loaded_after_training(tmp_path: Path) -> None:
    assert train(tmp_path, validate=True) == 2


def test_without_validation_the_last_weights_stay(tmp_path: Path) -> None:
    assert train(tmp_path, validate=False) == 5


def test_a_gpu_is_asked_to_compute_alike(monkeypatch) -> None:
    """Only what torch was told can be seen here; tests have no GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", False)
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    try:
        DeterministicHook().before_run(None)
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
        assert torch.backends.cudnn.deterministic and not torch.backends.cudnn.benchmark
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    finally:
        torch.use_deterministic_algorithms(False)


def test_an_undefined_score_is_below_every_other(tmp_path: Path, monkeypatch) -> None:
    scores = iter([float("nan"), -7.0, float("nan"), -9.0, float("nan")])
    monkeypatch.setattr(NearTwo, "compute_metrics", lambda self, results: {"score": next(scores)})
    assert train(tmp_path, validate=True) == 2  # the weight when the score was -7


@pytest.mark.parametrize(
    ("ties", "weight"), [({}, 2), (dict(ties="earlier"), 2), (dict(ties="later"), 4)]
)
def test_of_equal_scores_the_earlier_or_the_later_is_tested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ties: dict, weight: int
) -> None:
    scores = iter([0.5, 0.7, 0.6, 0.7, float("nan")])
    monkeypatch.setattr(NearTwo, "compute_metrics", lambda self, results: {"score": next(scores)})
    assert train(tmp_path, validate=True, **ties) == weight
    assert len([*tmp_path.glob("best_*.pth")]) == 1


def test_another_word_for_ties_is_refused() -> None:
    with pytest.raises(ValueError, match=r"ties='last': choose 'earlier' or 'later'"):
        SelectionHook(ties="last")  # type: ignore[arg-type]
