"""SIGKILL of a driver and of its runs."""

from __future__ import annotations

import os
import random
import signal

import pytest

from tests.faults.grid import (
    RUNS,
    Grid,
    Whole,
    assert_finishes,
    assert_in_order,
    run_processes,
)

AGAIN = "the same command does what is missing, and no more; results as without the fault"


@pytest.mark.fault("SIGKILL of the driver", AGAIN)
@pytest.mark.moments(10)
def test_the_driver_is_killed(grid: Grid, whole: Whole, moment: float) -> None:
    driver = grid.running_at(moment * whole.seconds)
    driver.kill()
    assert driver.orphans() == {}
    assert_finishes(grid, whole)


@pytest.mark.fault("SIGKILL of a run", f"it fails by name, others go on; {AGAIN}")
@pytest.mark.moments(10)
def test_a_run_is_killed(grid: Grid, whole: Whole, moment: float) -> None:
    driver = grid.running_at(moment * whole.seconds, run_processes)
    os.kill(random.Random(moment).choice(run_processes(driver)), signal.SIGKILL)
    assert_in_order(driver, 1)
    assert f"{RUNS - 1} runs done, 0 were done before, 1 failed" in driver.said
    assert "killed by SIGKILL" in driver.said
    assert_finishes(grid, whole)
