"""Before a grid runs: tasks without data are left out by name; a profile's backbones are pretrained once.

CI makes a real backbone.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from benchmarks import profiles
from benchmarks.__main__ import main
from benchmarks.grid import RunSpec
from benchmarks.preparation import Wanted, copy_audits, with_data
from benchmarks.study import load_study
from lvmmed_backbones.pretrain import config_names
from lvmmed_backbones.records.audits import Audit, read_audits, write_audit
from tasks import phantoms

SPECS = [RunSpec(task, "random_vit_tiny", "mini", 0) for task in ("drive", "brain_tumor_linear")]


def test_a_data_set_without_a_phantom_leaves_its_tasks_out(monkeypatch, capsys) -> None:
    monkeypatch.setattr(phantoms, "names", lambda: ["brain_tumor"])
    assert with_data(SPECS, None, chosen=False) == SPECS[1:]
    assert "left out, without data: drive (drive)" in capsys.readouterr().err


def test_a_task_that_was_named_is_missed(monkeypatch) -> None:
    monkeypatch.setattr(phantoms, "names", lambda: ["brain_tumor"])
    with pytest.raises(FileNotFoundError, match=r"no data for drive \(drive\).*--data"):
        with_data(SPECS, None, chosen=True)


def test_a_data_set_that_there_is_not_is_named(monkeypatch) -> None:
    task = Config(dict(task=dict(dataset="driev")))
    monkeypatch.setattr("tasks.registry.get", lambda name, recipe: task)
    with pytest.raises(ValueError, match=r"no data set 'driev': did you mean drive"):
        with_data(SPECS, None, chosen=True)


def test_without_any_data_nothing_runs(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="tasks list"):
        with_data(SPECS, tmp_path, chosen=False)


def test_what_lies_there_is_not_made_again(tmp_path: Path) -> None:
    names = ["random_resnet50", "lvmmed_open_resnet18", "simclr_open_resnet18"]

    def missing(profile: str) -> list[tuple[str, int | None]]:
        study = load_study(None, profile=profile, backbones=names, tasks=["drive"])
        return Wanted.of(study, study.cells(), None, tmp_path).missing()

    assert missing("open") == [(names[1], None), (names[2], None)]
    (tmp_path / "backbones").mkdir()
    (tmp_path / "backbones" / "lvmmed_open_resnet18.safetensors").touch()
    assert missing("open") == [(names[2], None)]
    assert missing("paper") == []


def test_the_audits_of_the_profiles_corpora_come_into_the_results(tmp_path: Path, capsys) -> None:
    copy_audits(tmp_path / "work", tmp_path / "results")
    assert not (tmp_path / "results").exists()
    audit = Audit(corpus="f" * 64, dataset="bccd", by="pixels", tested=72, leaked=[])
    spoilt = write_audit(tmp_path / "work" / "corpora", audit).with_name("spoilt.json")
    spoilt.write_text("{")
    copy_audits(tmp_path / "work", tmp_path / "results")
    assert read_audits(tmp_path / "results") == ([audit], [])
    assert str(spoilt) in capsys.readouterr().err


def test_profiles_pretrain_by_configs_that_there_are() -> None:
    for name in profiles.names():
        for chosen in profiles.get(name).pretrained.values():
            assert chosen.config in config_names() and chosen.epochs > 0


def test_a_plan_says_what_run_will_pretrain(tmp_path: Path, capsys) -> None:
    folders = ["--results", str(tmp_path / "results"), "--work", str(tmp_path / "work")]
    backbones = ["--backbones", "random_vit_tiny", "simclr_open_resnet18"]
    assert main(["check", "--tasks", "drive", "--seeds", "0", *backbones, *folders]) == 0
    said = capsys.readouterr().err
    assert "`run` pretrains them first: simclr_open_resnet18" in said
    assert "0 of 1 done" in said
