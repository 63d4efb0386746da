"""A run that gets no more memory."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path

import pytest

from tests.faults.commands import Command
from tests.faults.grid import (
    RUNS,
    Grid,
    Whole,
    assert_finishes,
    assert_in_order,
    assert_whole,
    run_processes,
)


@pytest.mark.fault(
    "A run gets no more memory",
    "it is done with half the batch, or fails by name; others go on; then the same command does it",
)
@pytest.mark.moments(2)
def test_memory_runs_out(grid: Grid, whole: Whole, moment: float) -> None:
    driver = driver_with_a_run_short_of_memory(grid, whole, moment * whole.seconds / 2)
    if driver.code == 0:
        assert f"{RUNS} runs done, 0 were done before, 0 failed" in driver.said, driver.said
        (short,) = [mark.parent for mark in grid.results.glob("runs/*/no_memory")]
        without_fault = {run for *_, run in whole.scores}
        (half,) = [p for p in short.parent.iterdir() if p.name not in without_fault]
        for folder in (short, half):
            shutil.rmtree(folder)
    else:
        assert f"{RUNS - 1} runs done, 0 were done before, 1 failed" in driver.said, driver.said
        (failure,) = [line for line in driver.said.splitlines() if line.startswith("FAILED")]
        assert "memory" in failure or "thread" in failure or "killed by" in failure, failure
    assert_finishes(grid, whole)


def driver_with_a_run_short_of_memory(grid: Grid, whole: Whole, seconds: float) -> Command:
    """Return a driver at its end, one of whose runs got no more memory after `seconds`, and needed more.

    A run may have all that it needs by then: the grid is as without the fault, and is begun anew, for a shorter time.
    """
    while True:
        driver = grid.running_at(seconds, give_no_more_memory)
        code = driver.wait()
        assert code in (0, 1), driver.said
        assert_in_order(driver, code)
        if code == 1 or "Once more, with half the batch in two steps" in driver.said:
            return driver
        assert_whole(grid, whole)
        shutil.rmtree(grid.results)
        seconds *= 0.8


def give_no_more_memory(driver: Command) -> bool:
    """Leave a run the memory that it has; return whether there was a run."""
    for run in run_processes(driver)[:1]:
        try:
            has = int(Path(f"/proc/{run}/statm").read_text().split()[0]) * resource.getpagesize()
            resource.prlimit(run, resource.RLIMIT_AS, (has, has))
        except (FileNotFoundError, ProcessLookupError):
            return False  # it has just ended
        return True
    return False
