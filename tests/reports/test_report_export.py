"""One Parquet file of all records: it says what the records say, and others can read it as the docs show."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

import reports
from lvmmed_backbones.files.writing import DiskFull
from lvmmed_backbones.records import read
from lvmmed_backbones.records.record import Pretraining, WholeRecord
from reports.__main__ import main
from reports.render import parquet
from tests.factories import changed
from tests.reports.any_record import contents
from tests.reports.hostile import KINDS, NESTED, replaced
from tests.reports.mutations import bytes_of

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "sharing.md").read_text()
# Where in the file a field of a record is that is no column of the same name.
PLACES = {
    "backbone.name": "backbone",
    "backbone.pretraining.data_sets": "pretraining_data_sets",
    "backbone.pretraining.started_from": "pretraining_started_from",
    "backbone.pretraining.corpora": "pretraining_corpora",
    "data.fingerprint": "data_fingerprint",
    "data.complete": "data_complete",
    "data.counts": "data_counts",
}


def fields(struct: type, before: str = "") -> list[str]:
    """The fields of a record, those of its parts among them, such as 'backbone.name'."""
    found = []
    for field in msgspec.structs.fields(struct):
        part = Pretraining if field.name == "pretraining" else field.type
        if isinstance(part, type) and issubclass(part, msgspec.Struct):
            found += fields(part, f"{before}{field.name}.")
        else:
            found.append(before + field.name)
    return found


COLUMN_OF = {name: PLACES.get(name, name.rpartition(".")[2]) for name in fields(WholeRecord)}


def expected(content: dict[str, Any]) -> dict[str, Any]:
    """The row of a record, from its JSON."""
    row = {}
    for dotted, column in COLUMN_OF.items():
        value: Any = content
        for name in dotted.split("."):
            value = None if value is None else value.get(name)
        row[column] = value
    row["value"] = content["metrics"][content["metric"]]
    for name in ("machine", "overrides"):
        row[name] = json.dumps(row[name], sort_keys=True)
    row["cases"] = [
        (case["case"], {name: score for name, score in case.items() if name != "case"})
        for case in row["cases"]
    ]
    return row


def found(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the file, in the same form."""
    for name in ("metrics", "cost", "data_counts", "versions"):
        row[name] = dict(row[name])
    for name in ("machine", "overrides"):
        row[name] = json.dumps(json.loads(row[name]), sort_keys=True)
    row["cases"] = [(case["case"], dict(case["scores"])) for case in row["cases"]]
    return row


def write(folder: Path, *contents: dict[str, Any]) -> Path:
    for number, content in enumerate(contents):
        path = folder / f"{number:03}" / "record.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    return folder


def rows(folder: Path, **filters: Any) -> list[dict[str, Any]]:
    report = reports.export(folder, out=folder / "all.parquet", **filters)
    return pq.read_table(report.file).to_pylist()


@given(content=contents())
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_file_says_what_the_record_says(
    content: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = write(tmp_path_factory.mktemp("any"), content)
    (row,) = rows(folder)
    assert found(row) == expected(content)


def test_every_field_of_a_record_is_a_column() -> None:
    """A new field needs a column, and a line in docs/sharing.md."""
    assert set(COLUMN_OF.values()) | {"value"} == set(parquet.COLUMNS)
    table = re.findall(r"^\| `(\w+)` \| (\S.*?) \|", PAGE, re.MULTILINE)
    types = {name: str(kind).replace("item: ", "").replace("element: ", "") for name, kind in
             zip(parquet.SCHEMA.names, parquet.SCHEMA.types, strict=True)}  # fmt: skip
    assert dict(table) == types and [name for name, _ in table] == list(parquet.COLUMNS)
    assert f"`{parquet.KEY}` = `{parquet.VERSION}`" in PAGE


def test_the_file_states_the_version_of_its_columns(tmp_path: Path) -> None:
    reports.export(write(tmp_path, changed({})), out=tmp_path / "new" / "all.parquet")
    metadata = pq.read_schema(tmp_path / "new" / "all.parquet").metadata
    assert metadata[b"lvmmed.records"] == b"1"


@pytest.fixture
def two_tasks(tmp_path: Path) -> Path:
    """Two backbones on two tasks, with three seeds each, and a run on phantoms."""
    made = []
    for task, metric in (("drive", "dice"), ("fgadr", "accuracy")):
        for backbone, better in (("a", 0.0), ("b", 0.1)):
            for seed in range(3):
                scores = [0.4 + better + 0.01 * seed, 0.6 + better + 0.01 * seed]
                made.append(changed({
                    "run": f"{len(made):016}", "task": task, "backbone.name": backbone, "seed": seed,
                    "metric": metric, "metrics": {metric: sum(scores) / 2},
                    "cases": [{"case": f"c{n}", metric: score} for n, score in enumerate(scores)],
                }))  # fmt: skip
    made.append(changed({"run": "phantom", "data_source": "phantom"}))
    return write(tmp_path, *made)


def test_filters_choose_rows(two_tasks: Path) -> None:
    assert len(rows(two_tasks)) == 13
    assert {row["backbone"] for row in rows(two_tasks, task=["fgadr"])} == {"a", "b"}
    assert len(rows(two_tasks, task=["fgadr"])) == 6


def test_what_the_reports_leave_out_is_there(tmp_path: Path) -> None:
    """Older versions of tasks, and headlines of which less is better: whoever reads the file chooses."""
    error = {"metric": "mae", "metrics": {"mae": 0.5}, "cases": []}
    folder = write(tmp_path, changed({"run": "old"}), changed({"run": "new", "task_version": 2}),
                   changed({"run": "mae", **error}))  # fmt: skip
    report = reports.export(folder, out=tmp_path / "all.parquet")
    assert report.runs == 3 and report.problems == []


def test_each_run_is_there_once(tmp_path: Path) -> None:
    """Equal copies are one; those that contradict each other are named, all of them."""
    copy = {"run": "same"}
    apart = [changed({"run": "apart", "task": task}) for task in ("drive", "buid")]
    folder = write(tmp_path, changed(copy), changed(copy), *apart)
    report = reports.export(folder, out=tmp_path / "all.parquet")
    assert report.runs == 1 and len(report.problems) == 1
    assert "disagree" in report.problems[0] and "what was run" in report.problems[0]
    assert all(f"{tmp_path}/{number:03}/record.json" in report.problems[0] for number in (2, 3))


def test_memory_is_bounded_by_row_groups(two_tasks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rows(two_tasks)
    for limit, value in (("ROWS", 2), ("VALUES", 3)):
        with monkeypatch.context() as patch:
            patch.setattr(parquet, limit, value)
            assert rows(two_tasks) == whole
            assert pq.ParquetFile(two_tasks / "all.parquet").num_row_groups >= 6


def test_the_examples_for_pandas(two_tasks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(two_tasks)
    reports.export(two_tasks, out="records.parquet")
    code = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.S)[0]
    names: dict[str, Any] = {}
    exec(code, names)  # the documented lines
    assert names["table"].round(10).to_dict("index") == {
        "a": {"drive": 0.51, "fgadr": 0.51}, "b": {"drive": 0.61, "fgadr": 0.61},
    }  # fmt: skip
    assert names["dice"].notna().sum() == 7
    scores: pd.DataFrame = names["scores"]
    assert len(scores) == 25 and set(scores) == {"run", "case", "metric", "value"}
    means = scores.groupby("run").value.mean().drop("phantom")
    assert means.tolist() == pytest.approx([0.5, 0.51, 0.52, 0.6, 0.61, 0.62] * 2)


def test_the_examples_for_duckdb(two_tasks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    duckdb = pytest.importorskip("duckdb", reason="pip install duckdb")
    monkeypatch.chdir(two_tasks)
    reports.export(two_tasks, out="records.parquet")
    (code,) = re.findall(r"^```sql\n(.*?)^```", PAGE, re.MULTILINE | re.S)
    queries = [query for query in code.split(";") if query.strip()]
    board, one, each, hardest, version = (duckdb.sql(query).fetchall() for query in queries)
    assert [(backbone, runs) for backbone, _, _, _, runs in board] == [("b", 3)] * 2 + [
        ("a", 3)
    ] * 2
    assert board[0][2:4] == pytest.approx((0.61, 0.01))
    assert {row[2:] for row in one} == {("Xeon", "2.11.0")}
    assert sum(row[1] is not None for row in one) == 7
    assert len(each) == 14 and {row[1] for row in each} == {"dice", "iou", "accuracy"}
    assert hardest[0][:2] == ("drive", "c0")
    assert version == [("1",)]


@pytest.mark.parametrize("kind", [*KINDS, *NESTED])
def test_what_is_no_record_is_named(
    kind: str, tmp_path: Path, secret: Path, errors: Callable[..., list[str]]
) -> None:
    folder = write(tmp_path / "runs", changed({}), changed({"run": "other"}))
    replaced(folder / "001" / "record.json", kind, secret)
    said = errors("export", folder, "--out", tmp_path / "all.parquet")
    assert len(said) == 1 and str(folder / "001" / "record.json") in said[0]
    assert len(pq.read_table(tmp_path / "all.parquet")) == 1


@pytest.mark.parametrize("name", ["\ud800", "\x1b[2J", "x" * 501])
def test_a_score_whose_name_cannot_be_shown_is_named(
    name: str, tmp_path: Path, errors: Callable[..., list[str]]
) -> None:
    spoilt = changed({"run": "spoilt", "cases": [{"case": "01", name: 0.5}]})
    folder = write(tmp_path / "runs", changed({}), spoilt)
    (line,) = errors("export", folder, "--out", tmp_path / "all.parquet")
    assert "001/record.json: cases has a score" in line


def test_a_number_that_is_not_finite_is_null(tmp_path: Path) -> None:
    folder = write(tmp_path, changed({
        "metrics": {"dice": 0.5, "hd95": math.inf},
        "cases": [{"case": "c", "dice": 0.5}, {"case": "d", "dice": math.nan, "hd95": -math.inf}],
    }))  # fmt: skip
    (row,) = map(found, rows(folder))
    assert row["metrics"] == {"dice": 0.5, "hd95": None}
    assert row["cases"] == [("c", {"dice": 0.5}), ("d", {"dice": None, "hd95": None})]


@pytest.mark.usefixtures("limit")
def test_tampered_records_are_written_or_named(
    tmp_path: Path, errors: Callable[..., list[str]]
) -> None:
    rng = random.Random("export")
    for number in range(10):
        folder = write(tmp_path / str(number), changed({"run": "sound"}))
        for place in range(1, 31):
            path = folder / f"{place:03}" / "record.json"
            path.parent.mkdir()
            path.write_bytes(bytes_of(changed({"run": f"r{place}"}), rng))
        said = errors("export", folder, "--out", folder / "all.parquet")
        assert all(str(folder) in line for line in said)
        table = pq.read_table(folder / "all.parquet")
        assert "sound" in table.column("run").to_pylist()
        assert not list(folder.rglob("*.partial"))


def test_a_folder_is_no_file_to_write(tmp_path: Path, errors: Callable[..., list[str]]) -> None:
    folder = write(tmp_path / "runs", changed({}))
    (line,) = errors("export", folder, "--out", folder)
    assert line == f"error: {folder}: is a folder. Name a file, such as {folder}/records.parquet"


def test_nothing_is_written_if_no_record_is_left(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "record.json").write_text("{")
    (tmp_path / "all.parquet").write_text("former")
    assert main(["export", str(tmp_path / "runs"), "--out", str(tmp_path / "all.parquet")]) == 1
    assert (tmp_path / "all.parquet").read_text() == "former"


def test_a_record_that_is_gone_meanwhile_is_named(tmp_path: Path) -> None:
    records, _ = read(write(tmp_path, changed({}), changed({"run": "other"})))
    records[0].path.unlink()
    written, problems = parquet.write_parquet(records, tmp_path / "all.parquet")
    assert written == 1 and len(problems) == 1 and "is gone" in problems[0]


def test_a_full_disk_leaves_nothing_behind(small_disk: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).random((6, 1000, 100))
    made = [changed({"run": f"{n}", "cases": [{"case": str(m), **dict(zip(map(str, range(100)), case, strict=True))}
                                              for m, case in enumerate(one.tolist())]})
            for n, one in enumerate(noise)]  # fmt: skip
    with pytest.raises(DiskFull, match=r"all\.parquet: not written, the disk is full"):
        reports.export(write(tmp_path, *made), out=small_disk / "all.parquet")
    assert not list(small_disk.iterdir())
