"""A run that gets no more memory."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path

import pytest

from tests.faults.grid import RUNS, Grid, Whole, assert_finishes, assert_in_order, run_processes


@pytest.mark.fault(
    "A run gets no more memory",
    "it is done with half the batch, or fails by name; others go on; then the same command does it",
)
@pytest.mark.moments(2)
def test_memory_runs_out(grid: Grid, whole: Whole, moment: float) -> None:
    driver = grid.running_at(moment * whole.seconds / 2, run_processes)
    run = run_processes(driver)[0]
    has = int(Path(f"/proc/{run}/statm").read_text().split()[0]) * resource.getpagesize()
    resource.prlimit(run, resource.RLIMIT_AS, (has, has))
    code = driver.wait()
    assert code in (0, 1), driver.said
    assert_in_order(driver, code)
    if code == 0:
        assert f"{RUNS} runs done, 0 were done before, 0 failed" in driver.said, driver.said
        assert "Once more, with half the batch in two steps" in driver.said
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
