"""Records of an evaluation: the reports take those of several seeds as runs on one data set."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import timm

import lvmmed_backbones
from lvmmed_backbones.records import Pretraining, read
from reports.__main__ import main as reports
from tasks import datasets, phantoms

SMALL = dict(size=32, workers=0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images of two classes, without parts."""
    rng = np.random.default_rng(0)
    for label in range(2):
        for number in range(20):
            file = tmp_path / "data" / f"class{label}" / f"{number:02}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            image = rng.normal(100 + 50 * label, 20, (32, 32)).clip(0, 255).astype(np.uint8)
            cv2.imwrite(str(file), image)
    return tmp_path / "data"


def test_seeds_that_draw_the_valid_images_are_runs_on_one_data_set(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    results = tmp_path / "results"
    found = lvmmed_backbones.evaluate(
        "random_resnet18_half", folder, seeds=(0, 1), cache=tmp_path / "cache", **SMALL
    )
    found.save(results)
    assert len({record.run for record in found.records}) == 4
    assert len({record.data.fingerprint for record in found.records}) == 1
    assert reports(["leaderboard", str(results)]) == 0
    assert "random_resnet18_half" in capsys.readouterr().out


def test_records_tell_what_a_backbone_has_seen(folder: Path, tmp_path: Path) -> None:
    module = timm.create_model("resnet10t", num_classes=0)
    names = ["random_resnet18_half", "imagenet_efficientnet_lite0", module]
    found = lvmmed_backbones.evaluate(
        names, folder, seeds=(0,), probes=["knn"], cache=tmp_path / "cache", **SMALL
    )
    found.save(tmp_path / "results")
    stored, problems = read(tmp_path / "results")
    seen = {r.backbone.architecture: r.backbone.pretraining for r in stored}
    assert not problems and seen == {
        "ResNet-18, width 0.5": Pretraining([]),
        "EfficientNet-Lite0": Pretraining(["ImageNet-1k"]),
        "ResNet": None,
    }


def test_networks_sizes_and_layers_are_rows_of_their_own(folder: Path, tmp_path: Path) -> None:
    one, other = (timm.create_model("resnet10t", num_classes=0) for _ in range(2))
    names = []
    for options in (dict(), dict(layers=2), dict(layers=(-1, -3))):
        found = lvmmed_backbones.evaluate(
            [one, other],
            folder,
            seeds=(0,),
            probes=["knn"],
            cache=tmp_path / "c",
            **SMALL,
            **options,
        )
        found.save(tmp_path / "results")
        names += [record.backbone.name for record in found.records]
    assert names == [
        "ResNet, 32 px",
        "ResNet (2), 32 px",
        "ResNet, 32 px, layers 2",
        "ResNet (2), 32 px, layers 2",
        "ResNet, 32 px, layers (-1, -3)",
        "ResNet (2), 32 px, layers (-1, -3)",
    ]
    assert reports(["leaderboard", str(tmp_path / "results")]) == 0


def test_a_phantom_is_called_so(tmp_path: Path) -> None:
    phantoms.generate("brain_tumor", tmp_path / "downloads")
    prepared = datasets.prepare("brain_tumor", tmp_path / "downloads", tmp_path / "prepared")
    found = lvmmed_backbones.evaluate(
        "random_resnet18_half", prepared, seeds=(0,), cache=tmp_path / "cache", **SMALL
    )
    assert {record.data_source for record in found.records} == {"phantom"}
