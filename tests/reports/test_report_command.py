"""The command, as it is called."""

from __future__ import annotations

import itertools
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from lvmmed_backbones.files.writing import DiskFull
from reports.__main__ import main
from reports.render import files
from reports.render.files import write_texts

ROOT = Path(__file__).resolve().parents[2]
FILES = {"leaderboard.md", "leaderboard.csv"}
VERBS = ("leaderboard", "tables", "figures", "site", "compare")


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


@pytest.mark.parametrize("arguments", [["--help"], *([verb, "--help"] for verb in VERBS)])
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
        (
            ["--task", "buid", "--profile", "small"],
            "no record has --profile small and --task buid at once.",
        ),
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


def test_boards_of_the_metrics_that_were_asked_for(
    write: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for backbone, dice, iou in (("a", 0.5, 0.4), ("b", 0.75, None)):
        write(backbone, dice, metrics={"iou": iou})
    assert main(["leaderboard", str(tmp_path), "--metric", "dice", "iou"]) == 1
    said = capsys.readouterr()
    assert "iou is undefined, left out of its leaderboard" in said.err
    assert "all labels, Dice" in said.out and "all labels, IoU" in said.out
    table = pd.read_csv(tmp_path / "leaderboard" / "leaderboard.csv")
    found = list(table[["board_metric", "backbone", "mean"]].itertuples(index=False, name=None))
    assert sorted(found) == [("dice", "a", 0.5), ("dice", "b", 0.75), ("iou", "a", 0.4)]


def test_published_figures_stand_in_a_table_of_their_own(
    write: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for task, kind, metric in (("drive", "segmentation", "dice"), ("brats2018", "volumes", "iou")):
        write("a", 0.5, task=task, dataset=task, kind=kind, metric=metric)
    write("a", 0.4, task="nowhere", dataset="nowhere")
    assert main(["leaderboard", str(tmp_path), "--published"]) == 0
    text = (tmp_path / "leaderboard" / "leaderboard.md").read_text()
    mine, mark, paper = text.partition("## Published by the paper's authors")
    assert mark and "published:" not in mine and "| a |" not in paper
    assert "PUBLISHED: printed in the paper, not measured here" in paper
    assert "| published: LVM-Med, ResNet-50 | – | – | **67.0** ± 0.3 | **73.6** ± 0.1 |" in paper
    assert "nowhere" not in paper
    table = pd.read_csv(tmp_path / "leaderboard" / "leaderboard.csv")
    printed = table[table["data_source"] == "published"]
    assert set(table["data_source"]) == {"measured", "published"}
    assert len(printed) == 16 + 20  # of table 2 and of table 3
    assert printed["backbone"].str.startswith("published: ").all()
    assert main(["leaderboard", str(tmp_path), "--published", "--task", "nowhere"]) == 0
    assert "the paper has no figures of these tasks" in capsys.readouterr().err


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


def test_every_kind_of_bad_input_is_named_at_once(
    write: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One folder with all that can be wrong: a line for each, and the good records in the table."""
    for seed in (0, 1):
        write("good", 0.5, seed=seed)
    write("other", 0.25)
    write("good", 0.75, task="alone", seed=0)
    cut, foreign, empty = write("cut"), write("foreign"), write("empty")
    cut.write_text(cut.read_text()[:-40])
    foreign.write_text('{"name": "left-pad", "version": "1.3.0"}')
    empty.write_text("")
    newer = write("newer", schema=4)
    null, nan, infinite = (write(f"b{v}", v) for v in (None, float("nan"), float("inf")))
    clash = [write("clash", value) for value in (0.1, 0.2)]
    assert main(["leaderboard", str(tmp_path)]) == 1
    errors = capsys.readouterr().err.splitlines()[1:]
    for path, words in (
        (cut, "not valid JSON"),
        (foreign, "not a record of this suite"),
        (empty, "not valid JSON"),
        (newer, "schema 4, but this version reads up to 3"),
        (null, "its headline, dice, is undefined (None)"),
        (nan, "its headline, dice, is undefined (nan)"),
        (infinite, "its headline, dice, is inf, not a fraction"),
        (clash[0], "2 records that disagree on drive (finetune), clash, seed 0"),
    ):
        (line,) = [error for error in errors if str(path) in error]
        assert line.startswith("error: ") and words in line and line.endswith(".")
    assert len(errors) == 8
    table = pd.read_csv(tmp_path / "leaderboard" / "leaderboard.csv")
    found = table.set_index(["task", "backbone"])
    assert list(found.index) == [("alone", "good"), ("drive", "good"), ("drive", "other")]
    assert list(found["mean"]) == [0.75, 0.5, 0.25]
    assert not found.loc[("alone", "good"), "best"], "nobody is best who is alone"
    assert found.loc[("drive", "good"), "best"]


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_mixes_versions_of_a_task(
    write: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    """All that is said and written is the same as if the records of the older version were not there."""
    results, out = tmp_path / "runs", tmp_path / "out"
    words = ["a", "b"] if verb == "compare" else ["--out", str(out)]
    for seed, backbone in itertools.product(range(2), "ab"):
        value = 0.5 + 0.1 * seed + 0.05 * (backbone == "b")
        write(backbone, value, seed=seed, task="buid", task_version=2)
    old = [
        write(backbone, 0.123, seed=seed, task="buid", label_fraction=share)
        for backbone, seed, share in (("a", 5, 1.0), ("b", 0, 1.0), ("c", 0, 1.0), ("a", 0, 0.1))
    ]

    assert main([verb, str(results), *words]) == 1
    mixed = capsys.readouterr()
    (line,) = [line for line in mixed.err.splitlines() if line.startswith("error: ")]
    assert f"{old[0]}, {old[1]}, {old[2]}, and 1 more: version 1 of buid" in line
    files = contents(out)

    for path in old:
        shutil.rmtree(path.parent)
    assert main([verb, str(results), *words]) == 0
    assert capsys.readouterr().out == mixed.out
    assert contents(out) == files
    assert bool(files) == (verb != "compare")


def contents(folder: Path) -> dict[Path, bytes]:
    """All files below a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


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


def test_a_failed_write_leaves_all_old_files(tmp_path: Path, monkeypatch) -> None:
    """Also those that had been written before it, and what a killed call left goes with the next one."""
    names = ("leaderboard.md", "leaderboard.csv")
    write_texts(tmp_path, dict.fromkeys(names, "old"))
    calls = []

    def full(path: Path) -> None:
        calls.append(path)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "sync", full)
    with pytest.raises(DiskFull, match="the disk is full"):
        write_texts(tmp_path, dict.fromkeys(names, "new"))
    monkeypatch.undo()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(
        names, "old"
    )
    (tmp_path / ".leaderboard.md.0123456789ab.partial").write_text("left")
    write_texts(tmp_path, dict.fromkeys(names, "new"))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(
        names, "new"
    )


@pytest.mark.parametrize("verb", ["leaderboard", "tables"])
def test_models_are_never_imported(write: Callable[..., Path], tmp_path: Path, verb: str) -> None:
    write()
    code = (
        "import sys, json; from reports.__main__ import main; code = main(sys.argv[1:]);"
        "print(json.dumps([code, sorted({name.partition('.')[0] for name in sys.modules})]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, verb, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    models = {"torch", "mmengine", "mmcv", "mmpretrain", "mmseg", "mmdet", "timm"}
    assert not (models | {"tasks", "benchmarks"}) & set(modules)


@pytest.mark.slow  # a time of the machine's, too: what is imported is checked above, before each change
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
