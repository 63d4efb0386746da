"""Real processes that are stopped, killed or out of room: nothing runs on, nothing is half-written, one line."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import torch

from lvmmed_backbones.pretrain.hooks import checkpoints
from lvmmed_backbones.pretrain.resumption import newest_whole

ROOT = Path(__file__).resolve().parents[3]
MOST = 180  # seconds until a process does what it must, on a machine under load
TINY = {
    "model__backbone__model_name": "scaled_resnet",
    "model__backbone__depth": 18,
    "model__backbone__stem_channels": 8,
    "model__backbone__base_channels": 8,
    "model__neck__in_channels": 64,
    "model__neck__hid_channels": 16,
    "model__neck__out_channels": 8,
    "default_hooks__checkpoint__interval": 1,
    "default_hooks__checkpoint__keep": 50,
}


def until(true: Callable[[], object], seconds: float = MOST) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def begun(line: list[str]) -> subprocess.Popen[str]:
    """A process whose stderr is read at its end."""
    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    return subprocess.Popen(line, cwd=ROOT, env=environment, **quiet)


def ready(process: subprocess.Popen) -> bool:
    """Whether a command has set its handler of SIGTERM, which Python itself does not."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def workers(process: subprocess.Popen) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def gone(some: list[psutil.Process]) -> bool:
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in some)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_run_leaves_no_worker(
    number: signal.Signals, pretrain_line, tmp_path: Path
) -> None:
    options = {"train_dataloader__num_workers": 2, "train_cfg__max_epochs": 1000, **TINY}
    process = begun(pretrain_line("simclr_resnet18_mini", tmp_path, **options))
    until(lambda: (tmp_path / "iter_3.pth").exists() or process.poll() is not None)
    children = workers(process)
    assert len(children) >= 2
    process.send_signal(number)
    _, said = process.communicate(timeout=MOST)
    until(lambda: gone(children), 20)
    assert "Traceback" not in said
    if number != signal.SIGKILL:
        assert process.returncode == 128 + number
        assert said.strip().splitlines()[-1].startswith("stopped by ")
        assert "pretrain goes on with --resume" in said
    assert newest_whole(tmp_path) is not None


@pytest.mark.parametrize(
    "words",
    [
        ["list"],
        ["corpus", "build", "{images}", "--out", "{out}"],
        ["export", "{out}", "mine", "--out", "{out}"],
        ["add", "{images}/000.png", "mine"],
        ["pretrain", "simclr_resnet18_mini", "--corpus", "{images}"],
    ],
    ids=lambda words: words[0],
)
def test_every_command_ends_in_one_line_at_ctrl_c(
    words: list[str], corpus: Path, pretrain_line, tmp_path: Path
) -> None:
    """While it still imports, too, which takes most of the time of some."""
    places = dict(images=corpus.parent / "images", out=tmp_path / "out")
    line = [*pretrain_line("x", tmp_path)[:3], *(word.format(**places) for word in words)]
    process = begun(line)
    until(lambda: process.poll() is not None or ready(process))
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=MOST)
    assert process.returncode == 128 + signal.SIGINT
    assert said.splitlines() == [
        "stopped by Ctrl-C. What is there is whole. Start again; pretrain goes on with --resume"
    ]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    line = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if subprocess.run(line, capture_output=True).returncode:
        pytest.skip("only root may mount a file system")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("interval", [1, 1000], ids=["at a checkpoint", "at a line of the log"])
def test_a_full_disk_ends_in_one_line_and_the_run_goes_on_later(
    interval: int, small_disk: Path, pretrain_line, run, tmp_path: Path
) -> None:
    options = {**TINY, "default_hooks__checkpoint__interval": interval, "train_cfg__max_epochs": 2}
    work_dir, ballast = small_disk / "run", small_disk / "ballast"
    if interval == 1:
        options["default_hooks__checkpoint__keep"] = 2
        ballast.write_bytes(bytes(3 * 2**20))  # room for two checkpoints of 2 MB, not for three
        done = run(pretrain_line("simclr_resnet18_mini", work_dir, **options))
        code, said = done.returncode, done.stderr
    else:
        line = pretrain_line(
            "simclr_resnet18_mini", work_dir, **{**options, "train_cfg__max_epochs": 1000}
        )
        process = begun(line)
        until(lambda: list(work_dir.glob("*/vis_data/scalars.json")) or process.poll() is not None)
        with contextlib.suppress(OSError), ballast.open("wb") as file:
            while True:
                file.write(bytes(4096))
                file.flush()
        _, said = process.communicate(timeout=MOST)
        code = process.returncode
    assert code == 1 and "Traceback" not in said
    assert said.strip().splitlines()[-1] == (
        f"error: {work_dir}: not written, the disk is full. Make room, and start again"
    )
    assert not list(work_dir.glob(".*"))
    left = checkpoints(work_dir)
    assert bool(left) == (interval == 1)
    if left:
        assert newest_whole(work_dir)[0] == left[-1]  # type: ignore[index]
    ballast.unlink()
    options["default_hooks__checkpoint__keep"] = 1
    done = run(pretrain_line("simclr_resnet18_mini", work_dir, "--resume", **options))
    assert done.returncode == 0, done.stderr[-3000:]
    assert (work_dir / "iter_12.pth").is_file()


def launch(processes: int) -> tuple[str, ...]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return (
        *("-m", "torch.distributed.run"),
        *(f"--nproc-per-node={processes}", f"--master-port={port}"),
    )


@pytest.mark.slow
def test_another_number_of_processes_goes_on_by_images(pretrain_line, run, tmp_path: Path) -> None:
    """48 images, 2 epochs: 2 processes of 8 images, then one of 4, then 2 of 4."""
    options = {**TINY, "train_cfg__max_epochs": 2}
    two = dict(launch=launch(2))

    def train(batch: int, *words: str, **more) -> None:
        line = pretrain_line(
            "simclr_resnet18_mini",
            tmp_path / "run",
            *words,
            train_dataloader__batch_size=batch,
            **options,
            **more,
        )
        done = run(line)
        assert done.returncode == 0, done.stderr[-3000:]

    def cut(step: int) -> tuple[int, int, int, int]:
        """Leave what a kill after a step would."""
        for file in checkpoints(tmp_path / "run"):
            if int(file.stem[5:]) > step:
                file.unlink()
        found = newest_whole(tmp_path / "run")
        assert found is not None
        progress = found[1].progress
        return progress.steps, progress.epoch, progress.images, progress.images_seen

    train(8, "--launcher", "pytorch", **two)
    assert cut(100) == (6, 1, 48, 96)
    assert cut(2) == (2, 0, 32, 32)
    train(4, "--resume")
    assert cut(100) == (2 + 4 + 12, 1, 48, 96)
    assert cut(8) == (8, 1, 8, 56)
    train(4, "--resume", "--launcher", "pytorch", launch=launch(2))
    assert cut(100) == (8 + 5, 1, 48, 96)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_kills_at_random_moments_change_nothing(
    seed: int, pretrain_line, run, tmp_path: Path
) -> None:
    """Three kills of one run, each somewhere within the time that it takes."""
    options = {**TINY, "train_cfg__max_epochs": 6}
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    before = time.monotonic()
    assert run(pretrain_line("simclr_resnet18_mini", whole, **options)).returncode == 0
    seconds, rng = time.monotonic() - before, random.Random(seed)
    for _ in range(3):
        process = begun(pretrain_line("simclr_resnet18_mini", parts, "--resume", **options))
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(rng.uniform(0.2, 1) * seconds)
        process.kill()
        process.communicate()
    done = run(pretrain_line("simclr_resnet18_mini", parts, "--resume", **options))
    assert done.returncode == 0, done.stderr[-3000:]
    assert not list(parts.glob(".*"))
    one, other = (torch.load(f / "iter_36.pth", weights_only=True) for f in (whole, parts))
    for name, value in one["state_dict"].items():
        assert torch.equal(value, other["state_dict"][name]), name
