"""The grid that faults strike, two tasks with two backbones on phantoms, and what must hold after each fault."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.faults.commands import Command
from tests.faults.folders import half_written, names, records, scores

TASKS = ("brain_tumor_finetune", "fgadr_linear")  # one is trained, one probed
BACKBONES = ("random_resnet18_half", "imagenet_efficientnet_lite0")
INDEX = "index.json"  # in the folder of results: it may be absent
RUNS = len(TASKS) * len(BACKBONES)

CARRIED_OUT = re.compile("System environment:|^setting ", re.MULTILINE)


@dataclass(frozen=True)
class Grid:
    """A grid in a folder of its own.

    Attributes
    ----------
    folder : Path
        Folder of its results and its work.
    launch : callable
        Starts a command, as the fixture `start`.
    """

    folder: Path
    launch: Callable[..., Command]

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def start(
        self,
        *,
        tasks: Sequence[str] = TASKS,
        backbones: Sequence[str] = BACKBONES,
        profile: str = "trial",
        jobs: int = 2,
        verb: str = "run",
        quick: bool = True,
        environment: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Command:
        """Start the command of the grid.

        Parameters
        ----------
        quick : bool
            Fork the server of the runs too, in place of executing it, which costs 5 seconds of imports.
        environment, options : mapping of str to str, optional
            As of `commands.Starter.start`.
        """
        variables = dict(environment or {}) | ({"LVMMED_FAULT_QUICK": "1"} if quick else {})
        folders = ["--results", self.results, "--work", self.work]
        size = ["--profile", profile, "--seeds", "0", "--jobs", str(jobs)]
        words = [*folders, *size, "--tasks", *tasks, "--backbones", *backbones]
        return self.launch("benchmarks", verb, *words, environment=variables, **options)

    def run_of(self, task: str, backbone: str) -> Path:
        """Return the folder of a run that was begun."""
        for path in self.results.glob("runs/*/identity.json"):
            identity = json.loads(path.read_bytes())
            if (identity["task"], identity["backbone"]) == (task, backbone):
                return path.parent
        raise FileNotFoundError(f"{self.results} has no run of {task} with {backbone}")

    def running_at(
        self, seconds: float, condition: Callable[[Command], Any] = bool, **options: Any
    ) -> Command:
        """Return a driver that has run for `seconds`, and longer, until a condition holds.

        A driver that has ended by then is started again from the beginning, for a shorter time.

        Parameters
        ----------
        options : object
            As of `start`.
        """
        while True:
            driver = self.start(**options)
            if driver.goes_on_for(seconds):
                while not driver.ended():
                    if condition(driver):
                        return driver
                    time.sleep(0.01)
            assert_in_order(driver, 0)
            shutil.rmtree(self.results)
            seconds *= 0.8


@dataclass(frozen=True)
class Whole:
    """The grid without a fault.

    Attributes
    ----------
    grid : Grid
        The grid, with its results.
    seconds : float
        Time from its start to its end.
    """

    grid: Grid
    seconds: float

    @cached_property
    def scores(self) -> dict:
        return scores(self.grid.results)

    @cached_property
    def names(self) -> set[str]:
        return names(self.grid.results)

    @cached_property
    def work_names(self) -> set[str]:
        return names(self.grid.work)


def run_processes(command: Command) -> list[int]:
    """Return the processes of a driver's runs: those that write a run.log."""
    writers = []
    for process in command.family():
        try:
            if os.readlink(f"/proc/{process}/fd/1").endswith("/run.log"):
                writers.append(process)
        except OSError:
            continue
    # A run's loaders write there, too. A run is the leader of its process group.
    return sorted(process for process in writers if _leads_its_group(process))


def _leads_its_group(process: int) -> bool:
    try:
        return os.getpgid(process) == process
    except ProcessLookupError:
        return False


def assert_sound(grid: Grid, whole: Whole) -> None:
    """After a fault: whatever counts as done has the results of the grid without a fault."""
    done = scores(grid.results)
    assert done == {run: whole.scores[run] for run in done}


def assert_in_order(command: Command, code: int) -> None:
    """A command ended by itself, said why without a traceback, and left nothing running."""
    assert command.wait() == code, command.said
    assert "Traceback" not in command.said, command.said
    assert command.orphans() == {}


def assert_finishes(grid: Grid, whole: Whole, **options: Any) -> Command:
    """The same command again does what is missing, and no more; then all is as without the fault."""
    assert_sound(grid, whole)
    before = records(grid.results)
    again = grid.start(**options)
    assert_in_order(again, 0)
    after = records(grid.results)
    assert {run: after.get(run) for run in before} == before, "done runs were done again"
    assert_whole(grid, whole)
    if missing := len(whole.scores) - len(before):
        assert f"{missing} runs done" in again.said
        assert f"{len(before)} were done before" in again.said
    return again


def assert_whole(grid: Grid, whole: Whole) -> None:
    """A grid at its end is as without the fault, and nothing in it is half-written."""
    assert scores(grid.results) == whole.scores
    assert half_written(grid.folder) == []
    assert names(grid.results) ^ whole.names <= {INDEX}
    assert names(grid.work) ^ whole.work_names == set()


def executions(grid: Grid) -> dict[str, int]:
    """Return how often each run was carried out, by its log: of mmengine's runner, or of a probe."""
    logs = grid.results.glob("runs/*/run.log")
    return {log.parent.name: len(CARRIED_OUT.findall(log.read_text())) for log in logs}
