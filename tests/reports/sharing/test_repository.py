"""`report check`: a results repository is sound, or what is wrong with it is named."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import reports
from reports.__main__ import main
from tests.reports.hostile import KINDS, replaced
from tests.reports.sharing.building import edit, write_rest, write_run, write_tasks

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "results-repository.md"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A sound repository of two runs."""
    folder = tmp_path / "repository"
    write_tasks(folder)
    for seed in range(2):
        write_run(folder, seed=seed)
    return folder


def test_a_sound_repository(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(repository)]) == 0
    said = capsys.readouterr()
    assert said.out == "sound records: 2, problems: 0\n" and said.err == ""


def test_what_merge_copies_is_sound(tmp_path: Path, repository: Path) -> None:
    write_rest(write_run(tmp_path / "mine", seed=2))
    reports.merge([tmp_path / "mine"], out=repository)
    checked = reports.check(repository)
    assert checked.problems == [] and checked.records == 3


def test_a_new_repository_has_no_records(tmp_path: Path) -> None:
    write_tasks(tmp_path)
    assert reports.check(tmp_path) == reports.Checked(0, [], [])
    (tmp_path / "runs").mkdir()
    assert reports.check(tmp_path) == reports.Checked(0, [], [])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"schema": 1}, "schema 1, from before task versions"),
        ({"metrics": {"iou": 0.4}}, "its headline, dice, is undefined"),
        ({"metrics": {"dice": 1.5}, "cases": []}, "is 1.5, not a fraction"),
        ({"metrics": {"dice": 0.6}}, "dice is 0.6000, but its 1 cases average 0.5000"),
        ({"metrics": {"dice": 0.5, "iou/vessel": 1.01}}, "metrics has iou/vessel 1.01, not in [0, 1]"),
        ({"metrics": {"dice": 0.5, "last_dice": -0.1}}, "metrics has last_dice -0.1, not in [0, 1]"),
        ({"metrics": {"dice": 0.5, "kappa": -1.1}}, "metrics has kappa -1.1, not in [-1, 1]"),
        ({"cases": [{"case": "01_test", "dice": 0.5, "kappa": 2}]}, "case 01_test has kappa 2, not in"),
        ({"cost__train_seconds": 2e7}, "cost has train_seconds 2e+07, of at most 1e+07"),
        ({"cost__train_seconds": -1}, "train_seconds"),
        ({"cost": {"train_seconds": 0, "test_seconds": 0}}, "cost says that the run took no time"),
        ({"cost": {"train_seconds": 5}}, "cost has no test_seconds"),
        ({"cost__peak_memory_mb": 0}, "cost says that the run took no memory"),
        ({"task_version": 2}, "task_version is 2, but 1 in tasks.json"),
        ({"kind": "detection"}, "kind is 'detection', but 'segmentation' in tasks.json"),
        ({"dataset": "kvasir"}, "dataset is 'kvasir', but 'drive' in tasks.json"),
        ({"task": "mine"}, "no task 'mine' with recipe 'suite' in tasks.json"),
        ({"data__fingerprint": "0" * 64}, f"has the fingerprint {'0' * 64}, which tasks.json does not have"),
        ({"run": "0123456789abcdef"}, "is of the run 0123456789abcdef"),
        ({"seed": 7}, "says seed 9, the record beside it 7"),
    ],
)  # fmt: skip
def test_each_fault_of_a_record_is_named(
    repository: Path, fields: dict, said: str, errors: Callable[..., list[str]]
) -> None:
    record = write_run(repository, seed=9) / "record.json"
    assert reports.check(repository).problems == []
    edit(record, **fields)
    lines = errors("check", repository)
    assert any(said in line and str(record.parent) in line for line in lines), lines


@pytest.mark.parametrize(
    ("metric", "value"),
    [("kappa", -0.5), ("r2", -30), ("pearson", -1), ("brier", 1.9), ("mae", 400), ("setting", 1e-5), ("epoch", 120),
     ("precision", 1 + 1e-7), ("of_a_plugin", -4)],
)  # fmt: skip
def test_the_range_is_that_of_the_metric(repository: Path, metric: str, value: float) -> None:
    edit(write_run(repository, seed=9) / "record.json", metrics={"dice": 0.5, metric: value})
    assert reports.check(repository).problems == []


def test_phantoms(tmp_path: Path, repository: Path) -> None:
    """A phantom may be there as such; measured on real images it cannot be, as far as that is known."""
    write_tasks(repository, drive={"measured": ["f" * 64, "1" * 64], "phantom": ["1" * 64]})
    write_run(repository, data_source="phantom", data__fingerprint="2" * 64, seed=5)
    assert reports.check(repository).problems == []
    write_run(repository, data__fingerprint="1" * 64, seed=6)
    write_run(repository, data__fingerprint="2" * 64, seed=7)
    problems = reports.check(repository).problems
    assert sum("says data_source 'measured', but its data is a phantom" in p for p in problems) == 2


def test_data_without_fingerprints_is_a_note(repository: Path) -> None:
    write_tasks(repository, kvasir={"measured": []})
    checked = reports.check(repository)
    assert checked.problems == []
    (note,) = checked.notes
    assert "no fingerprint of drive" in note and note.endswith("2 of its records")


def test_two_runs_of_a_cell_are_named(repository: Path) -> None:
    write_run(repository, 0.7, config="d")
    (problem,) = reports.check(repository).problems
    assert "two runs of drive version 1" in problem and "differ in the config" in problem
    assert "dice 0.5 and dice 0.7" in problem or "dice 0.7 and dice 0.5" in problem


def test_a_run_without_identity(repository: Path) -> None:
    (write_run(repository, seed=8, profile="probe") / "identity.json").unlink()
    assert reports.check(repository).problems == [], "`lvmmed evaluate` leaves none"
    (write_run(repository, seed=9) / "identity.json").unlink()
    (problem,) = reports.check(repository).problems
    assert "has no identity.json beside it" in problem


def test_what_does_not_belong_there_is_named(repository: Path) -> None:
    run = write_run(repository, seed=9)
    write_rest(run)
    (repository / "runs" / "README.md").touch()
    (repository / "runs" / ("0" * 16)).mkdir()
    (repository / "runs" / "mine").mkdir()
    problems = "\n".join(reports.check(repository).problems)
    for name in (
        "best_120.pth",
        "lease.1",
        "run.log",
        "cases.json",
        "drive.py",
        "vis_data/config.py",
    ):
        assert f"{name}: is not shared" in problems
    for name in ("README.md", "mine"):
        assert f"runs/{name}: is no folder of a run" in problems
    assert f"{'0' * 16}: has no record.json" in problems and problems.count("\n") == 9


@pytest.mark.usefixtures("limit")
@pytest.mark.parametrize("file", ["record.json", "gallery/best.png", "identity.json"])
def test_other_things_than_files_are_named(
    repository: Path, secret: Path, file: str, errors: Callable[..., list[str]]
) -> None:
    for seed, kind in enumerate(KINDS, start=10):
        run = write_run(repository, seed=seed)
        write_rest(run)
        for name in ("best_120.pth", "lease.1", "run.log", "cases.json", "drive.py"):
            (run / name).unlink()
        for path in run.glob("2*/*.log"):
            path.unlink()
        (run / "20260101_000000" / "vis_data" / "config.py").unlink()
        replaced(run / file, kind, secret)
        lines = errors("check", repository)
        if kind != "folder" or file == "record.json":
            assert any(str(run) in line for line in lines), kind


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"schema": 2, "tasks": [], "data": {}}', "\0"]
)
def test_a_spoilt_list_of_tasks(
    repository: Path, content: str, errors: Callable[..., list[str]]
) -> None:
    (repository / "tasks.json").write_text(content)
    (line,) = errors("check", repository)
    assert "tasks.json: is not as it was written" in line
    (repository / "tasks.json").unlink()
    (line,) = errors("check", repository)
    assert "tasks.json: no such file" in line


def test_the_workflow_of_the_page_checks_a_repository(repository: Path) -> None:
    """What the example runs, with no more packages than it installs: others are hidden."""
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.S)
    (job,) = yaml.safe_load(text)["jobs"].values()
    install, command = (step["run"] for step in job["steps"] if "run" in step)
    installed = set(install.removeprefix("python -m pip install ").split())
    (place,) = (
        s["with"]["path"] for s in job["steps"] if s.get("with", {}).get("path") == "records"
    )
    hidden = {"torch", "pandas", "scipy", "matplotlib", "PIL", "mmengine", "timm", "jinja2", "cv2"}
    hidden |= {"numpy", "msgspec", "rich", "tqdm"} - installed
    code = f"""
import runpy, sys
for name in {sorted(hidden)}: sys.modules[name] = None
sys.argv = {[*command.replace(f"../{place}", str(repository)).split()[2:]]}
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
    for expected in (0, 1):
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        assert done.returncode == expected, done.stderr
        edit(next(repository.glob("runs/*/record.json")), metrics={"dice": 0.9})
