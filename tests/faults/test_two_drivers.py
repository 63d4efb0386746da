"""Two drivers on one folder of results and one folder of work; leases of another machine."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from benchmarks.results import LEASE
from benchmarks.scheduler.lease import Holder
from tests.faults.commands import patience
from tests.faults.grid import (
    RUNS,
    Grid,
    Whole,
    assert_finishes,
    assert_in_order,
    assert_whole,
    executions,
    run_processes,
)

SILENCE = 4.0  # seconds


@pytest.mark.fault(
    "Two drivers from the beginning, nothing prepared",
    "they share the runs, each is begun once; both end with 0",
)
@pytest.mark.moments(1)
def test_two_drivers_share_the_work(grid: Grid, whole: Whole, moment: float) -> None:
    shutil.rmtree(grid.work)
    one = grid.start(jobs=1, quick=False)
    time.sleep(moment)
    other = grid.start(jobs=1, quick=False)
    for driver in (one, other):
        assert_in_order(driver, 0)
    assert executions(grid) == dict.fromkeys(executions(grid), 1)
    assert_whole(grid, whole)


@pytest.mark.fault(
    "SIGKILL of one of two drivers", "the other takes its runs over, and ends with 0"
)
@pytest.mark.moments(2)
def test_one_of_two_drivers_is_killed(grid: Grid, whole: Whole, moment: float) -> None:
    one, other = grid.start(jobs=1), grid.start(jobs=1)
    while not run_processes(one):
        assert not one.ended(), one.said
        time.sleep(0.01)
    time.sleep(2 * moment)  # in its first run or its second
    assert not one.ended(), one.said
    one.kill()
    assert_in_order(other, 0)
    assert one.orphans() == {}
    assert_whole(grid, whole)
    assert sum(executions(grid).values()) <= RUNS + 1
    assert_finishes(grid, whole)


@pytest.mark.fault(
    "A lease of another machine without signs of life", "after a while it is taken over"
)
def test_a_stale_lease_is_taken_over(grid: Grid, whole: Whole) -> None:
    held_elsewhere(grid, whole)
    assert_finishes(grid, whole, environment=patience(SILENCE))


@pytest.mark.fault(
    "A lease of another machine that gives signs of life",
    "its run is left to it, the others are done; the driver ends when it is done there",
)
def test_a_lease_that_beats_is_left_alone(grid: Grid, whole: Whole) -> None:
    lease = held_elsewhere(grid, whole)
    run = lease.parent
    with beating(lease):
        driver = grid.start(environment=patience(SILENCE))
        while len(list(grid.results.glob("runs/*/record.json"))) < RUNS - 1:
            assert not driver.ended(), driver.said
            time.sleep(0.1)
        time.sleep(2 * SILENCE)
        assert not driver.ended(), "it did not wait for the other machine"
        assert sorted(path.name for path in run.iterdir()) == [lease.name]
        lease.unlink()
        shutil.rmtree(run)
        shutil.copytree(whole.grid.results / "runs" / run.name, run)
    assert_in_order(driver, 0)
    assert "1 of them by another driver" in driver.said
    assert_whole(grid, whole)


def held_elsewhere(grid: Grid, whole: Whole) -> Path:
    """Write a lease of one of the runs, as a process on another machine does."""
    run = min(whole.scores)[-1]
    folder = grid.results / "runs" / run
    folder.mkdir(parents=True)
    lease = folder / f"{LEASE}.1"
    lease.write_bytes(msgspec.json.encode(Holder("elsewhere", 1, "another boot", 5)))
    return lease


@contextmanager
def beating(lease: Path) -> Iterator[None]:
    """Within the block, the holder of the lease gives signs of life, by a clock that is wrong by years."""
    over = threading.Event()

    def beat() -> None:
        second = 0
        while not over.wait(SILENCE / 8):
            second += 1
            if lease.exists():
                os.utime(lease, (second, second))

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    yield
    over.set()
    thread.join()
