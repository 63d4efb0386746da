"""A run of mmengine saves and resumes with torch's safe loader."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import TensorDataset

import lvmmed_backbones.openmmlab  # noqa: F401  registers the safe globals


class Line(BaseModel):
    """y = w x, by least squares."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, x, y, mode="tensor"):
        return {"loss": (self.layer(x) - y).square().mean()}


def runner(folder: Path, epochs: int, resume: bool) -> Runner:
    x = torch.linspace(-1, 1, 16)[:, None]
    return Runner(
        model=Line(),
        work_dir=str(folder),
        train_dataloader=dict(
            dataset=TensorDataset(x, 3 * x),
            batch_size=4,
            sampler=dict(type="DefaultSampler", shuffle=True),
            collate_fn=dict(type="default_collate"),
        ),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type="Adam", lr=0.1)),
        param_scheduler=dict(type="ExponentialLR", gamma=0.9),
        resume=resume,
        randomness=dict(seed=0),
        experiment_name=f"line-{epochs}-{resume}",
    )


READING = """
import sys
from lvmmed_backbones.weights.reading import read
def curve():
    return read(sys.argv[1])["message_hub"]["log_scalars"]["train/loss"]
print(type(curve()).__module__, curve()._log_history.tolist(), "mmengine" in sys.modules)
import lvmmed_backbones.openmmlab
print(type(curve()).__module__, curve()._log_history.tolist(), curve().statistics("current"))
"""


def test_a_checkpoint_of_mmengine_is_read_without_mmengine_and_then_with_it(tmp_path: Path) -> None:
    first = runner(tmp_path, 1, resume=False)
    first.train()
    losses = first.message_hub.get_scalar("train/loss").data[0].tolist()
    read = [sys.executable, "-c", READING, str(tmp_path / "epoch_1.pth")]
    done = subprocess.run(read, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        f"lvmmed_backbones.safe_globals {losses} False",
        f"mmengine.logging.history_buffer {losses} {losses[-1]}",
    ], done.stderr


def test_a_checkpoint_of_mmengine_resumes(tmp_path: Path) -> None:
    first = runner(tmp_path, 2, resume=False)
    first.train()
    second = runner(tmp_path, 4, resume=True)
    second.train()
    assert (second.epoch, second.iter) == (4, 16)
    history = second.message_hub.get_scalar("train/loss")
    assert len(history.data[0]) == 16  # the first run's eight losses came along
    content = torch.load(tmp_path / "epoch_2.pth", weights_only=True)
    assert content["meta"]["epoch"] == 2
