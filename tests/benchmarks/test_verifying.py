"""A record is measured again: equal to the last bit, or named with what differs. Shown runs, resumed studies."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import benchmarks
from benchmarks.__main__ import main

GRID = dict(
    tasks=["brain_tumor_linear"], backbones=["random_resnet18_half"], seeds=[0], profile="mini"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the results of a run, and its work."""
    folder = tmp_path_factory.mktemp("made")
    (ending,) = benchmarks.run(**GRID, results=folder / "results", work=folder / "work")
    assert not ending.failure
    return folder


@pytest.fixture
def record(made: Path, tmp_path: Path) -> Path:
    """A copy of the run's record, with its identity beside it, away from everything else."""
    (run,) = (made / "results" / "runs").iterdir()
    for name in ("record.json", "identity.json"):
        shutil.copy(run / name, tmp_path)
    return tmp_path / "record.json"


def change(file: Path, **fields: object) -> None:
    """Change fields of a JSON file; a.b is written a__b."""
    content = json.loads(file.read_text())
    for name, value in fields.items():
        *parents, last = name.split("__")
        place = content
        for parent in parents:
            place = place[parent]
        place[last] = value
    file.write_text(json.dumps(content))


def test_a_record_is_reproduced_to_the_last_bit(made: Path, record: Path, capsys) -> None:
    assert main(["verify", str(record), "--work", str(made / "work")]) == 0
    assert "reproduced: every metric and every case is the same to the last bit" in " ".join(
        capsys.readouterr().out.split()
    )


def test_another_figure_is_told_in_points(made: Path, record: Path, capsys) -> None:
    theirs = json.loads(record.read_text())["metrics"]["accuracy"]
    for apart, code in ((0.004, 0), (0.03, 1)):
        change(record, metrics__accuracy=theirs - apart, provenance__machine__cpu="Another")
        found = benchmarks.verify(record, work=made / "work")
        assert found.points == pytest.approx(100 * apart) and found.is_reproduced == (code == 0)
        assert main(["verify", str(record), "--work", str(made / "work")]) == code
        said = " ".join(capsys.readouterr().out.split())
        word = "not reproduced" if code else "reproduced"
        assert f"{word}: accuracy differs by +{100 * apart:.4f} points" in said
        assert "machine" in said or "cpu: 'Another' in the record" in said
    assert benchmarks.verify(record, work=made / "work", within=5.0).is_reproduced


def test_another_case_is_told(made: Path, record: Path) -> None:
    cases = json.loads(record.read_text())["cases"]
    name = next(key for key in cases[0] if key != "case")
    cases[0][name] = 1 - cases[0][name]
    change(record, cases=cases)
    found = benchmarks.verify(record, work=made / "work")
    assert found.cases == 1 and not found.is_equal and found.is_reproduced
    change(record, cases=cases[1:])
    assert benchmarks.verify(record, work=made / "work").cases is None


@pytest.mark.parametrize(
    ("file", "fields", "message"),
    [
        ("record.json", dict(data__fingerprint="0" * 64), "data_fingerprint: '000"),
        ("record.json", dict(task_version=9), "task_version: 9 in the record, 2 here"),
        ("record.json", dict(backbone__weights_sha256="1" * 64), "weights_sha256: '111"),
        ("record.json", dict(threads=3), "threads: 3 in the record, 1 here"),
        ("identity.json", dict(config_sha256="2" * 64), "config_sha256: '222"),
        ("identity.json", dict(more=1), "more: 1 in the record, None here"),
    ],
)
def test_another_experiment_is_named_and_not_run(
    made: Path, record: Path, capsys, monkeypatch, file: str, fields: dict, message: str
) -> None:
    monkeypatch.setattr(
        "benchmarks.scheduler.local.carry_out", lambda *_: pytest.fail("it was run")
    )
    change(record.with_name(file), **fields)
    assert main(["verify", str(record), "--work", str(made / "work")]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert message in said and "not verified: another experiment would be compared" in said


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (dict(profile="probe"), "`lvmmed evaluate` made it"),
        (dict(task="drve"), "no task 'drve'"),
        (dict(backbone__name="../x"), "no backbone"),
        (dict(overrides={"custom_imports": 1}), "is no place in a config"),
        (dict(overrides={"custom_imports.imports": 1}), "brain_tumor_linear"),
        (dict(overrides={"task.kind": "os"}), "overrides"),
        (dict(schema=1), "record.json"),
        (dict(metrics=3), "record.json"),
    ],
)
def test_a_record_that_cannot_be_run_is_refused_in_a_line(
    made: Path, record: Path, capsys, fields: dict, message: str
) -> None:
    change(record, **fields)
    assert main(["verify", str(record), "--work", str(made / "work")]) in (1, 2)
    out, err = capsys.readouterr()
    assert message in " ".join((out + err).split()) and "Traceback" not in err


def test_a_foreign_config_is_not_executed(made: Path, record: Path) -> None:
    trap = record.with_name("was_executed")
    record.with_name("config.py").write_text(f"open({str(trap)!r}, 'w')")
    assert benchmarks.verify(record.parent, work=made / "work").is_equal and not trap.exists()


def test_no_record(tmp_path: Path, capsys) -> None:
    assert main(["verify", str(tmp_path), "--work", str(tmp_path)]) == 2
    assert f"{tmp_path / 'record.json'}" in capsys.readouterr().err


def test_a_run_is_shown_by_the_first_letters_of_its_identity(made: Path, capsys) -> None:
    (run,) = (made / "results" / "runs").iterdir()
    for name in (run.name[:5], run.name, str(run)):
        assert main(["show", name, "--results", str(made / "results")]) == 0
        shown = capsys.readouterr().out
        assert "done" in shown and "accuracy (headline)" in shown and "brain_tumor_linear" in shown
    assert main(["show", "zz", "--results", str(made / "results")]) == 2
    assert "no run 'zz'" in capsys.readouterr().err


def test_a_run_that_failed_is_shown_with_its_log(made: Path, tmp_path: Path, capsys) -> None:
    shutil.copytree(made / "results", tmp_path / "results")
    (run,) = (tmp_path / "results" / "runs").iterdir()
    (run / "record.json").unlink()
    (run / "error.txt").write_text("RuntimeError: it broke")
    (run / "run.log").write_text("\n".join(f"line {n}" for n in range(100)) + "\n\x1b[2Jend\n")
    assert main(["show", run.name[:6], "--results", str(tmp_path / "results")]) == 0
    shown = capsys.readouterr().out
    assert "failed" in shown and "line 99" in shown and "line 3\n" not in shown
    assert "\x1b" not in shown
    shutil.copytree(run, run.with_name(run.name[:6] + "0000000000"))
    assert main(["show", run.name[:6], "--results", str(tmp_path / "results")]) == 2
    assert "2 runs begin so" in capsys.readouterr().err


def test_what_was_begun_is_resumed_with_the_same_options(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "results", tmp_path / "results")
    (run,) = (tmp_path / "results" / "runs").iterdir()
    before = json.loads((run / "record.json").read_text())
    (run / "record.json").unlink()
    (ending,) = benchmarks.resume(results=tmp_path / "results")
    assert not ending.failure and not ending.before and ending.run.folder.name == run.name
    after = json.loads((run / "record.json").read_text())
    assert (after["metrics"], after["cases"]) == (before["metrics"], before["cases"])
    (ending,) = benchmarks.resume(results=tmp_path / "results")
    assert ending.before


def test_a_folder_of_results_brings_no_code(made: Path, tmp_path: Path, capsys) -> None:
    shutil.copytree(made / "results", tmp_path / "results")
    (note,) = (tmp_path / "results" / "studies").iterdir()
    trap = tmp_path / "was_executed"
    (tmp_path / "trap_of_results.py").write_text(f"open({str(trap)!r}, 'w')")
    (tmp_path / "evil.yaml").write_text("plugins: [trap_of_results.py]")
    for study in (tmp_path / "evil.yaml", tmp_path / "trap_of_results.py"):
        change(note, study=str(study), grid={})
        assert main(["resume", "--results", str(tmp_path / "results")]) == 2
        assert "Call `lvmmed run` as before" in capsys.readouterr().err
    assert not trap.exists()
    note.write_text("{")
    assert main(["resume", "--results", str(tmp_path / "results")]) == 2
    assert f"{note}: is no note of a run" in capsys.readouterr().err
    note.unlink()
    assert main(["resume", "--results", str(tmp_path / "results")]) == 2
    assert "nothing was begun in it" in capsys.readouterr().err
