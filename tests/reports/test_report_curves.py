"""Curves of pretraining runs: starts merged by step, the later wins; what is no curve is named."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from reports.reading.curves import read_curves

Log = Callable[..., Path]


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """Write the curves of one start of tmp_path/run: `log('20260101_000000', dict(step=1, loss=2.0))`."""

    def writer(start: str, *rows: dict, tail: str = "") -> Path:
        file = tmp_path / "run" / start / "vis_data" / "scalars.json"
        file.parent.mkdir(parents=True)
        file.write_text("".join(json.dumps(row) + "\n" for row in rows) + tail)
        return tmp_path / "run"

    return writer


def test_one_start(log: Log) -> None:
    run = log("20260101_000000", dict(step=10, loss=2, lr=0.1), {"probe/accuracy": 0.5, "step": 10},
              dict(step=20, loss=1.5, lr=0.1))  # fmt: skip
    curves = read_curves(run)
    assert list(curves.index) == [10, 20]
    assert curves["loss"].tolist() == [2, 1.5]
    assert curves["probe/accuracy"].dropna().to_dict() == {10: 0.5}


def test_a_resumed_run_goes_on_where_it_stopped(log: Log) -> None:
    """It stopped after step 40, its last checkpoint was of step 20."""
    log("20260101_000000", *(dict(step=s, loss=float(s)) for s in (10, 20, 30, 40)))
    run = log("20260102_000000", *(dict(step=s, loss=-float(s)) for s in (30, 40, 50)))
    assert read_curves(run)["loss"].to_dict() == {10: 10, 20: 20, 30: -30, 40: -40, 50: -50}


def test_the_order_of_starts_is_that_of_their_names(log: Log) -> None:
    log("20260102_000000", dict(step=1, loss=2.0))
    run = log("20260101_000000", dict(step=1, loss=1.0))
    assert read_curves(run)["loss"].to_dict() == {1: 2.0}


def test_a_loss_that_is_no_number_stays_so(log: Log) -> None:
    run = log("a", dict(step=1, loss=math.nan), dict(step=2, loss=1.0))
    assert math.isnan(read_curves(run)["loss"][1])


def test_a_last_line_that_a_kill_cut_short_is_left_out(log: Log) -> None:
    run = log("a", dict(step=1, loss=1.0), tail='{"step": 2, "lo')
    assert read_curves(run)["loss"].to_dict() == {1: 1.0}
    whole = log("b", tail='{"step": 3, "loss": 3.0}')
    assert read_curves(whole)["loss"].to_dict() == {1: 1.0, 3: 3.0}


@pytest.mark.parametrize(
    "line",
    ["[]", '{"loss": 1.0}', '{"step": "x"}', '{"step": -1}', '{"step": true}', '{"step": 1, "loss": []}',
     '{"step": 1, "loss": null}', '{"step": 1', "[" * 100_000],
)  # fmt: skip
def test_a_broken_line_is_named(log: Log, line: str) -> None:
    run = log("a", dict(step=1, loss=1.0), tail=f"{line}\n")
    with pytest.raises(ValueError, match=r"scalars\.json, line 2: no line of mmengine's curves"):
        read_curves(run)


def test_a_folder_without_curves_is_named(tmp_path: Path, log: Log) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        read_curves(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="no curves"):
        read_curves(tmp_path)
    with pytest.raises(FileNotFoundError, match="no curves"):
        read_curves(log("a"))
