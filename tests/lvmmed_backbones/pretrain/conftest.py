"""A small corpus, and runs of the real command on it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.factories import write_images

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = {"OMP_NUM_THREADS": "2", **os.environ}


def command(*arguments: str | Path) -> list[str]:
    """`python -m lvmmed_backbones` with arguments."""
    return [sys.executable, "-m", "lvmmed_backbones", *map(str, arguments)]


@pytest.fixture(scope="session")
def draw() -> Callable[..., None]:
    """Draws images into a folder."""
    return write_images


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 images, built by the command."""
    folder = tmp_path_factory.mktemp("corpus")
    write_images(folder / "images", 48)
    subprocess.run(
        command("corpus", "build", folder / "images", "--out", folder / "corpus"),
        check=True,
        cwd=ROOT,
        capture_output=True,
    )
    return folder / "corpus"


@pytest.fixture(scope="session")
def pretrain_line(corpus: Path) -> Callable[..., list[str]]:
    """The command line of a run of a mini config on the corpus, 8 images a step of 32 px."""

    def line(
        config: str | Path, work_dir: Path, *more: str | Path, launch: Sequence[str] = (), **options
    ) -> list[str]:
        chosen = {
            "train_dataloader.batch_size": 8,
            "train_dataloader.dataset.pipeline.0.crops.0.size": 32,
            "default_hooks.logger.interval": 1,
            "log_processor.window_size": 1,
            "train_cfg.max_epochs": 1,
            **{key.replace("__", "."): value for key, value in options.items()},
        }
        python, *rest = command(
            "pretrain", config, "--corpus", corpus, "--work-dir", work_dir, *more
        )
        return [python, *launch, *rest, "--cfg-options", *(f"{k}={v}" for k, v in chosen.items())]

    return line


@pytest.fixture(scope="session")
def start() -> Callable[[list[str]], subprocess.Popen]:
    """Starts a command line, with as many threads as `run`: sums of other parts round differently."""

    def call(line: list[str]) -> subprocess.Popen:
        quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return subprocess.Popen(line, cwd=ROOT, env=ENVIRONMENT, **quiet)

    return call


@pytest.fixture(scope="session")
def run() -> Callable[[list[str]], subprocess.CompletedProcess]:
    """Runs a command line to its end."""

    def call(line: list[str]) -> subprocess.CompletedProcess:
        return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, env=ENVIRONMENT)

    return call
