"""Records that are read, and those that are named and refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from reports.records import parse, read


def test_a_record_is_read_as_it_was_written(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write("lvmmed_resnet50", 0.625, {"backbone.weights_sha256": "ab" * 32}, seed=3)
    (record,), problems = read(tmp_path)
    assert not problems
    assert (record.path, record.backbone, record.value) == (path, "lvmmed_resnet50", 0.625)
    assert (record.metric, record.seed, record.weights_sha256) == ("dice", 3, "ab" * 32)
    assert record.counts == {"train": 16, "test": 20}


def test_a_record_from_before_splits_is_of_the_published_one(content: Callable[..., dict]) -> None:
    old = content()
    del old["split"]
    assert parse(old, Path("record.json")).split == "published"


@pytest.mark.parametrize("value", [0, 1, 0.0, 1.0])
def test_the_ends_of_the_range_are_fractions(
    write: Callable[..., Path], tmp_path: Path, value: float
) -> None:
    write(value=value)
    (record,), _ = read(tmp_path)
    assert record.value == value


def test_missing_folder_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent: no such folder. Name the folder"):
        read(tmp_path / "absent")


def test_empty_folder_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no record.json in it. Run `python -m benchmarks"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param('{"schema": 1, "run"', "not valid JSON .* cut short", id="truncated"),
        pytest.param("", "not valid JSON", id="empty"),
        pytest.param("[" * 100_000, "not valid JSON", id="nested without end"),
        pytest.param('{"name": "left-pad"}', "not a record of this suite .*'schema'", id="foreign"),
        pytest.param('{"schema": 1}', "not a record of this suite", id="foreign with a schema"),
        pytest.param("[]", "not a record of this suite", id="a list"),
        pytest.param("null", "not a record of this suite", id="null"),
    ],
)
def test_a_foreign_file_is_named_and_the_rest_is_read(
    write: Callable[..., Path], tmp_path: Path, text: str, message: str
) -> None:
    write()
    bad = write()
    bad.write_text(text)
    records, (problem,) = read(tmp_path)
    assert len(records) == 1
    assert problem.startswith(f"{bad}: ")
    assert re.search(message, problem)
    assert problem.endswith(".")


def test_a_file_that_is_not_text_is_named(write: Callable[..., Path], tmp_path: Path) -> None:
    bad = write()
    bad.write_bytes(b"\x80\x81\xff")
    records, (problem,) = read(tmp_path)
    assert not records
    assert str(bad) in problem


def test_a_folder_called_as_a_record_is_named(write: Callable[..., Path], tmp_path: Path) -> None:
    write()
    folder = tmp_path / "runs" / "x" / "record.json"
    folder.mkdir(parents=True)
    records, (problem,) = read(tmp_path)
    assert len(records) == 1
    assert f"{folder}: cannot be read" in problem


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"schema": 2}, "schema 2, but this version reads up to 1. Update the checkout"),
        ({"schema": 0}, "schema 0"),
        ({"schema": True}, "schema is True, not of type int"),
        ({"schema": "1"}, "schema is '1', not of type int"),
        ({"metrics": {"dice": None}}, "headline, dice, is undefined .* run.log"),
        ({"metrics": {"dice": float("nan")}}, "headline, dice, is undefined"),
        ({"metrics": {}}, "headline, dice, is undefined"),
        ({"metrics": {"dice": 71.2}}, r"is 71.2, not a fraction in \[0, 1\]"),
        ({"metrics": {"dice": float("inf")}}, "is inf, not a fraction"),
        ({"metrics": {"dice": -0.1}}, "is -0.1, not a fraction"),
        ({"metrics": {"dice": "0.7"}}, "is '0.7', not a fraction"),
        ({"metrics": {"dice": True}}, "is True, not a fraction"),
        ({"metrics": [0.7]}, "metrics is .0.7., not of type dict"),
        ({"figure": "published"}, "figure is 'published', not one of measured, phantom"),
        ({"label_fraction": 0}, "label_fraction is 0, not in"),
        ({"label_fraction": float("nan")}, "label_fraction is nan, not in"),
        ({"seed": 0.5}, "seed is 0.5, not of type int"),
        ({"seed": -1}, r"seed is -1, not in \[0, 2\^63\)"),
        ({"backbone.parameters": 10**400}, r"not in \[0, 2\^63\)"),
        ({"backbone": "resnet"}, "no field 'backbone.name'"),
        ({"backbone.name": " "}, "backbone.name is ' ', empty"),
        ({"backbone.name": "\x1b[2Jgone"}, "backbone.name is .*, not printable"),
        ({"backbone.name": "a\nb"}, "not printable"),
        ({"backbone.name": "abc\u202etxt"}, "not printable"),
        ({"data.counts": {"train": "many"}}, "train is 'many', not of type int"),
        ({"data.complete": 1}, "data.complete is 1, not of type bool"),
        ({"provenance.machine": {"cpu": ["\x07"]}}, "provenance.machine is .*, not printable"),
    ],
)
def test_a_wrong_field_is_named_with_its_value(
    content: Callable[..., dict], fields: dict, message: str
) -> None:
    # Through JSON and back, since that is where NaN and infinity come from.
    with pytest.raises(ValueError, match=message) as caught:
        parse(json.loads(json.dumps(content(fields))), Path("record.json"))
    assert str(caught.value).endswith(".")


def test_an_undefined_metric_that_is_no_headline_is_fine(content: Callable[..., dict]) -> None:
    record = parse(content(metrics={"dice": 0.5, "iou": None}), Path("record.json"))
    assert record.value == 0.5
