"""Whole runs by the command: every method, a kill in the middle, two processes, a loss that is not a number."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, TRANSFORMS, DefaultScope

import lvmmed_backbones
from lvmmed_backbones import catalogue
from lvmmed_backbones.corpus.manifest import read_summary
from lvmmed_backbones.pretrain import CONFIGS, config_names
from lvmmed_backbones.pretrain.composing import set_epochs
from lvmmed_backbones.pretrain.hooks import checkpoints, latest_checkpoint

DEFAULT = ("lvmmed_resnet18_mini", "lvmmed_vit_tiny_mini", "simclr_resnet18_mini")
MINI = [
    pytest.param(name, marks=[] if name in DEFAULT else [pytest.mark.slow])
    for name in config_names()
    if name.endswith("_mini")
]
EPOCH = 6  # steps: 48 images, 8 a step
GRAPHS = dict(graph_size=5, partitions=3, neighbours=2)


def curve(work_dir: Path) -> dict[int, float]:
    """The loss of each step, over all parts of a run; a step that was logged twice must have been the same."""
    losses: dict[int, float] = {}
    for file in sorted(work_dir.glob("*/vis_data/scalars.json")):
        for line in file.read_text().splitlines():
            row = json.loads(line)
            if "loss" in row:
                assert losses.setdefault(row["iter"], row["loss"]) == row["loss"]
    return losses


def content(file: Path) -> dict:
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("config", MINI)
def test_every_method_trains_and_becomes_a_backbone(
    config: str, corpus: Path, pretrain_line, run, tmp_path: Path, monkeypatch
) -> None:
    done = run(pretrain_line(config, tmp_path / "run"))
    assert done.returncode == 0, done.stderr[-3000:]
    assert list(curve(tmp_path / "run")) == [*range(1, EPOCH + 1)]
    export = [*pretrain_line(config, tmp_path)[:3], "export"]
    done = run([*export, str(tmp_path / "run"), "mine", "--out", str(tmp_path / "shelf")])
    assert done.returncode == 0, done.stderr
    monkeypatch.setenv("LVMMED_CATALOGUE", str(tmp_path / "shelf"))
    entry = catalogue.get("mine")
    assert entry.corpus.startswith("corpus, 48 images, fingerprint")
    seen = catalogue.pretraining(entry)
    assert seen and (seen.data_sets, seen.started_from) == (["images"], [])
    assert seen.corpora == [read_summary(corpus).fingerprint]
    backbone = lvmmed_backbones.build("mine", "maps", 64).eval()
    maps = backbone(torch.zeros(1, 3, 64, 64))
    assert tuple(m.shape[1] for m in maps) == entry.channels
    trained = content(latest_checkpoint(tmp_path / "run"))["state_dict"]
    for name, value in backbone.state_dict().items():
        if not name.startswith("pyramid."):
            assert torch.equal(value, trained[f"backbone.{name}"])


def test_every_config_tells_what_it_is_and_composes() -> None:
    for name in config_names():
        text = (CONFIGS / f"{name}.py").read_text()
        assert text.startswith('"""') and f"pretrain {name}" in text, name
        config = Config.fromfile(CONFIGS / f"{name}.py", import_custom_modules=False)
        shown = (
            "model",
            "views",
            "train_dataloader",
            "optim_wrapper",
            "train_cfg",
            "param_scheduler",
        )
        assert all(re.search(rf"^{part} = ", text, re.MULTILINE) for part in shown), name
        assert "Source: " in text and re.search("^Score", text, re.MULTILINE), name
        assert len(text.splitlines()) <= 50, f"{name} does not fit on a screen"
        assert config.custom_hooks and config.randomness.seed == 0
        assert name.endswith(("_mini", "_small", "_paper", "_release"))


@pytest.mark.parametrize(
    ("name", "epochs", "schedule"),
    [
        ("simclr_resnet18_mini", 3, [(0, 1), (1, 3)]),
        ("simclr_resnet18_mini", 1, [(0, 1)]),
        ("simclr_resnet50_paper", 300, [(0, 10), (10, 300)]),
        ("simclr_resnet50_paper", 5, [(0, 5)]),
    ],
)
def test_the_schedule_follows_the_number_of_epochs(
    name: str, epochs: int, schedule: list[tuple[int, int]]
) -> None:
    config = Config.fromfile(CONFIGS / f"{name}.py", import_custom_modules=False)
    set_epochs(config, epochs)
    assert config.train_cfg.max_epochs == epochs
    assert [(part.get("begin", 0), part.end) for part in config.param_scheduler] == schedule


@pytest.mark.parametrize(
    ("config", "head"),
    [
        # random partitions with remainders, and dropout
        ("lvmmed_resnet18_mini", dict(GRAPHS, message_passing=2, aggregation="max", dropout=0.5)),
        pytest.param("mocov2_resnet18_mini", {}, marks=pytest.mark.slow),
        pytest.param("deepclusterv2_resnet18_mini", {}, marks=pytest.mark.slow),
    ],
)
def test_a_killed_run_goes_on_to_the_same_weights(
    config: str, head: dict, pretrain_line, run, start, tmp_path: Path
) -> None:
    epochs = 3  # it is stopped within the second, or on a slow machine within the third
    options = {"default_hooks__checkpoint__interval": 2, "train_cfg__max_epochs": epochs}
    options |= {f"model__head__{name}": value for name, value in head.items()}
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert run(pretrain_line(config, whole, **options)).returncode == 0
    process = start(pretrain_line(config, parts, **options))
    deadline = time.monotonic() + 120
    while not (parts / "iter_8.pth").exists():  # in the middle of the second epoch
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    stopped = latest_checkpoint(parts)
    assert stopped is not None and EPOCH < int(stopped.stem[5:]) < epochs * EPOCH
    assert int(stopped.stem[5:]) % EPOCH  # not at the end of an epoch
    refused = run(pretrain_line(config, parts, **options))
    assert refused.returncode == 1 and "go on with --resume" in refused.stderr
    resumed = run(pretrain_line(config, parts, "--resume", **options))
    assert resumed.returncode == 0, resumed.stderr[-3000:]
    assert curve(parts) == curve(whole)
    last = f"iter_{epochs * EPOCH}.pth"
    one, other = (content(folder / last) for folder in (whole, parts))
    for name, value in one["state_dict"].items():
        assert torch.equal(value, other["state_dict"][name]), name
    states = [c["optimizer"]["state"] for c in (one, other)]
    for key, state in states[0].items():
        for name, value in state.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(states[1][key][name]))


@pytest.mark.parametrize("name", [name for name in config_names() if name.endswith("_paper")])
def test_a_paper_config_builds_its_model_and_optimizer(name: str) -> None:
    config = Config.fromfile(CONFIGS / f"{name}.py")
    model_config = dict(config.model, data_preprocessor=config.data_preprocessor)
    model_config["backbone"] = dict(config.model.backbone, weights=None)
    wrapper_config = dict(config.optim_wrapper, type="OptimWrapper")  # mixed precision wants a GPU
    wrapper_config.pop("dtype")
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        with torch.device("meta" if "vit" in name else "cpu"):  # ViT-H has 632 million parameters
            model = MODELS.build(model_config)
        wrapper = build_optim_wrapper(model, wrapper_config)
        TRANSFORMS.build(config.train_dataloader.dataset.pipeline[0])
    groups = wrapper.optimizer.param_groups
    optimised = [parameter for group in groups for parameter in group["params"]]
    assert {id(p) for p in model.parameters() if p.requires_grad} <= {id(p) for p in optimised}
    assert len({id(p) for p in optimised}) == len(optimised)
    excluded = sum(group.get("lars_exclude", False) for group in groups)
    assert (excluded > 50) == (config.optim_wrapper.optimizer.type == "LARS")


TELLER = '''
"""Writes which images each process trains on."""
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

@HOOKS.register_module()
class Teller(Hook):
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        with open(f"{runner.work_dir}/images_{get_rank()}.txt", "a") as file:
            for sample in data_batch["data_samples"]:
                print(sample.sample_idx, file=file)
'''


def test_two_processes_share_the_corpus(
    pretrain_line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each image is seen by one of them, once."""
    (tmp_path / "teller.py").write_text(TELLER)
    (tmp_path / "told_mini.py").write_text(
        f'_base_ = ["{CONFIGS}/lvmmed_resnet18_mini.py"]\n'
        'custom_imports = dict(imports=["lvmmed_backbones.pretrain.registration", "teller"])\n'
        'custom_hooks = [*_base_.custom_hooks, dict(type="Teller")]\n'
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    launch = ("-m", "torch.distributed.run", "--nproc-per-node=2", f"--master-port={port}")
    line = pretrain_line(
        tmp_path / "told_mini.py", tmp_path / "run", "--launcher", "pytorch", launch=launch
    )
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert list(curve(tmp_path / "run")) == [1, 2, 3]  # 48 images, 2 processes, 8 each
    config = Config.fromfile(tmp_path / "run" / "config.py", import_custom_modules=False)
    assert config.world_size == 2
    seen = [(tmp_path / "run" / f"images_{rank}.txt").read_text().split() for rank in range(2)]
    assert len(seen[0]) == len(seen[1]) == 24
    assert sorted(map(int, [*seen[0], *seen[1]])) == list(range(48))


def test_gradients_accumulate_over_steps(pretrain_line, run, tmp_path: Path) -> None:
    options = {"optim_wrapper__accumulative_counts": 3}
    refused = run(pretrain_line("simclr_resnet18_mini", tmp_path, **options))
    assert refused.returncode == 1 and "choose a multiple" in refused.stderr
    options["default_hooks__checkpoint__interval"] = 3
    done = run(pretrain_line("simclr_resnet18_mini", tmp_path, **options))
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("config", ["lvmmed_resnet18_mini", "simclr_resnet18_mini"])
def test_a_loss_that_is_no_number_ends_the_run(
    config: str, pretrain_line, run, tmp_path: Path
) -> None:
    options = {
        "optim_wrapper__optimizer__lr": 1e30,
        "param_scheduler": "[]",
        "default_hooks__checkpoint__interval": 1,
    }
    done = run(pretrain_line(config, tmp_path, **options))
    assert done.returncode == 1
    message = done.stderr.strip().splitlines()[-1]
    last = latest_checkpoint(tmp_path)
    assert last is not None
    step = int(last.stem[5:]) + 1
    assert f"error: the loss is nan at step {step} of {tmp_path}. Try a lower" in message
    assert f"The last good checkpoint: {last}: go on from there with --resume" in message


METHOD = '''
"""A method that collapses: the embedding does not depend on the image."""
from mmengine.registry import MODELS
from mmpretrain.models.selfsup import BaseSelfSupervisor

@MODELS.register_module()
class Constant(BaseSelfSupervisor):
    def loss(self, inputs, data_samples, **kwargs):
        self.backbone.network.bn1.weight.data.zero_()
        self.backbone.eval().train()
        return dict(loss=self.backbone(inputs[0])[0].mean())
'''
CONFIG = """
_base_ = "{configs}/_base_/runtime.py"
model = dict(type="Constant", backbone=dict(type="Backbone", model_name="resnet18", output="last"))
views = dict(type="RandomViews", crops=[dict(number=2, size=64, scale=(0.3, 1.0))])
train_dataloader = dict(batch_size=64, dataset=dict(pipeline=[views]))
optim_wrapper = dict(optimizer=dict(type="AdamW", lr=1e-3))
train_cfg = dict(max_epochs=10)
custom_imports = dict(imports=["constant"])
custom_hooks = [dict(type="CollapseHook", interval=2)]
"""


def test_a_users_method_is_one_file_and_a_config_and_its_collapse_is_reported(
    pretrain_line, run, tmp_path: Path, monkeypatch
) -> None:
    (tmp_path / "constant.py").write_text(METHOD)
    (tmp_path / "constant_mini.py").write_text(CONFIG.format(configs=CONFIGS))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = subprocess.run(
        pretrain_line(tmp_path / "constant_mini.py", tmp_path / "run"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (log,) = (tmp_path / "run").glob("*/*.log")
    assert log.read_text().count("COLLAPSE at step") == EPOCH // 2


def test_a_probe_tells_the_accuracy_of_neighbours(
    pretrain_line, run, corpus: Path, tmp_path: Path
) -> None:
    images = sorted((corpus.parent / "images").iterdir())
    for number, file in enumerate(images[:20]):
        folder = tmp_path / "probe" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file.name).write_bytes(file.read_bytes())
    probe = tmp_path / "probe"
    done = run(pretrain_line("simclr_resnet18_mini", tmp_path / "run", "--probe", probe))
    assert done.returncode == 0, done.stderr[-3000:]
    (log,) = (tmp_path / "run").glob("*/*.log")
    assert log.read_text().count("nearest neighbours of 20 labelled images: accuracy 0.") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("lvmmed_resnet81_mini", "--corpus", "x"),
            "no config lvmmed_resnet81_mini: give a path, or one of",
        ),
        (("lvmmed_resnet18_mini", "--corpus", "/nowhere"), "/nowhere"),
        (("lvmmed_resnet18_mini", "--corpus", "x", "--epochs", "0"), "--epochs 0: it must be at"),
    ],
)
def test_wrong_arguments_end_in_one_line(
    arguments: tuple, message: str, pretrain_line, run, tmp_path: Path
) -> None:
    line = [*pretrain_line("x", tmp_path)[:4], *arguments, "--work-dir", str(tmp_path / "run")]
    done = run(line)
    assert done.returncode == 1
    assert message in done.stderr.strip().splitlines()[-1]


def test_a_corpus_smaller_than_a_batch_is_named(pretrain_line, run, tmp_path: Path) -> None:
    done = run(pretrain_line("simclr_resnet18_mini", tmp_path, train_dataloader__batch_size=64))
    assert done.returncode == 1
    assert "48 images, which do not fill train_dataloader.batch_size=64" in done.stderr


def test_the_newest_checkpoint_is_found_by_number(tmp_path: Path) -> None:
    assert latest_checkpoint(tmp_path) is None
    for name in ("iter_9.pth", "iter_10.pth", ".iter_11.pth.partial", "iter_x.pth"):
        (tmp_path / name).touch()
    assert [file.name for file in checkpoints(tmp_path)] == ["iter_9.pth", "iter_10.pth"]
