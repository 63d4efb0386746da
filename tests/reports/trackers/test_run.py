"""A record in a tracker's words; and what `push` says without a tracker."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

import reports
from lvmmed_backbones.records import read
from reports.trackers import mlflow
from reports.trackers.run import TrackedRun, tracked
from tests.factories import changed
from tests.reports.any_record import contents
from tests.reports.hostile import replaced


def write(folder: Path, content: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "record.json").write_text(json.dumps(content))
    return folder


def run_of(folder: Path) -> TrackedRun:
    (record,), problems = read(folder)
    assert problems == []
    return tracked(record)


def test_every_fact_of_a_record_is_in_its_run(tmp_path: Path) -> None:
    content = changed({"backbone.weights_sha256": "a" * 64, "metrics.iou": None})
    run = run_of(write(tmp_path, content))
    assert run.identity == content["run"]
    assert run.name == "drive, finetune: random_resnet50, seed 0"
    assert run.params == {
        "task": "drive", "task_version": "1", "dataset": "drive", "kind": "segmentation", "protocol": "finetune",
        "recipe": "suite", "label_fraction": "1.0", "split": "published", "seed": "0", "profile": "small",
        "threads": "1", "data_source": "measured", "metric": "dice", "backbone": "random_resnet50",
        "weights_sha256": "a" * 64, "data_fingerprint": "f" * 64,
    }  # fmt: skip
    assert run.metrics == {
        "dice": 0.5, "cost/train_seconds": 12.3, "cost/test_seconds": 1.2, "cost/peak_memory_mb": 900,
    }  # fmt: skip
    assert run.tags["git_revision"] == content["provenance"]["git_revision"]
    assert (run.started, run.ended) == (1767225600, 1767225613.5)
    assert set(run.files) == {"record.json", "cases.csv"}
    del content["schema"], content["cases"]
    content |= {"recipe": "suite", "mask_decoder": None, "overrides": {}}
    content["backbone"] |= {"pretraining_seed": None, "pretraining": None}
    assert json.loads(run.files["record.json"]) == content
    assert list(csv.reader(run.files["cases.csv"].splitlines())) == [
        ["case", "dice"],
        ["01_test", "0.5"],
    ]


@given(content=contents())
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_record_is_a_run(
    content: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    run = run_of(write(tmp_path_factory.mktemp("any"), content))
    head, *rows = csv.reader(run.files["cases.csv"].splitlines())
    assert len(rows) == len(content["cases"]) and len(head) == len(set(head))
    defined = {name for name, value in content["metrics"].items() if value is not None}
    assert defined <= set(run.metrics) and len(run.mark) == 64


def test_a_mark_changes_with_whatever_is_pushed(tmp_path: Path) -> None:
    marks = set()
    for fields in ({}, {"metrics.dice": 0.50001}, {"cases": [{"case": "02", "dice": 0.5}]},
                   {"provenance.git_revision": None}, {"provenance.machine": {}}):  # fmt: skip
        marks.add(run_of(write(tmp_path / str(len(marks)), changed(fields))).mark)
    (tmp_path / "0" / "config.py").write_text("a = 1\n")
    marks.add(run_of(tmp_path / "0").mark)
    assert len(marks) == 6
    assert run_of(tmp_path / "0").mark in marks


def test_the_table_of_cases_is_safe_for_a_spreadsheet(tmp_path: Path) -> None:
    cases = [{"case": "=1+1", "dice": 0.5, "@b": -0.25}, {"case": "x,y", "dice": None}]
    run = run_of(write(tmp_path, changed({"cases": cases, "metrics": {"dice": 0.5}})))
    assert run.files["cases.csv"].splitlines() == ["case,dice,'@b", "'=1+1,0.5,-0.25", '"x,y",,']


@pytest.mark.parametrize("kind", ["FIFO", "link out", "device", "folder", "huge"])
def test_a_config_that_is_no_file_of_the_results_is_refused(
    kind: str, tmp_path: Path, secret: Path
) -> None:
    folder = write(tmp_path, changed({}))
    replaced(folder / "config.py", kind, secret)
    with pytest.raises(ValueError, match=str(folder / "config.py")):
        run_of(folder)


@pytest.mark.parametrize(
    "started", ["yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
def test_any_time_is_a_time_or_none(started: str, tmp_path: Path) -> None:
    run = run_of(write(tmp_path, changed({"provenance.started": started})))
    assert (run.started is None) == (started == "yesterday")


ADDRESSES = {
    "http://u:secret@host": ("http://host", {"USERNAME": "u", "PASSWORD": "secret"}),
    "https://u%40x:%2Fsecret@host:8443/ml/": ("https://host:8443/ml", {"USERNAME": "u@x", "PASSWORD": "/secret"}),
    "http://[::1]:5000": ("http://[::1]:5000", {}),
}  # fmt: skip


@pytest.mark.parametrize("uri", ADDRESSES)
def test_user_and_password_are_no_part_of_the_address(uri: str) -> None:
    address, login = mlflow._address(uri)
    expected, variables = ADDRESSES[uri]
    assert address == expected
    assert login == {f"MLFLOW_TRACKING_{name}": value for name, value in variables.items()}


@pytest.mark.parametrize(
    "uri",
    ["sqlite:///secret.db", "file:///secret", "ftp://u:secret@host", "http://u:sec[ret@host", "http://",
     "http://u:secret@host:99999", "http://host?token=secret", "host:5000", "http://host#secret", "//u:secret@host"],
)  # fmt: skip
def test_what_is_no_address_of_a_server_is_named_without_secrets(
    uri: str, tmp_path: Path, errors: Callable[..., list[str]]
) -> None:
    (line,) = errors("push", write(tmp_path, changed({})), "--to", "mlflow", "--uri", uri)
    assert line.startswith("error: --uri ") and "`mlflow server`" in line
    assert "secret" not in line


def test_without_an_address_it_says_how_to_get_one(
    tmp_path: Path, errors: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (line,) = errors("push", write(tmp_path, changed({})), "--to", "mlflow")
    assert line.startswith("error: --to mlflow needs a server: start one by `mlflow server`")


def test_a_missing_package_is_named_with_its_extra(
    tmp_path: Path, errors: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    folder = write(tmp_path, changed({}))
    said = errors("push", folder, "--to", "mlflow", "--uri", "http://127.0.0.1:9")
    assert said == ["error: mlflow is not installed: pip install 'lvmmed-backbones[mlflow]'"]


def test_an_unknown_tracker_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--to paper: choose from mlflow"):
        reports.push(write(tmp_path, changed({})), to="paper")  # type: ignore[arg-type]
