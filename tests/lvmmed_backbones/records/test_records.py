"""The package of records by itself: what it imports, and that what is written is read."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from benchmarks.results import scan
from lvmmed_backbones.records import (
    Backbone,
    Data,
    Provenance,
    WholeRecord,
    decoding,
    finite,
    read,
    read_cases,
    read_done,
)
from lvmmed_backbones.records.checked import write_struct
from lvmmed_backbones.records.gallery import Box, BoxFile, Entry, Gallery, PredictedBox

OLD = (
    Path(__file__).parent / "schema_2"
)  # a phantom of DRIVE, by commit 287f3fc; `platform` is another one
RUN = "20d132c7270ae00b"


def test_it_needs_numpy_and_msgspec_alone() -> None:
    code = """
import sys, numpy, msgspec
before = set(sys.modules)
import importlib, pkgutil, lvmmed_backbones.records as package
for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
    importlib.import_module(module.name)
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
names = {name.partition(".")[2] for name in sys.modules if name.startswith("lvmmed_backbones.")}
own = {name for name in names if not name.startswith("records")}
print(*sorted(loaded - sys.stdlib_module_names))
print(*sorted(own))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    foreign, own = done.stdout.splitlines()
    assert foreign == "lvmmed_backbones"
    assert own == "display files files.outside files.writing importing"


def a_record() -> WholeRecord:
    return WholeRecord(
        run="0123456789abcdef", task="drive", task_version=2, dataset="drive", kind="segmentation",
        backbone=Backbone("a", "ResNet-50", "random", "none", parameters=5, weights_sha256=None),
        protocol="finetune", label_fraction=0.5, seed=0, profile="mini", threads=1, data_source="measured",
        metric="dice", metrics=finite({"dice": 0.25, "iou": math.nan}), split="clean",
        data=Data("f", complete=True, counts={"test": 1}),
        provenance=Provenance({"torch": "2"}, {"gpu": None}, None, "2026-01-01T00:00:00+00:00", "c" * 64),
        cost={"train_seconds": 1.5}, cases=[{"case": "é", "dice": 0.25, "iou": None}],
    )  # fmt: skip


def test_what_is_written_is_read(tmp_path: Path) -> None:
    written = a_record()
    path = tmp_path / written.run / "record.json"
    path.parent.mkdir()
    write_struct(path, written)
    assert read_done(path.parent) == written
    content = json.loads(path.read_text())
    assert content["schema"] == 3 and content["data_source"] == "measured"
    (found,), problems = read(tmp_path)
    assert not problems and read_cases(found) == written.cases
    for name in set(written.__struct_fields__) - {"cases"}:
        assert getattr(found, name) == getattr(written, name)
    assert (found.path, found.results, found.value) == (path, tmp_path, 0.25)


def test_a_record_with_nan_is_not_written(tmp_path: Path) -> None:
    record = a_record()
    record.cost["train_seconds"] = math.nan
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_struct(tmp_path / "record.json", record)
    assert not list(tmp_path.iterdir())


def test_a_record_that_no_report_can_show_is_not_made() -> None:
    for name in ("\x1b", " ", "x" * 501):
        with pytest.raises(ValueError, match="name is "):
            Backbone(name, "ResNet-50", "random", "none", parameters=5, weights_sha256=None)


def test_no_file_says_where_it_lies(tmp_path: Path) -> None:
    """A record's place is where it was found; what its file says of that is skipped."""
    path = tmp_path / "record.json"
    write_struct(path, a_record())
    content = json.loads(path.read_text()) | {"path": "/etc/passwd", "results": 5, "value": 0.9}
    path.write_text(json.dumps(content))
    (found,), problems = read(tmp_path)
    assert not problems
    assert (found.path, found.results, found.value) == (path, tmp_path, 0.25)


def test_a_bar_is_told_of_every_file(tmp_path: Path) -> None:
    write_struct(tmp_path / "record.json", a_record())
    told: list[Path] = []
    read(tmp_path, lambda paths: map(lambda path: told.append(path) or path, paths))
    assert told == [tmp_path / "record.json"]


def test_a_record_of_schema_2_is_read_as_it_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    content = json.loads((OLD / RUN / "record.json").read_text())
    assert content["schema"] == 2 and content["figure"] == "phantom"
    monkeypatch.setattr(decoding, "_explained", None)  # at full speed
    (record,), problems = read(OLD)
    assert not problems and read_cases(record) == content.pop("cases")
    assert record.data_source == content.pop("figure")
    assert (record.run, record.value) == (RUN, content["metrics"]["dice"])
    del content["schema"]
    as_read = msgspec.to_builtins(record, enc_hook=str)
    assert as_read["backbone"].pop("pretraining") is None  # nobody noted it then
    assert {name: as_read[name] for name in content} == content


def test_a_run_done_under_schema_2_is_done(tmp_path: Path) -> None:
    assert read_done(OLD / RUN).data_source == "phantom"
    shutil.copytree(OLD, tmp_path / "runs")
    (row,) = scan(tmp_path).values()
    assert (row.problem, row.task, row.backbone) == ("", "drive", "random_vit_tiny")


@pytest.mark.parametrize(
    ("schema", "field", "lacking"), [(2, "data_source", "figure"), (3, "figure", "data_source")]
)
def test_each_schema_has_its_own_name_for_the_source(
    tmp_path: Path, schema: int, field: str, lacking: str
) -> None:
    content = json.loads((OLD / RUN / "record.json").read_text())
    content |= {"schema": schema, field: content.pop("figure")}
    (tmp_path / "record.json").write_text(json.dumps(content))
    records, (problem,) = read(tmp_path)
    assert not records and f"missing required field {lacking}" in problem


def test_a_spoilt_record_of_schema_2_is_named_by_its_own_field(tmp_path: Path) -> None:
    content = json.loads((OLD / RUN / "record.json").read_text()) | {"figure": "published"}
    (tmp_path / "record.json").write_text(json.dumps(content))
    records, (problem,) = read(tmp_path)
    assert not records and "figure is 'published', invalid enum value" in problem


def test_a_gallery_says_no_more_than_there_is(tmp_path: Path) -> None:
    """Classes are of classification alone; a predicted box says how sure it is, even if wholly."""
    entry = Entry("best", "a/b", "a/b", 0.5, {"image": "i.png"})
    write_struct(tmp_path / "a", Gallery(1, "segmentation", "dice", ["x"], [entry]))
    corners = (0.0, 1.0, 2.0, 3.0)
    write_struct(tmp_path / "b", BoxFile([Box(0, corners)], [PredictedBox(1, corners, 1.0)]))
    (shown,) = json.loads((tmp_path / "a").read_text())["entries"]
    assert list(shown) == ["role", "case", "image", "score", "files"]
    boxes = json.loads((tmp_path / "b").read_text())
    assert boxes == {
        "truth": [{"label": 0, "box": [0, 1, 2, 3]}],
        "prediction": [{"label": 1, "box": [0, 1, 2, 3], "score": 1}],
    }
