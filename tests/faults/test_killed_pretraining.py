"""SIGKILL of `pretrain` and of `export`."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.commands import dies_at
from tests.faults.conftest import launcher, step_at
from tests.faults.corpora import building, draw
from tests.faults.folders import checksum, half_written, tensors
from tests.faults.grid import assert_in_order

OPTIONS = {
    "train_dataloader.batch_size": 8,
    "train_dataloader.dataset.pipeline.0.crops.0.size": 32,
    "default_hooks.checkpoint.interval": 2,
    "train_cfg.max_epochs": 2,
}
LAST = 24  # steps: 96 images, 8 a step, 2 epochs
METHODS = ("simclr_resnet18_mini", "mocov2_resnet18_mini", "lvmmed_resnet18_mini")


@dataclass(frozen=True)
class Pretraining:
    """Pretrainings without a fault.

    Attributes
    ----------
    corpus : Path
        That they train on.
    folder : Path
        Of the runs, by method.
    seconds : float
        That the first took.
    steps : int
        Of an export, changes to files.
    exported : str
        The checksum of what the first is exported to.
    """

    corpus: Path
    folder: Path
    seconds: float
    steps: int
    exported: str


def line(method: str, corpus: Path, run: Path, *more: str) -> list[str | Path]:
    options = [f"{key}={value}" for key, value in OPTIONS.items()]
    return [
        "lvmmed_backbones", "pretrain", method, "--corpus", corpus, "--work-dir", run, *more,
        "--cfg-options", *options,
    ]  # fmt: skip


def exporting(run: Path, out: Path) -> list[str | Path]:
    return ["lvmmed_backbones", "export", run, "mine", "--out", out]


@pytest.fixture(scope="module")
def whole_run(starter, tmp_path_factory: pytest.TempPathFactory) -> Pretraining:
    folder = tmp_path_factory.mktemp("pretraining")
    launch = launcher(starter, folder)
    draw(folder)
    corpus, note, out = folder / "corpus", folder / "note", folder / "shelf"
    assert_in_order(launch(*building(folder, corpus)), 0)
    run = folder / METHODS[0]
    begin = time.monotonic()
    assert_in_order(launch(*line(METHODS[0], corpus, run)), 0)
    seconds = time.monotonic() - begin
    assert_in_order(launch(*exporting(run, out), environment=dies_at(0, out, note)), 0)
    exported = checksum(out / "mine.safetensors")
    return Pretraining(corpus, folder, seconds, note.stat().st_size, exported)


@pytest.mark.fault(
    "SIGKILL of `pretrain`",
    "`--resume` goes on; the last checkpoint as without the kill, tensor for tensor",
)
@pytest.mark.moments(3)
def test_a_pretraining_is_killed(
    whole_run: Pretraining, strike, start, tmp_path: Path, moment: float
) -> None:
    run = tmp_path / "run"
    words = line(METHODS[0], whole_run.corpus, run)
    strike(moment * whole_run.seconds, *words, again=lambda: shutil.rmtree(run))
    again = start(*line(METHODS[0], whole_run.corpus, run, "--resume"))
    assert_in_order(again, 0)
    last = f"iter_{LAST}.pth"
    assert tensors(run / last) == tensors(whole_run.folder / METHODS[0] / last)
    assert half_written(run) == []
    kept = {path.name for path in run.glob("*.pth")}
    assert kept == {path.name for path in (whole_run.folder / METHODS[0]).glob("*.pth")}


@pytest.mark.fault(
    "SIGKILL of `export` between two of its writes",
    "no backbone or a whole one; the same command again gives the same bytes",
)
@pytest.mark.moments(3)
def test_an_export_is_killed(whole_run: Pretraining, start, tmp_path: Path, moment: float) -> None:
    out = tmp_path / "shelf"
    words = exporting(whole_run.folder / METHODS[0], out)
    step = step_at(moment, whole_run.steps)
    killed = start(*words, environment=dies_at(step, out, tmp_path / "note"))
    assert killed.wait() == 137, killed.said
    made = out / "mine.safetensors"
    assert not made.exists() or checksum(made) == whole_run.exported
    assert_in_order(start(*words), 0)
    assert checksum(made) == whole_run.exported
    assert half_written(out) == []
