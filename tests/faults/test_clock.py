"""A clock that libfaketime sets back: nothing depends on it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.grid import (
    Grid,
    Whole,
    assert_finishes,
    assert_in_order,
    assert_whole,
    executions,
    run_processes,
)

LIBRARY = "faketime/libfaketime.so.1"
BACK = "-400d"


@pytest.fixture(scope="session")
def clock() -> Callable[..., dict[str, str]]:
    """Return variables that set the clock of a command off; its monotonic clock goes on, as on a real machine."""
    folders = [Path("/usr/lib"), *Path("/usr/lib").glob("*-linux-gnu")]
    found = [folder / LIBRARY for folder in folders if (folder / LIBRARY).is_file()]
    if not found:
        pytest.skip("no libfaketime: apt-get install faketime")

    def variables(**how: str) -> dict[str, str]:
        quiet = {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
        return {"LD_PRELOAD": str(found[0]), **quiet, **how}

    line = [sys.executable, "-c", "import time; print(time.time())"]
    told = subprocess.run(line, env=variables(FAKETIME=BACK), capture_output=True, text=True)
    assert float(told.stdout) < time.time() - 300 * 86400, told
    return variables


@pytest.mark.fault(
    "The clock is set back while a driver runs", "all is done, once, without waiting"
)
@pytest.mark.moments(2)
def test_the_clock_is_set_back_meanwhile(
    grid: Grid, whole: Whole, clock, tmp_path: Path, moment: float
) -> None:
    now = tmp_path / "clock"
    now.write_text("+0")
    environment = clock(FAKETIME_TIMESTAMP_FILE=str(now), FAKETIME_NO_CACHE="1")
    driver = grid.running_at(
        moment * whole.seconds, run_processes, before=[], environment=environment
    )
    now.write_text(BACK)
    assert_in_order(driver, 0)
    assert executions(grid) == dict.fromkeys(executions(grid), 1)
    assert_whole(grid, whole)


@pytest.mark.fault(
    "The clock is set back between two drivers", "the second does what is missing, and no more"
)
@pytest.mark.moments(1)
def test_the_clock_is_set_back_between_drivers(
    grid: Grid, whole: Whole, clock, moment: float
) -> None:
    driver = grid.running_at(moment * whole.seconds, run_processes)
    driver.kill()
    assert driver.orphans() == {}
    assert_finishes(grid, whole, before=[], environment=clock(FAKETIME=BACK))


@pytest.mark.fault("Two drivers whose clocks differ", "they share the runs, each is begun once")
def test_two_clocks(grid: Grid, whole: Whole, clock) -> None:
    one = grid.start(jobs=1)
    other = grid.start(jobs=1, before=[], environment=clock(FAKETIME=BACK))
    for driver in (one, other):
        assert_in_order(driver, 0)
    assert executions(grid) == dict.fromkeys(executions(grid), 1)
    assert_whole(grid, whole)
