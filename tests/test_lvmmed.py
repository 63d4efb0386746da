"""The command `lvmmed`: in a checkout and elsewhere; what the doctor finds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import lvmmed_backbones
from lvmmed_backbones.command import diagnosis
from lvmmed_backbones.command.cli import main

ROOT = Path(__file__).resolve().parent.parent


def lvmmed(*words: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    """As the installed script calls it: from a folder of its own, without the checkout on the path."""
    code = "import sys; sys.argv[0] = 'lvmmed'; from lvmmed_backbones.__main__ import lvmmed; sys.exit(lvmmed())"
    return subprocess.run(
        [sys.executable, "-P", "-c", code, *map(str, words)],
        cwd=cwd, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_a_checkout_has_all_verbs(tmp_path: Path) -> None:
    assert "usage: lvmmed " in lvmmed("--help").stdout
    assert "drive" in lvmmed("tasks", "list").stdout
    done = lvmmed("status", "--results", tmp_path)
    assert done.returncode == 0, done.stderr
    done = lvmmed("report", "leaderboard", tmp_path)
    assert done.returncode == 1 and "no record.json in it" in done.stderr


@pytest.mark.slow
def test_elsewhere_it_says_that_it_needs_a_checkout(tmp_path: Path) -> None:
    assert "random_resnet50" in lvmmed("list", cwd=tmp_path).stdout
    for verb in ("tasks", "run", "plan", "check", "status", "resume", "show", "verify", "report"):
        done = lvmmed(verb, "--help", cwd=tmp_path)
        assert done.returncode == 1
        assert f"no checkout of the suite, which `lvmmed {verb}` needs" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_doctor_names_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    findings = {finding.what: finding for finding in lvmmed_backbones.doctor()}
    assert findings["timm"].found and findings["the graph matching solver"].found == "compiled"
    assert main(["doctor"]) == 0
    real = diagnosis.version

    def without(package: str) -> str:
        if package in ("timm", "mmdet"):
            raise diagnosis.PackageNotFoundError(package)
        return real(package)

    monkeypatch.setattr(diagnosis, "version", without)
    findings = {finding.what: finding for finding in lvmmed_backbones.doctor()}
    assert not findings["mmdet"].found and "[openmmlab]" in findings["mmdet"].remedy
    assert main(["doctor"]) == 1
    assert "missing" in capsys.readouterr().out
