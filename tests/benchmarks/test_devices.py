"""Which GPU a run gets, without a GPU."""

from __future__ import annotations

import pytest

from benchmarks.scheduler.devices import slots, visible


def test_a_run_per_gpu() -> None:
    assert slots(None, ["0", "1", "2"], 64, 4) == ["0", "1", "2"]
    assert slots(2, ["0", "1", "2"], 64, 4) == ["0", "1"]


def test_more_jobs_than_gpus_share_them_in_turn() -> None:
    assert slots(5, ["3", "GPU-a1"], 64, 4) == ["3", "GPU-a1", "3", "GPU-a1", "3"]


def test_without_gpus_the_cores_decide() -> None:
    assert slots(None, [], 16, 4) == [None] * 4
    assert slots(None, [], 2, 4) == [None]
    assert slots(3, [], 2, 1) == [None] * 3


@pytest.mark.parametrize("jobs", [0, -1])
def test_no_jobs_are_refused(jobs: int) -> None:
    with pytest.raises(ValueError, match=f"--jobs {jobs}: give the number of runs at a time"):
        slots(jobs, [], 2, 1)


@pytest.mark.parametrize(
    ("setting", "count", "expected"),
    [
        (None, 2, ["0", "1"]),
        (None, 0, []),
        ("", 0, []),
        ("-1", 0, []),
        ("2,3", 2, ["2", "3"]),
        ("3, 1", 2, ["3", "1"]),
        ("GPU-8932f937,MIG-1", 2, ["GPU-8932f937", "MIG-1"]),
        ("0,-1,1", 1, ["0"]),
        ("0,7", 1, ["0"]),
    ],
)
def test_what_is_visible(setting: str | None, count: int, expected: list[str]) -> None:
    """The rules are those of CUDA's programming guide (environment variables, CUDA_VISIBLE_DEVICES)."""
    assert visible(setting, count) == expected
