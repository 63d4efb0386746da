"""The command, as it is called."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from reports import publish
from reports.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
FILES = {"leaderboard.md", "leaderboard.csv", "leaderboard.html"}


def reports(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reports", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, env=os.environ | environment,
    )  # fmt: skip


def test_from_records_to_files(write: Callable[..., Path], tmp_path: Path) -> None:
    write("a", 0.5)
    write("b", 0.75)
    done = reports("leaderboard", tmp_path, COLUMNS="120")
    assert done.returncode == 0, done.stderr
    assert "75.0" in done.stdout and "mean rank" in done.stdout
    assert done.stderr.startswith("wrote ") and len(done.stderr.splitlines()) == 1
    out = tmp_path / "leaderboard"
    assert {path.name for path in out.iterdir()} == FILES
    table = pd.read_csv(out / "leaderboard.csv")
    assert dict(zip(table["backbone"], table["mean"], strict=True)) == {"a": 0.5, "b": 0.75}
    assert "**75.0**" in (out / "leaderboard.md").read_text()


def test_again_gives_the_same_bytes(write: Callable[..., Path], tmp_path: Path) -> None:
    write("a", 0.5)
    outs = tmp_path / "one", tmp_path / "two"
    for out in outs:
        assert main(["leaderboard", str(tmp_path), "--out", str(out)]) == 0
    for name in FILES:
        assert (outs[0] / name).read_bytes() == (outs[1] / name).read_bytes()


@pytest.mark.parametrize("arguments", [["--help"], ["leaderboard", "--help"]])
def test_help_on_every_level(arguments: list[str]) -> None:
    done = reports(*arguments)
    assert done.returncode == 0
    assert "usage: python -m reports" in done.stdout


def test_no_verb_is_a_usage_error() -> None:
    assert reports().returncode == 2


def test_only_what_was_asked_for(
    write: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for task in ("drive", "buid", "jsrt"):
        write("a", 0.5, task=task)
        write("a", 0.5, task=task, profile="mini")
    words = ["leaderboard", str(tmp_path), "--profile", "small", "--task", "drive", "jsrt"]
    assert main(words) == 0
    table = pd.read_csv(tmp_path / "leaderboard" / "leaderboard.csv")
    assert set(table["profile"]) == {"small"}
    assert list(table["task"]) == ["drive", "jsrt"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--profile", "huge"], "--profile huge: no record has it. Choose from mini, small."),
        (["--task", "drive", "x"], "--task x: no record has it. Choose from buid, drive."),
        (["--task", "buid", "--profile", "small"], "no record is of profile small and of buid."),
    ],
)
def test_asking_for_nothing_is_an_error(
    write: Callable[..., Path], tmp_path: Path, capsys, words: list[str], message: str
) -> None:
    write("a", task="drive", profile="small")
    write("a", task="buid", profile="mini")
    assert main(["leaderboard", str(tmp_path), *words]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "leaderboard").exists()


def test_bad_records_are_named_and_the_rest_is_reported(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    write("good", 0.5)
    cut = write("cut")
    cut.write_text(cut.read_text()[:100])
    newer = write("newer", schema=99)
    null = write("null", None)
    clash = [write("clash", value) for value in (0.1, 0.2)]
    done = reports("leaderboard", tmp_path)
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 4
    for path in (cut, newer, null, *clash):
        assert str(path) in done.stderr
        assert str(path) not in done.stdout
    assert "50.0" in done.stdout
    table = pd.read_csv(tmp_path / "leaderboard" / "leaderboard.csv")
    assert list(table["backbone"]) == ["good"]


@pytest.mark.parametrize("bad", ["missing", "empty", "file", "unsound", "contradicting"])
def test_nothing_to_report_writes_nothing(
    write: Callable[..., Path], tmp_path: Path, capsys, bad: str
) -> None:
    folder = tmp_path / "results"
    if bad in ("empty", "unsound", "contradicting"):
        folder.mkdir()
    if bad == "file":
        folder.write_text("")
    if bad == "unsound":
        (folder / "record.json").write_text("{")
    if bad == "contradicting":
        write("a", 0.1)
        write("a", 0.2)
        (tmp_path / "runs").rename(folder / "runs")
    before = sorted(tmp_path.rglob("*"))
    assert main(["leaderboard", str(folder)]) == 1
    captured = capsys.readouterr()
    assert str(folder) in captured.err
    assert not captured.out
    assert sorted(tmp_path.rglob("*")) == before


def test_an_output_that_is_a_file_is_named(
    write: Callable[..., Path], tmp_path: Path, capsys
) -> None:
    write()
    out = tmp_path / "taken"
    out.write_text("mine")
    assert main(["leaderboard", str(tmp_path), "--out", str(out)]) == 1
    assert str(out) in capsys.readouterr().err
    assert out.read_text() == "mine"


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "leaderboard.md"
    path.write_text("old")

    def full(*_) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(publish.os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        publish.write(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_models_are_never_imported(write: Callable[..., Path], tmp_path: Path) -> None:
    write()
    code = (
        "import sys, json; from reports.__main__ import main; code = main(sys.argv[1:]);"
        "print(json.dumps([code, sorted({name.partition('.')[0] for name in sys.modules})]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "leaderboard", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    models = {"torch", "mmengine", "mmcv", "mmpretrain", "mmseg", "mmdet", "timm"}
    assert not (models | {"lvmmed_backbones", "tasks", "benchmarks"}) & set(modules)


def test_it_starts_within_two_seconds_of_processor_time(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    write()

    def used() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    spent = []
    for _ in range(2):  # the first may have to compile
        before = used()
        assert reports("leaderboard", tmp_path).returncode == 0
        spent.append(used() - before)
    assert min(spent) < 2
