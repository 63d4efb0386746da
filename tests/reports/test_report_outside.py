"""Records, the site and words of a folder of results that a stranger brings: nothing hangs, ends, deceives or leaks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lvmmed_backbones.records import read, read_cases
from reports.__main__ import main
from tests.reports.hostile import KINDS, NESTED, SECRET, files, replaced

pytestmark = pytest.mark.usefixtures("limit")


def test_each_other_thing_called_record_is_one_line(
    write: Callable[..., Path], tmp_path: Path, secret: Path, errors: Callable[..., list[str]]
) -> None:
    write("good")
    write("better", 0.75)
    bad = {kind: write(kind) for kind in (*KINDS, *NESTED)}
    for kind, path in bad.items():
        replaced(path, kind, secret)
    for verb in (["leaderboard", tmp_path], ["compare", tmp_path, "good", "better"], ["tables", tmp_path]):  # fmt: skip
        said = errors(*verb)
        assert len(said) == len(bad)
        for kind, path in bad.items():
            (line,) = [line for line in said if f"{path}:" in line]
            assert SECRET not in line, kind
    text = (tmp_path / "leaderboard" / "leaderboard.md").read_text()
    assert "| good |" in text and "| better |" in text


@pytest.mark.parametrize(
    "words",
    [["compare", "good", "x"], ["leaderboard", "--metric", "x"], ["leaderboard", "--task", "x"]],
)
def test_what_is_wrong_is_named_beside_a_wrong_word(
    write: Callable[..., Path], tmp_path: Path, errors: Callable[..., list[str]], words: list[str]
) -> None:
    write("good")
    bad = write("bad")
    bad.write_text("{")
    first, second = errors(words[0], tmp_path, *words[1:])
    assert str(bad) in first and " x" in second


def test_a_record_may_be_a_link_within_the_results(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    path = write("good")
    chosen = tmp_path / "chosen"
    chosen.mkdir()
    (chosen / "record.json").symlink_to(path)
    records, problems = read(tmp_path)
    assert [record.backbone.name for record in records] == ["good", "good"] and not problems
    assert read(chosen)[1], "the same link leads out of that folder"


def test_folders_in_a_circle_and_without_end(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write("good")
    (path.parent / "again").symlink_to(tmp_path)
    (tmp_path / "runs" / "loop").symlink_to("loop")
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1500):  # deeper than a stack, longer than a path may be
        os.mkdir("deep", dir_fd=here)
        inner = os.open("deep", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    try:
        records, (problem,) = read(tmp_path)
    finally:  # pytest could not remove them
        subprocess.run(["rm", "-rf", tmp_path / "deep"], check=True)
    assert [record.path for record in records] == [path]
    assert "File name too long" in problem and problem.isprintable()


@pytest.mark.parametrize("field", ["backbone.name", "task", "provenance.machine", "metrics", "x"])
@pytest.mark.parametrize("nested", [100, 900, 5000, 100_000])
def test_nested_fields_are_named(
    write: Callable[..., Path], tmp_path: Path, field: str, nested: int
) -> None:
    write("good")
    path = write("bad", fields={field: "HERE"} if field != "metrics" else {"extra": "HERE"})
    value = '{"a":' * nested + "1" + "}" * nested
    path.write_text(path.read_text().replace('"HERE"', value))
    records, problems = read(tmp_path)
    assert "good" in {record.backbone.name for record in records}
    assert len(records) + len(problems) == 2
    if field not in ("metrics", "x"):  # those fields are skipped: they are not this suite's
        assert problems[0].startswith(f"{path}: ") and problems[0].isprintable()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"cost": {"train_seconds": float("inf")}}, "cost is .*expected float"),
        ({"cost": {"train_seconds": 1e300}}, "cost is .*expected float"),
        ({"cost": {"train_seconds": 10**400}}, "cost is .*out of range"),
        ({"metrics": {"dice": 0.5, "iou": 1e308}}, r"metrics has iou 1e\+308, beyond 1,000,000"),
        ({"metrics": {"dice": 0.5, "iou": -(10**400)}}, "metrics is .*out of range"),
        ({"provenance.machine": {"cores": 10**30}}, "machine is .*, beyond 64 bits"),
        ({"provenance.machine": {"cores": 10**5000}}, "not valid JSON"),
        ({"provenance.machine": {"a": {"b": {"c": {"d": {}}}}}}, "machine is .*nested too deeply"),
        ({"provenance.machine": {"a": "x" * 501}}, "machine is .*, longer than 500 characters"),
        ({"provenance.versions": {str(i): "1" for i in range(1001)}}, "of more than 1000 parts"),
        ({"backbone.name": "x" * 10**6}, "backbone.name is .*, longer than 500 characters"),
        ({"seed": 10**400}, "seed is 1.*expected int"),
        ({"seed": "1"}, "seed is '1', expected int, got str"),
        ({"metrics": {"dice": True}}, "metrics is {'dice': True}, expected float"),
    ],
)
def test_numbers_and_texts_without_bounds_are_named(
    write: Callable[..., Path], tmp_path: Path, fields: dict, message: str
) -> None:
    path = write("bad")
    content = json.loads(path.read_text())
    for dotted, value in fields.items():
        *outer, last = dotted.split(".")
        place = content
        for name in outer:
            place = place[name]
        place[last] = value
    write("good")
    former = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    text = json.dumps(content)
    sys.set_int_max_str_digits(former)
    path.write_text(text)
    records, (problem,) = read(tmp_path)
    assert [record.backbone.name for record in records] == ["good"]
    assert problem.startswith(f"{path}: ") and re.search(message, problem)
    assert len(problem) < 1000 and problem.isprintable()


def test_machines_that_differ_in_what_is_no_number_are_told_apart(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    for seed, gpu in enumerate((None, float("nan"), float("inf"))):
        write(fields={"provenance.machine": {"gpu": gpu}}, seed=seed)
    assert [str(record.provenance.machine["gpu"]) for record in read(tmp_path)[0]] == [
        "None",
        "nan",
        "inf",
    ]


def test_of_keys_that_come_twice_the_last_counts(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    path = write("good", 0.5)
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1, "seed": 2'))
    (record,), problems = read(tmp_path)
    assert record.seed == 2 == json.loads(path.read_text())["seed"] and not problems


def test_cases_are_read_through_the_same_door(
    write: Callable[..., Path], tmp_path: Path, secret: Path
) -> None:
    path = write()
    (record,), _ = read(tmp_path)
    for kind in (*KINDS, *NESTED):
        replaced(path, kind, secret)
        with pytest.raises(ValueError, match=re.escape(str(path))):
            read_cases(record)
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def test_no_config_leads_out_of_the_results(
    write: Callable[..., Path], tmp_path: Path, secret: Path, errors: Callable[..., list[str]]
) -> None:
    good, linked = write("good", run="good"), write("linked", run="linked")
    good.with_name("config.py").write_text("seed = 1\n")
    linked.with_name("config.py").symlink_to(good.with_name("config.py"))
    bad = {kind: write(kind, run=kind).with_name("config.py") for kind in KINDS}
    for kind, path in bad.items():
        replaced(path, kind, secret)
    site = tmp_path / "site"
    said = errors("site", tmp_path / "runs", "--out", site)
    assert len(said) == len(bad)
    assert all(any(f"{path}:" in line for line in said) for path in bad.values())
    copied = {path.name: path.read_text() for path in site.glob("records/*.config.txt")}
    assert copied == dict.fromkeys(("good.config.txt", "linked.config.txt"), "seed = 1\n")
    assert len(list(site.glob("records/*.json"))) == len(bad) + 2
    assert not any(SECRET.encode() in path.read_bytes() for path in files(site))
    assert "FIFO" in (site / "records.html").read_text()


@pytest.mark.parametrize(
    "kind", ["FIFO", "socket", "folder", "device", "link out", "link in a circle", "huge"]
)
def test_a_mark_that_is_none_is_no_mark(
    write: Callable[..., Path],
    tmp_path: Path,
    secret: Path,
    errors: Callable[..., list[str]],
    kind: str,
) -> None:
    write()
    out = tmp_path / "site"
    out.mkdir()
    replaced(out / "site.txt", kind, secret)
    (line,) = errors("site", tmp_path / "runs", "--out", out)
    assert "not made by `python -m reports site`" in line
    assert [path.name for path in out.iterdir()] == ["site.txt"]


def test_links_at_the_place_of_the_site(
    write: Callable[..., Path], tmp_path: Path, secret: Path, errors: Callable[..., list[str]]
) -> None:
    write()
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "foreign").symlink_to(secret.parent)
    (tmp_path / "new").symlink_to(tmp_path / "behind")
    for name in ("circle", "foreign"):
        (line,) = errors("site", tmp_path / "runs", "--out", tmp_path / name)
        assert line.isprintable()
    assert [path.name for path in secret.parent.iterdir()] == ["secret"]
    assert main(["site", str(tmp_path / "runs"), "--out", str(tmp_path / "new")]) == 0
    assert (tmp_path / "behind" / "index.html").is_file()


@pytest.mark.parametrize("verb", ["leaderboard", "tables", "figures"])
def test_nothing_is_written_where_a_link_of_the_results_leads(
    write: Callable[..., Path],
    tmp_path: Path,
    secret: Path,
    errors: Callable[..., list[str]],
    verb: str,
) -> None:
    write()
    write("other")
    (tmp_path / verb).symlink_to(secret.parent)
    (line,) = errors(verb, tmp_path)
    assert f"{tmp_path / verb}" in line and "leads out of" in line and "--out" in line
    assert [path.name for path in secret.parent.iterdir()] == ["secret"]
    (tmp_path / verb).unlink()
    (tmp_path / verb).mkdir()
    (tmp_path / verb / f"leaderboard.md.{os.getpid()}.partial").symlink_to(secret)
    (tmp_path / verb / "leaderboard.csv").symlink_to(secret)
    assert main([verb, str(tmp_path)]) == 0
    assert secret.read_text() == SECRET
