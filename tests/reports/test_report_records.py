"""Records that are read, and those that are named and refused."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lvmmed_backbones.records import StoredRecord, folder, read, read_cases
from lvmmed_backbones.records.decoding import decode


def parse(data: bytes) -> StoredRecord:
    """A record from the bytes of its file."""
    return folder._stored(decode(data), Path("record.json"), Path(), {})


def test_a_record_is_read_as_it_was_written(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write("lvmmed_resnet50", 0.625, {"backbone.weights_sha256": "ab" * 32}, seed=3)
    (record,), problems = read(tmp_path)
    assert not problems
    assert (record.path, record.backbone.name, record.value) == (path, "lvmmed_resnet50", 0.625)
    assert (record.metric, record.seed, record.backbone.weights_sha256) == ("dice", 3, "ab" * 32)
    assert record.data.counts == {"train": 16, "test": 20}


def test_a_pretraining_seed_is_read_and_absent_from_older_records(
    content: Callable[..., dict],
) -> None:
    assert parse(json.dumps(content()).encode()).backbone.pretraining_seed is None
    for seed in (None, 7):
        text = json.dumps(content({"backbone.pretraining_seed": seed}))
        assert parse(text.encode()).backbone.pretraining_seed == seed


def test_a_record_from_before_splits_is_of_the_published_one(content: Callable[..., dict]) -> None:
    old = content()
    del old["split"]
    assert parse(json.dumps(old).encode()).split == "published"


def test_a_record_from_before_recipes_is_of_the_suites(content: Callable[..., dict]) -> None:
    assert "recipe" not in content()
    assert parse(json.dumps(content()).encode()).recipe == "suite"


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
        pytest.param('{"schema": 3, "run"', "not valid JSON .* cut short", id="truncated"),
        pytest.param("", "not valid JSON", id="empty"),
        pytest.param("[" * 100_000, "not valid JSON", id="nested without end"),
        pytest.param('{"name": "left-pad"}', "not a record of this suite .*schema", id="foreign"),
        pytest.param('{"schema": 3}', "not a record of this suite", id="foreign with a schema"),
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
    assert f"{folder}: is a folder, not a regular file" in problem


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"schema": 4}, "schema 4, but this version reads up to 3. Update the checkout"),
        ({"schema": 0}, "schema 0"),
        ({"schema": True}, "schema is True, expected int, got bool"),
        ({"schema": "1"}, "schema is '1', expected int, got str"),
        ({"metrics": {"dice": None}}, "headline, dice, is undefined .* run.log"),
        ({"metrics": {"dice": float("nan")}}, "headline, dice, is undefined"),
        ({"metrics": {}}, "headline, dice, is undefined"),
        ({"metrics": {"dice": 71.2}}, r"is 71.2, not a fraction in \[0, 1\]"),
        ({"metrics": {"dice": float("inf")}}, "is inf, not a fraction"),
        ({"metrics": {"dice": -0.1}}, "is -0.1, not a fraction"),
        ({"metrics": {"dice": "0.7"}}, "metrics is {'dice': '0.7'}, expected float or null, got"),
        ({"metrics": {"dice": True}}, "metrics is {'dice': True}, expected float or null, got b"),
        ({"metrics": [0.7]}, "metrics is .0.7., expected object, got array"),
        (
            {"data_source": "published"},
            "data_source is 'published', invalid enum value 'published'",
        ),
        ({"label_fraction": 0}, "label_fraction is 0, expected float > 0"),
        ({"label_fraction": 1.5}, "label_fraction is 1.5, expected float <= 1"),
        ({"label_fraction": float("nan")}, "label_fraction is nan, expected float"),
        ({"label_fraction": 10**400}, "label_fraction is 10+.*0, number out of range"),
        ({"recipe": "authors"}, "recipe is 'authors', invalid enum value"),
        ({"task_version": 0}, "task_version is 0, expected int >= 1"),
        ({"task_version": "1"}, "task_version is '1', expected int, got str"),
        ({"task_version": True}, "task_version is True, expected int, got bool"),
        ({"threads": 0}, "threads is 0, expected int >= 1"),
        ({"threads": None}, "threads is None, expected int, got null"),
        ({"seed": 0.5}, "seed is 0.5, expected int, got float"),
        ({"seed": -1}, r"seed is -1, expected int >= 0"),
        ({"seed": False}, r"seed is False, expected int, got bool"),
        ({"backbone.parameters": 10**400}, r"parameters is 10+.*0, expected int <= 92233720368547"),
        ({"backbone": "resnet"}, "backbone is 'resnet', expected object"),
        ({"backbone": {}}, "not a record of this suite .* field name of backbone"),
        ({"backbone.name": None}, "backbone.name is None, expected str, got null"),
        ({"backbone.name": " "}, "backbone.name is ' ', empty"),
        ({"backbone.pretraining_seed": -1}, "backbone.pretraining_seed is -1, expected int >= 0"),
        ({"backbone.pretraining_seed": "1"}, "backbone.pretraining_seed is '1', expected int or"),
        ({"backbone.weights_sha256": ""}, "backbone.weights_sha256 is '', empty"),
        ({"backbone.name": "\x1b[2Jgone"}, "backbone.name is .*, not printable"),
        ({"backbone.name": "\ud800"}, "backbone.name is .*, not printable"),
        ({"backbone.name": "a\nb"}, "not printable"),
        ({"backbone.name": "abc\u202etxt"}, "not printable"),
        ({"run": "\x7f"}, "^run is .*, not printable"),
        ({"metrics": {"dice": 0.5, "\x07": 0.1}}, "^metrics is .*, not printable"),
        ({"data.counts": {"train": "many"}}, "counts is {'train': 'many'}, expected int, got str"),
        ({"data.complete": 1}, "data.complete is 1, expected bool, got int"),
        ({"provenance.machine": {"cpu": ["\x07"]}}, "provenance.machine is .*, not printable"),
        ({"provenance.started": 2026}, "provenance.started is 2026, expected str"),
        ({"cost": {"train_seconds": -1}}, "cost is {'train_seconds': -1}, expected float >= 0"),
    ],
)
def test_a_wrong_field_is_named_with_its_value(
    content: Callable[..., dict], fields: dict, message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        parse(json.dumps(content(fields)).encode())
    assert str(caught.value).endswith(".")


FIELDS = st.sampled_from(
    ["schema", "run", "task_version", "threads", "backbone", "backbone.name", "backbone.parameters", "metrics",
     "metrics.dice", "label_fraction", "seed", "data_source", "data.counts", "provenance.machine", "cost", "split",
     "recipe"]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # the fixture is a function without a state
@given(st.dictionaries(FIELDS, JSON, max_size=2), st.integers(0, 2000))
def test_whatever_a_file_holds_it_is_a_record_or_named(
    content: Callable[..., dict], fields: dict, cut: int
) -> None:
    """A record that passes keeps every promise of `Record`; anything else is a ValueError in words."""
    try:
        text = json.dumps(content(fields))
    except (KeyError, TypeError):  # a field within another that is no object any more
        assume(False)
    for data in (text.encode(), text.encode()[:cut]):
        try:
            record = parse(data)
        except ValueError as error:
            assert re.search(r"\.$", str(error))
            assert type(error) is ValueError, "no other module's error"
        else:
            assert record.task_version >= 1 and record.threads >= 1
            assert 0 <= record.value <= 1 and 0 < record.label_fraction <= 1 and record.seed >= 0
            assert all(v is None or math.isfinite(v) for v in record.metrics.values())
            assert record.backbone.name.isprintable() and record.backbone.name.strip()


def test_an_undefined_metric_that_is_no_headline_is_fine(content: Callable[..., dict]) -> None:
    for undefined in (None, float("nan")):
        metrics = {"dice": 0.5, "iou": undefined}
        record = parse(json.dumps(content(metrics=metrics)).encode())
        assert record.value == 0.5
        assert record.metrics == {"dice": 0.5, "iou": None}


def test_a_newer_schema_is_said_whatever_else_it_changed(content: Callable[..., dict]) -> None:
    for newer in ({"schema": 4}, content({"schema": 4, "backbone": ["lvmmed_resnet50"]})):
        with pytest.raises(ValueError, match="schema 4, but this version reads up to 3"):
            parse(json.dumps(newer).encode())


@pytest.mark.parametrize("field", ["task_version", "threads"])
def test_a_record_without_its_conditions_is_named(content: Callable[..., dict], field: str) -> None:
    without = content()
    del without[field]
    with pytest.raises(ValueError, match=f"not a record of this suite .*missing.*{field}"):
        parse(json.dumps(without).encode())


def of_schema_1(path: Path, commit: object) -> None:
    """Make a record one from before task versions."""
    old = json.loads(path.read_text())
    old |= {"schema": 1, "provenance": old["provenance"] | {"git_revision": commit}}
    old["provenance"]["machine"]["threads"] = old.pop("threads")
    del old["task_version"]
    path.write_text(json.dumps(old))


def test_records_of_schema_1_are_named_by_the_commit_that_wrote_them(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    new = write("new")
    of_a, of_b, of_none = [write() for _ in range(5)], [write(), write()], [write(), write()]
    for path in of_a:
        of_schema_1(path, "a" * 40)
    for path in of_b:
        of_schema_1(path, "b" * 40 + "+")
    for path, commit in zip(of_none, (None, ["\x1b"]), strict=True):
        of_schema_1(path, commit)
    records, (a, b, none) = read(tmp_path)
    assert [record.path for record in records] == [new]
    assert a.startswith(
        f"{of_a[0]}, {of_a[1]}, {of_a[2]}, and 2 more: schema 1, from before task versions"
    )
    assert b.startswith(f"{of_b[0]}, {of_b[1]}: schema 1")
    for problem, commit in (
        (a, f"commit {'a' * 40}"),
        (b, f"commit {'b' * 40}+"),
        (none, "no commit"),
    ):
        assert "Run again, or report with the checkout that wrote it" in problem
        assert commit in problem and problem.isprintable() and problem.endswith(".")


def test_every_schema_but_its_own_is_refused_in_a_record_that_has_all_fields(
    content: Callable[..., dict],
) -> None:
    for schema, message in ((0, "schema 0"), (1, "schema 1"), (2, "field figure"), (4, "schema 4")):
        with pytest.raises(ValueError, match=message):
            decode(json.dumps(content(schema=schema)).encode())


def test_a_record_that_is_cut_anywhere_is_not_whole(content: Callable[..., dict]) -> None:
    text = json.dumps(content()).encode()
    assert decode(text).run == content()["run"]
    for end in range(len(text)):
        with pytest.raises(ValueError, match="not valid JSON"):
            decode(text[:end])


@pytest.mark.parametrize(
    "fields",
    [{"cases": None}, {"cases": [{"dice": 0.5}]}, {"schema": 1}, {"threads": 0}, {"metrics": None}],
)
def test_a_record_with_unsound_parts_is_not_whole(
    content: Callable[..., dict], fields: dict
) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        decode(json.dumps(content(fields)).encode())


def test_a_record_without_cases_is_not_whole(content: Callable[..., dict]) -> None:
    without = content()
    del without["cases"]
    with pytest.raises(ValueError, match="missing required field cases"):
        decode(json.dumps(without).encode())


def test_the_parts_of_a_record_are_those_of_the_file(
    write: Callable[..., Path], content: Callable[..., dict], tmp_path: Path
) -> None:
    write("a", 0.5)
    (record,), _ = read(tmp_path)
    file = content()
    assert record.metrics == file["metrics"]
    assert record.cost == file["cost"]
    assert (record.run, record.provenance.started) == (file["run"], file["provenance"]["started"])
    assert record.provenance.versions == file["provenance"]["versions"]
    assert record.provenance.machine == file["provenance"]["machine"]


def test_machines_and_versions_of_many_records_are_kept_once(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    for seed in range(3):
        write("a", 0.5, {"provenance.machine": {"cores": 4 if seed == 2 else 2}}, seed=seed)
    one, two, other = read(tmp_path)[0]
    assert one.backbone is two.backbone is other.backbone and one.data is two.data is other.data
    one, two, other = one.provenance, two.provenance, other.provenance
    assert one.machine is two.machine and one.versions is two.versions is other.versions
    assert other.machine == {"cores": 4}


def test_cases_are_read_on_demand(write: Callable[..., Path], tmp_path: Path) -> None:
    cases = [{"case": "BMC/Case00", "dice": 0.5, "dice/prostate": None}, {"case": "b", "dice": 1}]
    write(value=0.75, cases=cases)
    (record,), _ = read(tmp_path)
    assert read_cases(record) == cases


@pytest.mark.parametrize(
    ("cases", "message"),
    [
        (None, "cases is None, expected array"),
        ([{"dice": 0.5}], "cases has {'dice': 0.5}, not a printable name"),
        ([{"case": 3, "dice": 0.5}], "not a printable name"),
        ([{"case": "\x1b", "dice": 0.5}], "not a printable name"),
        ([{"case": "a", "dice": "0.5"}], "not a printable name"),
        ([{"case": "a", "dice": [0.5]}], "cases is .*, expected float or str or null, got array"),
    ],
)
def test_cases_that_are_none_are_named(
    write: Callable[..., Path], tmp_path: Path, cases, message: str
) -> None:
    path = write(cases=cases)
    records, (problem,) = read(tmp_path)
    assert not records and problem.startswith(f"{path}: ") and re.search(message, problem)


def test_cases_of_a_file_that_is_gone_are_an_error(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    path = write()
    (record,), _ = read(tmp_path)
    path.unlink()
    with pytest.raises(ValueError, match=r"record.json: is gone"):
        read_cases(record)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_named(write: Callable[..., Path], tmp_path: Path) -> None:
    write()
    folder = write().parent
    folder.chmod(0)
    try:
        records, (problem,) = read(tmp_path)
    finally:
        folder.chmod(0o755)
    assert len(records) == 1
    assert problem.startswith(f"{folder}: cannot be read")
