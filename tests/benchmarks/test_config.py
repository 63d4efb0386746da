"""Configs: every task on every kind of backbone, as a plain mmengine config."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import Runner

from benchmarks import gallery
from benchmarks.config import LOADERS, image_size
from benchmarks.grid import RunSpec, combinations
from lvmmed_backbones import catalogue
from tasks import registry
from tests.factories import configured, placed, trained

BACKBONES = ("random_resnet50", "imagenet_efficientnet_lite0", "random_vit_tiny")


@pytest.mark.parametrize("task", trained("mini"))
def test_every_task_takes_a_training_and_a_test_step_and_leaves_a_gallery(
    task: str, prepared_root: Path, tmp_path: Path
) -> None:
    config = placed(RunSpec(task, "random_vit_tiny", "mini", seed=0), prepared_root, tmp_path)
    config.train_cfg.max_iters = 1
    for loader in ("train_dataloader", "test_dataloader"):
        config[loader].batch_size = 2
    config.test_dataloader.dataset.indices = 2
    runner = Runner.from_cfg(config)
    before = torch.cat([p.detach().flatten() for p in runner.model.parameters() if p.requires_grad])
    runner.train()
    after = torch.cat([p.detach().flatten() for p in runner.model.parameters() if p.requires_grad])
    assert not torch.equal(before, after)
    pixels = gallery.watch(runner)
    metrics = runner.test()
    assert config.task.headline in metrics
    cases = json.loads((tmp_path / "cases.json").read_text())
    gallery.write(runner, cases, pixels, tmp_path / "gallery")
    index = json.loads((tmp_path / "gallery" / "gallery.json").read_text())
    assert index["kind"] == config.task.kind
    assert {entry["case"] for entry in index["entries"]} <= {row["case"] for row in cases}


@pytest.mark.parametrize("task", trained("paper"))
def test_the_paper_profile_is_the_task_config(task: str) -> None:
    """The paper profile changes nothing but the backbone, its normalisation and the seed."""
    config = configured(RunSpec(task, "random_resnet50", "paper", seed=3))
    plain = registry.get(task)
    for key in (
        "train_dataloader",
        "test_dataloader",
        "optim_wrapper",
        "param_scheduler",
        "train_cfg",
        "val_cfg",
    ):
        assert config[key] == plain[key]
    assert config.randomness.seed == 3


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("task", ["drive", "vindr", "brain_tumor_finetune"])
def test_heads_get_the_channels_and_the_normalisation_of_the_backbone(
    task: str, backbone: str
) -> None:
    config = configured(RunSpec(task, backbone, "mini", seed=0))
    entry = catalogue.get(backbone)
    assert config.model.data_preprocessor.mean == list(entry.mean)
    assert config.model.data_preprocessor.std == list(entry.std)
    init_default_scope(config.default_scope)
    model = MODELS.build(config.model)
    model.eval()
    batch = torch.zeros(1, 3, image_size(config), image_size(config))
    with torch.no_grad():
        features = model.extract_feat(batch)
    assert all(torch.isfinite(feature).all() for feature in features)


@pytest.mark.parametrize("task", ["brain_tumor_linear", "fgadr_linear"])
def test_linear_evaluation_freezes_the_backbone(task: str) -> None:
    config = configured(RunSpec(task, "random_resnet50", "paper", seed=0))
    init_default_scope("mmpretrain")
    model = MODELS.build(config.model).train()
    assert not any(p.requires_grad for p in model.backbone.parameters())
    assert not any(m.training for m in model.backbone.modules())
    assert all(p.requires_grad for p in model.head.parameters())


def test_the_clean_split_of_fgadr_does_not_select_on_the_test_images(
    prepared_root: Path, tmp_path: Path
) -> None:
    def images(config: Config, loader: str) -> set[str]:
        dataset = config[loader].dataset
        return set((Path(dataset.data_root) / dataset.ann_file).read_text().splitlines())

    for split, leaks in (("published", True), ("clean", False)):
        spec = RunSpec("fgadr_linear", "random_resnet50", "paper", 0, split=split)
        config = placed(spec, prepared_root, tmp_path)
        train, valid, test = (images(config, loader) for loader in LOADERS)
        assert bool(valid & test) == leaks
        assert not train & (valid | test)
    with pytest.raises(ValueError, match="has no clean split"):
        configured(RunSpec("drive", "random_resnet50", "paper", 0, split="clean"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["drve"], ["random_resnet50"], "mini", [0]), "did you mean drive"),
        ((["drive"], ["random_resnet50"], "mini", [0], [0.0]), r"label fraction 0.0.*\(0, 1\]"),
        ((["drive"], ["random_resnet50"], "mini", [0], [5.0]), "label fraction 5.0"),
        ((["drive"], ["random_resnet50"], "mini", [0, 0]), "--seeds: 0 is named twice"),
        ((["drive", "drive"], ["random_resnet50"], "mini", [0]), "--tasks: drive is named twice"),
        ((["drive"], ["a", "b", "a"], "mini", [0]), "--backbones: a is named twice"),
        ((["drive"], ["a"], "mini", [0], [1, 1.0]), "--label-fractions: 1 is named twice"),
        ((["drive"], ["a"], "mini", [-1]), "seed -1: give a whole number from 0"),
        ((["drive"], ["a"], "mini", [2**32]), "seed 4294967296: give a whole number from 0"),
    ],
)
def test_wrong_words_are_named(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        combinations(*arguments)
