"""`pretrain.run`, `compose` and `export` called from Python."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue.exported import read_entry
from lvmmed_backbones.pretrain import CONFIGS, compose, config_names, export
from lvmmed_backbones.pretrain import run as pretrain
from lvmmed_backbones.pretrain.hooks import newest_checkpoint

SMALL = {
    "train_dataloader.batch_size": 8,
    "train_dataloader.dataset.pipeline.0.crops.0.size": 32,
    "default_hooks.logger.interval": 1,
    "log_processor.window_size": 1,
}
NAME = "simclr_resnet18_mini"
CODE = """
import sys
from mmengine.config import Config
from lvmmed_backbones import pretrain
config = Config.fromfile(pretrain.CONFIGS / f"{sys.argv[1]}.py")
run = pretrain.run(config, sys.argv[2], sys.argv[3], epochs=1, seed=5, overrides=%s)
print(pretrain.export(run, "mine", sys.argv[3]))
"""


def test_the_function_gives_what_the_command_gives(
    pretrain_line, run, corpus: Path, tmp_path: Path
) -> None:
    """The same weights, by a config of one's own in place of a name; then they are a backbone."""
    command, function = tmp_path / "command", tmp_path / "function"
    assert run(pretrain_line(NAME, command, "--seed", "5")).returncode == 0
    done = run([sys.executable, "-c", CODE % SMALL, NAME, str(corpus), str(function)])
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == str(function / "mine.safetensors")
    one, other = (
        torch.load(newest_checkpoint(folder), weights_only=True)["state_dict"]
        for folder in (command, function)
    )
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def test_the_seed_of_every_config_is_0_unless_told(tmp_path: Path) -> None:
    """As the docstring of `run` says."""
    for name in config_names():
        config = Config.fromfile(CONFIGS / f"{name}.py", import_custom_modules=False)
        assert config.randomness.seed == 0, name
    assert compose(NAME, "x", tmp_path).train_dataloader.dataset.seed == 0
    told = compose(NAME, "x", tmp_path, seed=7, overrides={"randomness.seed": 3})
    assert told.randomness.seed == told.train_dataloader.dataset.seed == 7
    assert compose(NAME, "x", tmp_path, overrides={"randomness.seed": 3}).randomness.seed == 3


def test_a_run_notes_what_it_begins_with(tmp_path: Path) -> None:
    """A backbone of the catalogue by its name or its file; of another file its name alone."""

    def beginning(**overrides) -> str | None:
        model = {"model.backbone": dict(type="Backbone", model_name="efficientnet_lite0")}
        told = {key.replace("__", "."): value for key, value in overrides.items()}
        return compose(NAME, "x", tmp_path, overrides={**model, **told}).started_from

    name = "imagenet_efficientnet_lite0"
    weights = catalogue.get(name).model("maps", 224)["weights"]
    own = tmp_path / "own.pth"
    own.write_bytes(b"weights")
    assert beginning() is None
    assert beginning(model__backbone__weights=name) == name
    assert beginning(model__backbone__weights=weights) == name
    assert beginning(model__backbone__weights={**weights, "file": str(own)}) == "file:own.pth"
    assert beginning(load_from="runs/iter_9.pth") == "file:iter_9.pth"
    whole = dict(type="Pretrained", checkpoint="https://host/all.pth")
    assert beginning(model__init_cfg=whole) == "file:all.pth"


def test_a_config_is_a_name_a_path_or_a_config_which_stays_as_it_is() -> None:
    path = CONFIGS / f"{NAME}.py"
    own = Config.fromfile(path)
    before = own.pretty_text
    one, *others = (
        compose(config, "CORPUS", epochs=2, seed=1, overrides=SMALL.items(), probe="LABELLED")
        for config in (NAME, path, str(path), own)
    )
    assert all(other.to_dict() == one.to_dict() for other in others)
    assert own.pretty_text == before
    assert one.work_dir == f"pretraining/{NAME}"
    assert one.train_dataloader.batch_size == 8 and one.train_cfg.max_epochs == 2
    assert one.custom_hooks[-1] == dict(type="NeighbourProbeHook", folder="LABELLED", size=32)
    nameless = Config(own.to_dict())
    with pytest.raises(ValueError, match="names no folder: give a work_dir"):
        compose(nameless, "CORPUS")
    assert compose(nameless, "CORPUS", "out").work_dir == "out"


def test_wrong_arguments_are_named_before_anything_is_written(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for error, message, arguments in (
        (FileNotFoundError, "no config simcrl: give a path, or one of", ("simcrl", corpus, out)),
        (FileNotFoundError, "/nowhere holds no corpus", (NAME, "/nowhere", out)),
        (ValueError, "which do not fill train_dataloader.batch_size", (NAME, corpus, out)),
    ):
        with pytest.raises(error, match=message):
            pretrain(*arguments)
    with pytest.raises(ValueError, match="--epochs 0: it must be at least 1"):
        pretrain(NAME, corpus, out, epochs=0)
    out.mkdir()
    (out / "iter_1.pth").touch()
    with pytest.raises(FileExistsError, match=r"holds a run, iter_1\.pth of it"):
        pretrain(NAME, corpus, out, overrides=SMALL)
    assert [file.name for file in out.iterdir()] == ["iter_1.pth"]


NEW_STYLE = """
from mmengine.dataset import default_collate
from mmengine.optim import OptimWrapper
from mmpretrain.models.heads import ContrastiveHead
from mmpretrain.models.losses import CrossEntropyLoss
from mmpretrain.models.selfsup import SimCLR
from torch.optim import AdamW

from lvmmed_backbones.models import Backbone
from lvmmed_backbones.pretrain.loop import ResumableEpochLoop, ResumableSampler, corpus_dataset
from lvmmed_backbones.pretrain.necks import DirectionNeck
from lvmmed_backbones.pretrain.views import RandomViews

default_scope = "mmpretrain"
randomness = dict(seed=0)
data_preprocessor = dict(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375), to_rgb=True)
model = dict(
    type=SimCLR,
    backbone=dict(type=Backbone, model_name="resnet18", output="last"),
    neck=dict(
        type=DirectionNeck, in_channels=512, hid_channels=16, out_channels=8, norm_cfg=dict(type="BN1d")
    ),
    head=dict(type=ContrastiveHead, loss=dict(type=CrossEntropyLoss), temperature=0.1),
)
views = dict(type=RandomViews, crops=[dict(number=2, size=32, scale=(0.3, 1.0))])
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    drop_last=True,
    sampler=dict(type=ResumableSampler),
    collate_fn=dict(type=default_collate),
    dataset=dict(type=corpus_dataset, pipeline=[views]),
)
train_cfg = dict(type=ResumableEpochLoop, max_epochs=2)
optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=AdamW, lr=1e-3))
default_hooks = dict(checkpoint=dict(type="AtomicCheckpointHook", interval=100))
"""


def test_a_config_of_mmengines_new_style_trains_goes_on_and_becomes_a_backbone(
    corpus: Path, tmp_path: Path
) -> None:
    """It holds classes and functions; a checkpoint and a backbone hold their names."""
    file = tmp_path / "own.py"
    file.write_text(NEW_STYLE + "custom_hooks = [dict(type=RandomViews, act=RandomViews)]")
    with pytest.raises(
        ValueError, match=r"custom_hooks\.0\.act is <class .*: only a `type` may be"
    ):
        compose(file, corpus, tmp_path)
    file.write_text(NEW_STYLE)
    out = pretrain(file, corpus, tmp_path / "run", epochs=1)
    shown = Config.fromfile(out / "config.py")
    assert shown.model.type == "SimCLR"
    assert shown.model.backbone.type == "Backbone"
    assert shown.train_dataloader.dataset.type == "CorpusDataset"
    assert shown.optim_wrapper.optimizer.type == "AdamW"
    pretrain(file, corpus, out, epochs=2, resume=True)
    assert newest_checkpoint(out).name == "iter_12.pth"
    (tmp_path / "shelf").mkdir()
    backbone = export(out, "mine", tmp_path / "shelf")
    assert read_entry(backbone).method == "SimCLR"
