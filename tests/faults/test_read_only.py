"""Folders that may not be written to."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.faults.grid import RUNS, Grid, Whole, assert_finishes, assert_in_order

READ_ONLY = 0o555


@pytest.fixture(scope="session")
def rights() -> list[str]:
    """Return words before a command that take away root's right to write anywhere; none for other users."""
    if os.getuid():
        return []
    words = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    line = [shutil.which(words[0]) or "", *words[1:]]
    if not line[0] or subprocess.run([*line, "true"], capture_output=True).returncode:
        pytest.skip("root writes anywhere, and setpriv cannot take that right here")
    return line


@pytest.mark.fault(
    "Read-only folder of results, of work", "one line, exit code 1 or 2; then all is done"
)
@pytest.mark.parametrize("name", ["results", "work"])
def test_a_folder_is_read_only(grid: Grid, whole: Whole, rights: list[str], name: str) -> None:
    folder = grid.folder / name
    if name == "work":
        shutil.rmtree(folder)
    folder.mkdir()
    folder.chmod(READ_ONLY)
    driver = grid.start(before=rights)
    assert driver.wait() in (1, 2), driver.said
    assert_in_order(driver, driver.wait())
    errors = [line for line in driver.said.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and str(folder) in errors[0], driver.said
    folder.chmod(0o755)
    assert_finishes(grid, whole)


@pytest.mark.fault(
    "Read-only folder of one run", "the run fails by name, others go on; then it is done"
)
def test_a_run_may_not_write(grid: Grid, whole: Whole, rights: list[str]) -> None:
    run = next(iter(whole.scores))[-1]
    folder = Path(grid.results, "runs", run)
    folder.mkdir(parents=True)
    folder.chmod(READ_ONLY)
    driver = grid.start(before=rights)
    assert_in_order(driver, 1)
    assert f"{RUNS - 1} runs done, 0 were done before, 1 failed" in driver.said, driver.said
    assert f"FAILED {folder}: " in driver.said
    folder.chmod(0o755)
    assert_finishes(grid, whole)
