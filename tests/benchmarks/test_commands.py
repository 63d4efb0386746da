"""The functions behind `python -m benchmarks`; tests/test_functions.py checks that they take its options."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import benchmarks

GRID = dict(tasks=["brain_tumor_linear"], backbones=["random_resnet18_half"], seeds=[0, 1])


def test_wrong_words_are_told_before_anything_heavy_is_imported() -> None:
    code = (
        "import sys, benchmarks\n"
        "try: benchmarks.run(tasks=['drve'])\n"
        "except ValueError as error: assert 'did you mean drive' in str(error)\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_plan_a_run_and_a_status_in_python(tmp_path: Path) -> None:
    """Without a command line, and with paths as strings."""
    folders = dict(results=str(tmp_path / "results"), work=str(tmp_path / "work"))
    outlook = benchmarks.plan(**GRID, results=folders["results"])
    assert (outlook.total().cells, outlook.total().done) == (2, 0)
    assert outlook.sources == {"the profile": 2} and not (tmp_path / "work").exists()
    plan = benchmarks.check(**GRID, **folders)
    assert [str(run.spec) for run in plan.left] == [
        "brain_tumor_linear random_resnet18_half seed 0",
        "brain_tumor_linear random_resnet18_half seed 1",
    ]
    assert plan.seconds > 0 and not (tmp_path / "results").exists()
    endings = benchmarks.run(**GRID, **folders)
    assert [(ending.failure, ending.before) for ending in endings] == [("", False)] * 2
    assert {ending.run.folder for ending in endings} == {run.folder for run in plan.runs}
    assert all((run.folder / "record.json").is_file() for run in plan.runs)
    assert [ending.before for ending in benchmarks.run(**GRID, **folders)] == [True, True]
    assert benchmarks.check(**GRID, **folders).left == []
    assert benchmarks.plan(**GRID, results=folders["results"]).total().done == 2
    status = benchmarks.status(results=tmp_path / "results")
    assert status.counts == {
        ("open", "suite", "brain_tumor_linear", "random_resnet18_half"): {"done": 2}
    }
    assert status.notes == []
