"""SIGKILL of a driver and of its runs."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.faults.commands import dies_at
from tests.faults.conftest import step_at
from tests.faults.folders import half_written, names, scores
from tests.faults.grid import (
    RUNS,
    Grid,
    Whole,
    assert_finishes,
    assert_in_order,
    assert_sound,
    run_processes,
)

AGAIN = "the same command does what is missing, and no more; results as without the fault"
EPOCHS = dict(
    tasks=("brain_tumor_linear",), backbones=("random_resnet18_half",), profile="paper", jobs=1
)


@pytest.mark.fault("SIGKILL of the driver", AGAIN, tries=2)
@pytest.mark.moments(5)
def test_the_driver_is_killed(grid: Grid, whole: Whole, moment: float) -> None:
    """The driver is killed as users start it; then, started again, at a moment when runs go on."""
    rng = random.Random(moment)
    for part, quick in ((moment, False), (0.7 * rng.random(), True)):
        driver = grid.running_at(part * whole.seconds, quick=quick)
        driver.kill()
        assert driver.orphans() == {}
        assert_sound(grid, whole)
    assert_finishes(grid, whole)


@pytest.mark.fault("SIGKILL of a run", f"it fails by name, others go on; {AGAIN}", tries=2)
@pytest.mark.moments(5)
def test_a_run_is_killed(grid: Grid, whole: Whole, moment: float) -> None:
    """Two runs of one driver are killed."""
    rng = random.Random(moment)
    driver = grid.running_at(
        0.6 * moment * whole.seconds, lambda driver: len(run_processes(driver)) == 2
    )
    one, other = rng.sample(run_processes(driver), 2)
    os.kill(other, signal.SIGSTOP)  # or it may be at its end by then
    os.kill(one, signal.SIGKILL)
    time.sleep(rng.random() / 2)
    os.kill(other, signal.SIGKILL)
    assert_in_order(driver, 1)
    assert f"{RUNS - 2} runs done, 0 were done before, 2 failed" in driver.said
    assert driver.said.count("killed by SIGKILL") == 4  # once when it happens, once at the end
    assert_finishes(grid, whole)


@pytest.mark.fault("SIGKILL of every run between two of its writes", AGAIN)
@pytest.mark.moments(3)
def test_all_runs_are_killed_at_a_step(
    grid: Grid, whole: Whole, steps_of_a_run: int, tmp_path: Path, moment: float
) -> None:
    step = step_at(moment, steps_of_a_run)
    environment = dies_at(step, grid.results, tmp_path / "note", who="other")
    driver = grid.start(environment=environment)
    assert_in_order(driver, 1)
    assert driver.said.count("killed by SIGKILL") >= RUNS
    assert_finishes(grid, whole)


@pytest.fixture(scope="module")
def steps_of_a_run(whole: Whole, starter, tmp_path_factory: pytest.TempPathFactory) -> int:
    """Return how many changes to files the shortest run makes."""
    from tests.faults.conftest import launcher

    folder = tmp_path_factory.mktemp("steps")
    grid, note = Grid(folder, launcher(starter, folder)), folder / "note"
    shutil.copytree(whole.grid.work, grid.work)
    environment = dies_at(0, grid.results, note, who="other")
    one = dict(tasks=EPOCHS["tasks"], backbones=EPOCHS["backbones"])
    assert_in_order(grid.start(**one, environment=environment), 0)
    return note.stat().st_size


@pytest.mark.fault(
    "SIGKILL of a run that trains by epochs, with four loaders",
    "it goes on from the last whole epoch; results as without the fault",
)
@pytest.mark.moments(1)
def test_a_run_by_epochs_is_killed(whole: Whole, start, tmp_path: Path, moment: float) -> None:
    def grid(name: str) -> Grid:
        shutil.copytree(whole.grid.work, tmp_path / name / "work")
        return Grid(tmp_path / name, start)

    one, other = grid("whole"), grid("killed")
    assert_in_order(one.start(**EPOCHS), 0)
    driver = other.start(**EPOCHS)
    while not (last := list(other.results.glob("runs/*/last.pth"))):
        assert not driver.ended(), driver.said
        time.sleep(0.01)
    time.sleep(5 * moment)
    assert not driver.ended(), "killed too late"
    driver.kill()
    assert driver.orphans() == {}
    again = other.start(**EPOCHS)
    assert_in_order(again, 0)
    log = (last[0].parent / "run.log").read_text()
    assert re.search(r"resumed epoch: [1-9]", log), "it began anew"
    assert scores(other.results) == scores(one.results)
    assert names(other.results) == names(one.results)
    assert half_written(other.folder) == []
