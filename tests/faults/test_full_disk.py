"""A full disk: results on a small file system in memory."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.faults.grid import RUNS, Grid, Whole, assert_finishes, assert_in_order

MIB = 2**20


@pytest.fixture
def disk(grid: Grid) -> Iterator[Callable[[int], None]]:
    """Set the size in bytes of the disk of the results."""
    grid.results.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=1m", "faults", grid.results]
    mounted = subprocess.run(options, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"mount needs root and CAP_SYS_ADMIN: {mounted.stderr.strip()}")

    def resize(size: int) -> None:
        line = ["mount", "-o", f"remount,size={size}", grid.results]
        subprocess.run(line, check=True)

    yield resize
    subprocess.run(["umount", "--lazy", grid.results], check=True)


@pytest.mark.fault(
    "Full disk",
    "runs end with `disk full`, the driver goes on to its end; with room again the rest is done",
)
@pytest.mark.moments(3)
def test_the_disk_is_full(grid: Grid, whole: Whole, disk, moment: float) -> None:
    needed = sum(path.stat().st_size for path in whole.grid.results.rglob("*") if path.is_file())
    disk(int(moment * 0.9 * needed))
    driver = grid.start(jobs=1)
    assert_in_order(driver, 1)
    failures = [line for line in driver.said.splitlines() if line.startswith("FAILED")]
    assert 0 < len(failures) <= RUNS
    assert all("disk full" in line for line in failures), driver.said
    disk(4 * needed)
    assert_finishes(grid, whole)


@pytest.mark.fault(
    "A disk that is full from the beginning",
    "a line, exit code 1 or 2; with room again all is done",
)
def test_there_is_no_room_at_all(grid: Grid, whole: Whole, disk) -> None:
    disk(4096)
    (grid.results / "filler").write_bytes(b"x" * 4096)
    driver = grid.start()
    assert driver.wait() in (1, 2)
    assert_in_order(driver, driver.wait())
    assert "disk" in driver.said and "full" in driver.said, driver.said
    (grid.results / "filler").unlink()
    disk(256 * MIB)
    assert_finishes(grid, whole)
