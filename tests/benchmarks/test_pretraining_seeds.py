"""A backbone of several pretraining seeds, from the catalogue to the reports: real files, on phantoms."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS

from benchmarks.__main__ import main
from benchmarks.grid import RunSpec
from lvmmed_backbones.pretrain import CONFIGS, export
from lvmmed_backbones.pretrain.origin import KEY, Progress, origin_of
from lvmmed_backbones.pretrain.terms import terms_of
from reports.__main__ import main as reports
from tests.factories import configured

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder of the catalogue with the backbone `mine`: random weights for the pretraining seeds 0 and 1."""
    folder = tmp_path_factory.mktemp("shelf")
    config = Config.fromfile(CONFIGS / "simclr_resnet18_mini.py")
    for seed in (0, 1):
        config.randomness.seed = seed
        terms = terms_of(config, "f", 1)
        torch.manual_seed(seed)
        weights = MODELS.build(config.model.backbone).state_dict()
        content = {
            "state_dict": {f"backbone.{name}": value for name, value in weights.items()},
            "meta": {KEY: origin_of(config, terms, Progress(1, 0, 64, 64)), "iter": 1, "epoch": 1},
        }
        torch.save(content, folder / "iter_1.pth")
        export(folder / "iter_1.pth", "mine", folder, by_seed=True)
    return folder


def words(folder: Path, *seeds: str) -> list[str]:
    """Return the words of a job on one task with `mine` and random weights."""
    return [
        *("run", "--tasks", "brain_tumor_linear", "--backbones", "mine", "random_vit_tiny"),
        *("--seeds", *seeds, "--results", str(folder / "results"), "--work", str(folder / "work")),
    ]


def test_a_run_takes_the_weights_of_its_seed_and_reports_take_all_seeds_as_one_backbone(
    shelf: Path, tmp_path: Path, capsys
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words(tmp_path, "0", "1")],
        cwd=ROOT,
        env={**os.environ, "LVMMED_CATALOGUE": str(shelf)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    results = tmp_path / "results"
    found = [json.loads(path.read_text()) for path in results.glob("runs/*/record.json")]
    assert len(found) == 4
    mine = {r["seed"]: r["backbone"] for r in found if r["backbone"]["name"] == "mine"}
    assert {seed: facts["pretraining_seed"] for seed, facts in mine.items()} == {0: 0, 1: 1}
    assert mine[0]["weights_sha256"] != mine[1]["weights_sha256"]
    others = [r["backbone"] for r in found if r["backbone"]["name"] != "mine"]
    assert [facts["pretraining_seed"] for facts in others] == [None, None]
    assert all(facts["pretraining"]["data_sets"] == [] for facts in others)
    assert all(facts["pretraining"] is None for facts in mine.values())  # its run noted nothing

    assert reports(["leaderboard", str(results)]) == 0
    assert "Each seed has a pretraining of its own: mine." in " ".join(
        capsys.readouterr().out.split()
    )
    assert reports(["compare", str(results), "mine", "random_vit_tiny"]) == 0
    assert "2 seeds each" in " ".join(capsys.readouterr().out.split())
    assert reports(["site", str(results), "--out", str(tmp_path / "site")]) == 0
    (page,) = (
        text
        for file in tmp_path.glob("site/**/*.html")
        if "Pretraining data" in (text := file.read_text()) and "pretraining seed" in text
    )
    for seed, facts in mine.items():
        assert f"pretraining seed {seed}: sha256:{facts['weights_sha256']}" in page


def test_a_missing_seed_exits_with_2_before_anything_runs(
    shelf: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("LVMMED_CATALOGUE", str(shelf))
    assert main(words(tmp_path, "0", "7")) == 2
    said = capsys.readouterr().err
    assert "error: no pretraining seed 7 of backbone 'mine'" in said
    assert "has 0, 1. Choose from these (--seeds)" in said
    assert not list(tmp_path.iterdir())


def test_the_pretraining_seed_is_part_of_a_runs_identity(
    shelf: Path, tmp_path: Path, monkeypatch
) -> None:
    """The same weights as one file are another backbone, whose runs are still to be done."""
    monkeypatch.setenv("LVMMED_CATALOGUE", f"{shelf}{os.pathsep}{tmp_path}")
    (tmp_path / "single.safetensors").write_bytes((shelf / "mine" / "1.safetensors").read_bytes())
    one, other = (
        configured(RunSpec("brain_tumor_linear", name, "mini", seed=1))
        for name in ("mine", "single")
    )
    for config in (one, other):
        config.model.backbone.weights.pop("file")
    assert one.pop("pretraining_seed") == 1
    assert one.to_dict() == other.to_dict()
