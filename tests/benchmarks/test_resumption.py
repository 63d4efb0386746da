"""A run by epochs that was killed goes on from its last whole epoch, and gives what a whole run gives."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from benchmarks import preparation
from benchmarks.config import fit_backbone, place, set_image_size
from benchmarks.execute import TAKEN, execute
from benchmarks.grid import RunSpec
from benchmarks.preparation import PreparedData
from benchmarks.record import TrainClock, read_note
from benchmarks.runs import Identity, Run
from benchmarks.scheduler.lease import newest
from lvmmed_backbones import catalogue
from lvmmed_backbones.records import FILE
from lvmmed_backbones.weights.reading import read
from tasks import registry
from tasks.hooks import LAST

CONTEXT = multiprocessing.get_context("fork")
EPOCHS = 3


@HOOKS.register_module(force=True)
class KillHook(Hook):
    """Kills this process at a moment: ('after_train_iter', epoch), ('after_val', epoch) or ('before_test',)."""

    priority = "LOWEST"

    def __init__(self, moment: str, epoch: int = 0) -> None:
        self.moment, self.epoch = moment, epoch

    def kill(self, moment: str, epoch: int) -> None:
        if (moment, epoch) == (self.moment, self.epoch):
            os.kill(os.getpid(), signal.SIGKILL)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self.kill("in an epoch", runner.epoch)

    def before_val(self, runner) -> None:
        self.kill("before its validation", runner.epoch)

    def after_val(self, runner) -> None:
        self.kill("after its validation", runner.epoch)

    def before_test(self, runner) -> None:
        self.kill("before the test", 0)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    return preparation.prepare(["fgadr"], None, tmp_path_factory.mktemp("work"))["fgadr"]


def made(prepared: PreparedData, results: Path, seed: int = 0, keep: bool = False) -> Run:
    """Return a small run of fgadr_finetune by epochs; flips, crops and contrasts are drawn in a loader's process."""
    spec = RunSpec("fgadr_finetune", "random_vit_tiny", "paper", seed)
    config = Config.fromfile(registry.CONFIGS / f"{spec.task}.py")
    set_image_size(config, 32)
    backbone = catalogue.get(spec.backbone)
    fit_backbone(config, backbone, **config.pop("fit"))
    config.randomness.seed = seed
    config.train_cfg.max_epochs = EPOCHS
    config.train_dataloader.num_workers = 1
    for loader in ("val_dataloader", "test_dataloader"):
        config[loader].num_workers, config[loader].persistent_workers = 0, False
    identity = Identity(
        spec.task, 1, spec.backbone, None, "paper", "finetune", None, "published", seed,
        prepared.fingerprint, "c", 1,
    )  # fmt: skip
    run_dir = results / "runs" / identity.run_id
    run_dir.mkdir(parents=True, exist_ok=True)
    config = place(config, prepared.folder, None, run_dir, run_dir / "features")
    return Run(identity, run_dir, config, spec, backbone, True, True, None, keep)


def carried_out(run: Run, *kill: str | int) -> int | str:
    """Carry a run out in a process that is killed at a moment; return its exit code, or why the run failed."""
    hooks = list(run.config.custom_hooks)
    if kill:
        run.config.custom_hooks = [
            *hooks,
            dict(type="KillHook", moment=kill[0], epoch=(*kill, 0)[1]),
        ]
    reader, writer = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=execute, args=(run, newest(run.lease), None, writer))
    process.start()
    process.join(120)
    run.config.custom_hooks = hooks
    if reader.poll():
        return reader.recv()
    return process.exitcode


def result(run: Run) -> tuple:
    """Return what a run must repeat to the last bit: its scores, and its best weights."""
    record = json.loads((run.folder / FILE).read_text())
    (best,) = run.folder.glob("best_*.pth")
    state = {name: value.numpy().tobytes() for name, value in read(best)["state_dict"].items()}
    return record["metrics"], record["cases"], best.name, state


@pytest.fixture(scope="module")
def whole(prepared, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = made(prepared, tmp_path_factory.mktemp("whole"))
    assert carried_out(run) == 0
    return run


def test_a_finished_run_keeps_its_best_checkpoint_alone(whole: Run) -> None:
    assert [path.suffix for path in whole.folder.glob("*.pth")] == [".pth"]
    assert not list(whole.folder.glob("lease*"))
    assert not list(whole.folder.rglob("*.partial"))


def test_unless_all_are_asked_for(prepared, tmp_path: Path) -> None:
    run = made(prepared, tmp_path, keep=True)
    assert carried_out(run) == 0
    assert (run.folder / LAST).is_file()


@pytest.mark.parametrize(
    "moments",
    [
        [("in an epoch", 0)],
        [("before its validation", 2)],
        [("in an epoch", 1), ("after its validation", 2), ("before the test",)],
    ],
    ids=str,
)
def test_killed_it_gives_what_a_whole_run_gives(
    whole: Run, prepared, tmp_path: Path, moments: list
) -> None:
    run = made(prepared, tmp_path)
    for moment in moments:
        assert carried_out(run, *moment) == -signal.SIGKILL
        assert not (run.folder / FILE).exists()
    assert carried_out(run) == 0
    assert result(run) == result(whole)
    assert not list(run.folder.glob("lease*"))
    assert not list(run.folder.rglob("*.partial"))


def test_another_seed_gives_something_else(whole: Run, prepared, tmp_path: Path) -> None:
    other = made(prepared, tmp_path, seed=1)
    assert carried_out(other) == 0
    assert result(other)[3] != result(whole)[3]


def test_a_loss_that_is_no_number_ends_the_run(prepared, tmp_path: Path) -> None:
    run = made(prepared, tmp_path)
    run.config.optim_wrapper.optimizer = dict(type="SGD", lr=1e30)
    reason = carried_out(run)
    assert "the loss is nan at step 2" in reason or "after step 1" in reason
    assert not (run.folder / FILE).exists()
    assert not list(run.folder.glob("lease*")) and not list(run.folder.glob("*.pth"))


def test_a_loader_without_a_step_is_an_error(prepared, tmp_path: Path) -> None:
    run = made(prepared, tmp_path)
    run.config.train_dataloader.update(batch_size=10_000, drop_last=True)
    assert "10000" in carried_out(run)
    assert not (run.folder / FILE).exists()


def test_a_run_that_is_done_is_not_done_again(whole: Run) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole.folder.iterdir()}
    assert carried_out(whole) == TAKEN
    assert {path: path.stat().st_mtime_ns for path in whole.folder.iterdir()} == before


def test_the_seconds_of_all_processes_count(tmp_path: Path, monkeypatch) -> None:
    file, now = tmp_path / "note", [0.0]
    monkeypatch.setattr("benchmarks.record.time.monotonic", lambda: now[0])
    for lasts in (30, 12):
        clock = TrainClock(file)
        clock.before_train(None)
        for _ in range(lasts):
            now[0] += 1
            clock.after_train_iter(None, 0)
    assert (
        36 - 5 <= read_note(file) <= 42
    )  # what came after each last note, every 5 seconds, is lost
    clock.after_train(None)
    assert clock.seconds == read_note(file) > 36


@pytest.mark.parametrize("content", ["", "{", '"x"', "-1", "1e99", "NaN", "[1]"])
def test_a_spoilt_note_counts_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "note").write_text(content)
    assert read_note(tmp_path / "note") == 0


torch.set_num_threads(1)  # before it forks
