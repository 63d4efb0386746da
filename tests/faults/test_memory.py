"""A run that gets no more memory."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from tests.faults.grid import RUNS, Grid, Whole, assert_finishes, assert_in_order, run_processes


@pytest.mark.fault(
    "A run gets no more memory", "it fails by name, others go on; then the same command does it"
)
@pytest.mark.moments(2)
def test_memory_runs_out(grid: Grid, whole: Whole, moment: float) -> None:
    driver = grid.running_at(moment * whole.seconds / 2, run_processes)
    run = run_processes(driver)[0]
    has = int(Path(f"/proc/{run}/statm").read_text().split()[0]) * resource.getpagesize()
    resource.prlimit(run, resource.RLIMIT_AS, (has, has))
    assert_in_order(driver, 1)
    assert f"{RUNS - 1} runs done, 0 were done before, 1 failed" in driver.said, driver.said
    (failure,) = [line for line in driver.said.splitlines() if line.startswith("FAILED")]
    assert "memory" in failure or "thread" in failure or "killed by" in failure, failure
    assert_finishes(grid, whole)
