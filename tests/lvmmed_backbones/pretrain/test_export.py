"""Exported backbones: what they carry, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS

import lvmmed_backbones
from lvmmed_backbones import catalogue
from lvmmed_backbones.command.cli import main
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.pretrain import CONFIGS, export
from lvmmed_backbones.pretrain.origin import KEY, Progress, origin_of
from lvmmed_backbones.pretrain.terms import terms_of
from lvmmed_backbones.records import Pretraining


def test_what_cannot_be_exported_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no checkpoint"):
        export(tmp_path, "a", tmp_path)
    with pytest.raises(
        ValueError, match=r"'a b' is no name of a backbone: use letters, digits and _"
    ):
        export(tmp_path, "a b", tmp_path)
    torch.save({"state_dict": {"fc.weight": torch.zeros(1)}}, tmp_path / "iter_1.pth")
    with pytest.raises(ValueError, match="is not a checkpoint of a pretraining run"):
        export(tmp_path, "a", tmp_path)
    assert not list(tmp_path.glob("*.safetensors*"))


def checkpoint(
    folder: Path,
    seed: int | None,
    steps: int = 6,
    corpus: str = "f" * 64,
    started_from: str | None = None,
    **more: object,
) -> Path:
    """What a run with `seed` leaves after `steps`, without the training: a folder with a checkpoint.

    `more` is of its corpus.
    """
    config = Config.fromfile(CONFIGS / "simclr_resnet18_mini.py")
    config.randomness.seed = seed
    config.started_from = started_from
    torch.manual_seed(seed or 0)
    backbone = MODELS.build(config.model.backbone)
    meta = {
        KEY: origin_of(config, terms_of(config, corpus, 1), Progress(steps, 0, 64, 64 * steps)),
        "iter": steps,
        "epoch": 1,
        "dataset_meta": {"name": folder.name, "images": 48, "fingerprint": corpus, **more},
    }
    weights = {f"backbone.{name}": value for name, value in backbone.state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": weights, "meta": meta}, folder / f"iter_{steps}.pth")
    return folder


def test_a_file_tells_what_its_run_saw_and_began_with(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("LVMMED_CATALOGUE", str(tmp_path / "shelf"))
    run = checkpoint(tmp_path / "a", 0, started_from="sam_vit_b", data_sets=["DRIVE", "ours"])
    export(run, "mine", tmp_path / "shelf")
    seen = catalogue.pretraining(catalogue.get("mine"))
    assert seen == Pretraining(["DRIVE", "ours", "SA-1B", "ImageNet-1k"], ["sam_vit_b"], ["f" * 64])
    export(checkpoint(tmp_path / "b", 0), "older", tmp_path / "shelf")  # its run noted no data sets
    assert catalogue.pretraining(catalogue.get("older")) is None
    wrong = checkpoint(tmp_path / "c", 0, data_sets=[["DRIVE"]])
    with pytest.raises(Refused, match="data_sets"):
        export(wrong, "wrong", tmp_path / "shelf")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Runs with the seeds 2 and 10, alike but for that."""
    folder = tmp_path_factory.mktemp("runs")
    return {seed: checkpoint(folder / f"run{seed}", seed) for seed in (2, 10)}


@pytest.fixture
def shelf(runs: dict[int, Path], tmp_path: Path, monkeypatch) -> Path:
    """A folder of the catalogue with both runs as one backbone, `mine`."""
    folder = tmp_path / "shelf"
    for run in runs.values():
        assert main(["export", str(run), "mine", "--out", str(folder), "--by-seed"]) == 0
    monkeypatch.setenv("LVMMED_CATALOGUE", str(folder))
    return folder


def test_several_seeds_are_one_backbone(runs, shelf: Path, capsys) -> None:
    assert catalogue.names().count("mine") == 1
    assert catalogue.seeds("mine") == [2, 10]
    for seed, run in runs.items():
        entry = catalogue.get("mine", seed)
        assert entry.pretraining_seed == seed
        assert entry.weights and entry.weights.path == shelf / "mine" / f"{seed}.safetensors"
        trained = torch.load(run / "iter_6.pth", weights_only=True)["state_dict"]
        built = lvmmed_backbones.build("mine", seed=seed).state_dict()
        assert torch.equal(built["network.conv1.weight"], trained["backbone.network.conv1.weight"])
    assert main(["list"]) == 0
    assert "2, 10; the weights above are of 2" in capsys.readouterr().out
    assert main(["list", "--json"]) == 0
    (fact,) = (f for f in json.loads(capsys.readouterr().out) if f["name"] == "mine")
    assert fact["pretraining_seeds"] == [2, 10]
    assert fact["weights"]["sha256"] == catalogue.get("mine", 2).weights.sha256


def test_a_seed_that_was_not_exported_is_named_with_those_that_were(shelf: Path) -> None:
    with pytest.raises(
        ValueError, match=r"no pretraining seed 0 of backbone 'mine': .*has 2, 10\."
    ):
        catalogue.get("mine")
    with pytest.raises(ValueError, match=r"\(--seeds\), or pretrain with seed 3 and export"):
        catalogue.get("mine", 3)


def test_one_file_is_the_same_for_every_seed(runs, tmp_path: Path, monkeypatch) -> None:
    export(runs[2], "single", tmp_path)
    monkeypatch.setenv("LVMMED_CATALOGUE", str(tmp_path))
    for name in ("single", "random_resnet50"):
        assert catalogue.get(name, 5) == catalogue.get(name)
        assert catalogue.get(name).pretraining_seed is None
        assert catalogue.seeds(name) == []


def test_a_file_of_another_seed_than_its_name_says_is_named(shelf: Path) -> None:
    (shelf / "mine" / "10.safetensors").rename(shelf / "mine" / "3.safetensors")
    with pytest.raises(ValueError, match=r"3\.safetensors: was pretrained with seed 10, not 3"):
        catalogue.get("mine", 3)


def test_a_name_is_one_file_or_several_seeds(runs, shelf: Path, capsys) -> None:
    before = sorted(shelf.rglob("*.safetensors"))
    assert main(["export", str(runs[2]), "mine", "--out", str(shelf)]) == 1
    said = capsys.readouterr().err
    assert f"error: {shelf / 'mine'} is there" in said and "choose another name" in said
    assert sorted(shelf.rglob("*.safetensors")) == before
    export(runs[2], "single", shelf)
    with pytest.raises(
        ValueError, match=r"single\.safetensors is there, and single cannot be both"
    ):
        export(runs[10], "single", shelf, by_seed=True)
    assert not (shelf / "single").exists()


def test_seeds_of_one_backbone_differ_in_nothing_else(shelf: Path, tmp_path: Path) -> None:
    longer = checkpoint(tmp_path / "longer", 3, steps=7)
    with pytest.raises(ValueError, match=r"seed 2 .* in steps, images_seen: choose another name"):
        export(longer, "mine", shelf, by_seed=True)
    elsewhere = checkpoint(tmp_path / "elsewhere", 3, corpus="e" * 64)
    with pytest.raises(ValueError, match=r"from seed 2 .* in corpus: choose another name"):
        export(elsewhere, "mine", shelf, by_seed=True)
    with pytest.raises(ValueError, match=r"no seed: pretrain with --seed 0"):
        export(checkpoint(tmp_path / "none", None), "mine", shelf, by_seed=True)
    with pytest.raises(
        ValueError, match=r"'a b' is no name of a backbone: use letters, digits and _"
    ):
        export(longer, "a b", shelf, by_seed=True)
    assert catalogue.seeds("mine") == [2, 10]
