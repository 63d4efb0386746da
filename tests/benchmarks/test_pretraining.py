"""Backbones that a profile pretrains: which are made, when, and what the plan says of them. CI makes a real one."""

from __future__ import annotations

from pathlib import Path

from benchmarks import pretraining, profiles
from benchmarks.__main__ import main
from lvmmed_backbones.pretrain import config_names


def test_what_lies_there_is_not_made_again(tmp_path: Path) -> None:
    wanted = ["random_resnet50", "lvmmed_phantom_resnet18", "simclr_phantom_resnet18"]
    assert pretraining.to_make("mini", wanted, tmp_path) == wanted[1:]
    (tmp_path / "backbones").mkdir()
    (tmp_path / "backbones" / "lvmmed_phantom_resnet18.safetensors").touch()
    assert pretraining.to_make("mini", wanted, tmp_path) == wanted[2:]
    assert pretraining.to_make("paper", wanted, tmp_path) == []


def test_profiles_pretrain_by_configs_that_there_are() -> None:
    for name in profiles.names():
        for chosen in profiles.get(name).pretrained.values():
            assert chosen.config in config_names() and chosen.epochs > 0


def test_a_plan_says_what_run_will_pretrain(tmp_path: Path, capsys) -> None:
    folders = ["--results", str(tmp_path / "results"), "--work", str(tmp_path / "work")]
    backbones = ["--backbones", "random_vit_tiny", "simclr_phantom_resnet18"]
    assert main(["plan", "--tasks", "drive", *backbones, *folders]) == 0
    said = capsys.readouterr().err
    assert "`run` pretrains them first: simclr_phantom_resnet18" in said
    assert "0 of 1 done" in said
