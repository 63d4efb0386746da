"""A real Slurm of one node, in a folder of its own, for the tests of this folder: `tox -e slurm`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.commands import Command, Starter
from tests.faults.conftest import launcher, start, starter  # noqa: F401  fixtures
from tests.faults.grid import Grid, Whole, assert_in_order

HERE = Path(__file__).parent
PROGRAMS = ("sbatch", "slurmctld", "slurmd", "munged")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slurm)


@dataclass(frozen=True)
class Cluster:
    """The Slurm of the tests; its commands find it by SLURM_CONF, which is set."""

    def ask(self, *command: str) -> str:
        """Return what a command of Slurm prints."""
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def tasks(self, state: str) -> list[str]:
        """Return the tasks of arrays in a state, such as 7_0."""
        words = ["--noheader", "--array", f"--states={state}", "--format=%F_%K"]
        return self.ask("squeue", *words).split()

    def wait_for(self, condition: Callable[[], object], seconds: float = 120) -> None:
        """Wait until a condition holds."""
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, self.ask("scontrol", "show", "job")
            time.sleep(0.1)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Start Slurm; end it, and its jobs, after the tests."""
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        pytest.skip(
            f"no Slurm: {missing[0]} is absent (apt-get install slurmctld slurmd slurm-client munge)"
        )
    if os.geteuid() != 0:
        pytest.skip("no Slurm: a node of it is started by root alone")
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # sockets need a short path
    os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
    os.environ["OMP_NUM_THREADS"] = "1"  # what `start` forks would wait for threads that it lacks
    try:
        subprocess.run([HERE / "start-slurm", folder], check=True)
        yield Cluster()
        subprocess.run(["scancel", "--user=root"], check=True)
        for _ in range(50):
            if not Cluster().ask("squeue", "--noheader"):
                break
            time.sleep(0.2)
    finally:
        subprocess.run(["scontrol", "shutdown"], capture_output=True)
        for _ in range(50):
            if not list(folder.glob("slurm*.pid")):
                break
            time.sleep(0.2)
        for file in folder.glob("*.pid"):
            os.kill(int(file.read_text()), signal.SIGTERM)
        time.sleep(1)  # they write their last words
        del os.environ["SLURM_CONF"]
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def whole(cluster: Cluster, starter: Starter, tmp_path_factory: pytest.TempPathFactory) -> Whole:  # noqa: F811
    """Run the grid on this machine, without Slurm."""
    folder = tmp_path_factory.mktemp("whole")
    grid, begin = Grid(folder, launcher(starter, folder)), time.monotonic()
    assert_in_order(grid.start(), 0)
    return Whole(grid, time.monotonic() - begin)


@pytest.fixture
def grid(whole: Whole, start: Callable[..., Command], tmp_path: Path) -> Grid:  # noqa: F811
    """Return the grid before it is run, with its data sets prepared."""
    shutil.copytree(whole.grid.work, tmp_path / "work", symlinks=True)
    return Grid(tmp_path, start)
