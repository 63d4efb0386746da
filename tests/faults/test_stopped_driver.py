"""SIGTERM and Ctrl-C of a driver."""

from __future__ import annotations

import os
import signal

import pytest

from tests.faults.grid import Grid, Whole, assert_finishes, assert_in_order, run_processes

STOPS = {
    "SIGTERM": (143, lambda driver: os.kill(driver.process, signal.SIGTERM)),
    "Ctrl-C": (130, lambda driver: driver.interrupt()),
}
HOLDS = "one line, exit code 143 or 130, nothing runs on; the same command does what is missing"


@pytest.mark.fault("SIGTERM of the driver, Ctrl-C", HOLDS)
@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.moments(1)
def test_a_driver_is_stopped(grid: Grid, whole: Whole, stop: str, moment: float) -> None:
    code, send = STOPS[stop]
    driver = grid.running_at(moment * whole.seconds, run_processes, before=[], quick=False)
    said = driver.said
    send(driver)
    assert_in_order(driver, code)
    last = driver.said[len(said) :].strip().splitlines()
    assert last[-1].startswith(f"stopped by {stop}"), driver.said
    assert "KeyboardInterrupt" not in driver.said
    assert_finishes(grid, whole)
