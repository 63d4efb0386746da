"""Configs and options as strangers write them: what is wrong is said in one line that names place and value."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmengine.config import Config
from mmengine.optim import DefaultOptimWrapperConstructor
from mmengine.runner import Runner
from mmpretrain.registry import MODELS
from torch import nn

from lvmmed_backbones.openmmlab.configs import FIELDS, NAMES
from lvmmed_backbones.pretrain import CONFIGS, compose
from lvmmed_backbones.pretrain import run as pretrain
from lvmmed_backbones.pretrain.methods.lvmmed import GraphMatchingHead
from lvmmed_backbones.pretrain.parts import ERROR, naming_parts
from lvmmed_backbones.pretrain.sizes import check_sizes

CONFIG = "lvmmed_resnet18_mini"
SMALL = {
    "train_dataloader.batch_size": 8,
    "train_dataloader.dataset.pipeline.0.crops.0.size": 32,
    "train_cfg.max_epochs": 1,
}
HEAD = "model.head"
CROP = "train_dataloader.dataset.pipeline.0.crops.0"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        # of a type or out of a range
        ({f"{HEAD}.graph_size": "ten"}, "graph_size is 'ten', must be a whole number >= 1 or None"),
        ({f"{HEAD}.neighbours": 2.0}, "neighbours is 2.0, must be a whole number >= 1"),
        ({f"{HEAD}.message_passing": -1}, "message_passing is -1, must be a whole number >= 0"),
        ({f"{HEAD}.cells": 0}, "cells is 0, must be a whole number >= 1"),
        ({f"{HEAD}.margin": math.nan}, "margin is nan, must be a number"),
        ({HEAD: None}, "head is None, must be a dict"),
        ({f"{CROP}.size": "big"}, "'size': 'big'"),
        ({"optim_wrapper.optimizer.lr": "fast"}, "AdamW: TypeError: "),
        # a name that is not there
        ({f"{HEAD}.grph_size": 4}, "no argument 'grph_size': did you mean graph_size?"),
        ({"train_cfg.max_epochs": None}, "train_cfg.max_epochs is None: it must be a whole number"),
        (
            {"train_cfg.type": "no.such.Loop"},
            "the part no.such.Loop: KeyError: no.such.Loop is not in",
        ),
        ({f"{HEAD}.type": "Nothing"}, "the part Nothing: KeyError: Nothing is not in the"),
        ({"custom_hooks.2.intervall": 3}, "CollapseHook: no argument 'intervall': did you mean in"),
        ({"custom_hooks.9.type": "X"}, "--cfg-options custom_hooks.9.type=X: Index 9 exceeds"),
        ({"param_scheduler.0.type": "X"}, "the part X: KeyError: X is not in the parameter sched"),
        ({"optim_wrapper.optimizer.type": "Adma"}, "optim_wrapper={"),
        ({"train_dataloader.batchsize": 4}, "unexpected keyword argument 'batchsize'"),
        ({"randomness.sed": 1}, "the config: TypeError: "),
        # a field that no runner reads: it would change nothing
        ({"seed": 3}, "no field of a config 'seed': choose from "),
        ({"modle.head.noise": 1}, "no field of a config 'modle': did you mean model?"),
        ({"views.crops": []}, "views.crops: views is a name within the config's text"),
        ({"work_dir": "x"}, "no field of a config 'work_dir'"),
        ({"env_cfg.cudnn_bench": True}, "no field of env_cfg 'cudnn_bench': did you mean cudnn_b"),
        (
            {"optim_wrapper.paramwise_cfg": dict(norm_decay=0)},
            "no field of optim_wrapper.paramwise_cfg 'norm_decay': did you mean norm_decay_mult",
        ),
        # parts that do not fit together
        ({f"{HEAD}.channels": 7}, "model.head: RuntimeError: mat1 and mat2 shapes cannot be"),
        ({"model.backbone.model_name": "resnet50"}, "model.neck: RuntimeError: mat1 and mat2"),
    ],
)
def test_a_wrong_option_is_named_in_one_line(
    options: dict[str, Any], message: str, corpus: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError) as raised:
        pretrain(CONFIG, corpus, tmp_path / "run", overrides={**SMALL, **options})
    text = str(raised.value)
    assert message in text
    error = tmp_path / "run" / ERROR
    assert error.is_file() == (f"(traceback: {error})" in text)
    if error.is_file():  # what mmengine or torch raised, whole
        assert error.read_text().startswith("Traceback (most recent call last):")
    assert not list((tmp_path / "run").glob("*.pth"))


def test_a_run_that_was_mended_keeps_no_error(corpus: Path, tmp_path: Path) -> None:
    wrong = {**SMALL, f"{HEAD}.grph_size": 4}
    with pytest.raises(ValueError, match="did you mean graph_size"):
        pretrain(CONFIG, corpus, tmp_path, overrides=wrong)
    assert (tmp_path / ERROR).is_file()
    pretrain(CONFIG, corpus, tmp_path, overrides={**SMALL, f"{HEAD}.graph_size": 6})
    assert not (tmp_path / ERROR).exists() and list(tmp_path.glob("*.pth"))


def test_short_memory_names_the_batch(tmp_path: Path) -> None:
    """The error is torch's own; a GPU that raises it is not needed."""
    config = Config(dict(work_dir=str(tmp_path), train_dataloader=dict(batch_size=200)))
    with pytest.raises(ValueError) as raised, naming_parts(config):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    assert str(raised.value) == (
        "CUDA out of memory. Tried to allocate 2.00 GiB. train_dataloader.batch_size is 200: set it lower, and "
        "optim_wrapper.accumulative_counts higher"
    )


def test_all_that_a_runner_reads_can_be_changed() -> None:
    read = set(re.findall(r"self\.cfg\.get\(\s*'(\w+)'", inspect.getsource(Runner)))
    assert {"sync_bn", "compile"} <= read <= {*FIELDS}


def test_all_that_mmengine_reads_of_a_part_can_be_set() -> None:
    read = {
        "env_cfg": re.findall(r"env_cfg\.get\('(\w+)'", inspect.getsource(Runner.setup_env)),
        "optim_wrapper.paramwise_cfg": re.findall(
            r"self\.paramwise_cfg\.get\('(\w+)'", inspect.getsource(DefaultOptimWrapperConstructor)
        ),
    }
    assert {place: {*names} for place, names in read.items()} == {
        place: {*names} for place, names in NAMES.items()
    }


def test_a_misspelt_field_of_a_config_is_named(tmp_path: Path) -> None:
    """Else the schedule of its base would be in force; a name that the text uses itself is the writer's own."""
    file = tmp_path / "config.py"
    base = f'_base_ = "{CONFIGS}/{CONFIG}.py"\n'
    file.write_text(f"{base}param_schedulers = []\n")
    with pytest.raises(ValueError) as raised:
        compose(file, "x", tmp_path)
    assert str(raised.value) == (
        "config: nothing reads param_schedulers, which its text sets: did you mean param_scheduler?"
    )
    file.write_text(f"{base}param_schedulers = []\nparam_scheduler = param_schedulers\n")
    assert compose(file, "x", tmp_path).param_scheduler == []


def test_a_key_of_no_parameter_is_named_in_the_log(corpus: Path, tmp_path: Path) -> None:
    keys = {"backbone.network.conv1": dict(lr_mult=0.1), "bakbone": dict(lr_mult=0.1)}
    options = {**SMALL, "optim_wrapper.paramwise_cfg": dict(custom_keys=keys)}
    pretrain(CONFIG, corpus, tmp_path, overrides=options)
    (log,) = tmp_path.rglob("*.log")
    (line,) = (line for line in log.read_text().splitlines() if "custom_keys:" in line)
    assert "WARNING" in line and line.endswith(
        "'bakbone' is in no parameter's name (the first is backbone.network.conv1.weight)"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model = dict(", "config.py is no config: SyntaxError: "),
        ("model = nothing", "config.py is no config: NameError: name 'nothing' is not defined"),
        ('_base_ = "nothing.py"', "config.py is no config: FileNotFoundError: "),
        ('_base_ = "config.py"', "config.py is no config: RecursionError: "),
        ("", "config is no config of a pretraining: model.backbone is None, must be a dict"),
        ("model = 3", "model.backbone is 3, must be a dict. Begin with `_base_ = "),
        ("model = dict(backbone=dict())", "train_dataloader.dataset is None, must be a dict"),
    ],
)
def test_a_file_that_is_no_config_is_named(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "config.py"
    file.write_text(text)
    with pytest.raises(ValueError) as raised:
        compose(file, "x", tmp_path)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'train_cfg = dict(_delete_=True, type="EpochBasedTrainLoop", max_epochs=1)',
            "train_cfg.type is EpochBasedTrainLoop, must be ResumableEpochLoop",
        ),
        (
            "train_cfg = dict(_delete_=True, max_epochs=1)",  # for which mmengine has a loop of its own
            "train_cfg.type is None, must be ResumableEpochLoop",
        ),
        (
            'train_dataloader = dict(sampler=dict(type="DefaultSampler"))',
            "train_dataloader.sampler.type is DefaultSampler, must be ResumableSampler",
        ),
        (
            'default_hooks = dict(checkpoint=dict(_delete_=True, type="CheckpointHook"))',
            "default_hooks.checkpoint.type is CheckpointHook, must be AtomicCheckpointHook",
        ),
    ],
)
def test_a_run_that_could_not_go_on_is_refused_before_it_begins(
    text: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "config.py"
    file.write_text(f'_base_ = "{CONFIGS}/{CONFIG}.py"\n{text}\n')
    with pytest.raises(ValueError, match=re.escape(message)):
        compose(file, "x", tmp_path)


def test_a_list_of_own_hooks_displaces_none_that_a_run_needs(tmp_path: Path) -> None:
    """mmengine replaces a list of a base by that of the config."""
    file = tmp_path / "config.py"
    file.write_text(f'_base_ = "{CONFIGS}/{CONFIG}.py"\ncustom_hooks = [dict(type="EMAHook")]\n')
    kinds = [hook.type for hook in compose(file, "x", tmp_path).custom_hooks]
    assert kinds == ["StepSeedHook", "NonFiniteHook", "EMAHook"]
    usual = [hook.type for hook in compose(CONFIG, "x", tmp_path).custom_hooks]
    assert usual[:2] == ["StepSeedHook", "NonFiniteHook"] and len(usual) == len({*usual})


def test_a_head_of_ones_own_has_arguments_of_its_own(tmp_path: Path) -> None:
    @MODELS.register_module(force=True)
    class HeadOfATest(nn.Module): ...

    head = dict(_delete_=True, type="HeadOfATest", graph_size="large", neighbours=100)
    check_sizes(compose(CONFIG, "x", tmp_path, overrides={**SMALL, HEAD: head}), 24, 1)
    ours = compose(CONFIG, "x", tmp_path, overrides={**SMALL, f"{HEAD}.graph_size": "large"})
    with pytest.raises(ValueError, match="graph_size is 'large'"):
        check_sizes(ours, 24, 1)


def test_a_probe_takes_the_size_of_the_views(tmp_path: Path) -> None:
    """Also of a config without hooks of its own, whose first transform is another one."""
    views = "train_dataloader.dataset.pipeline"
    own = compose(CONFIG, "x", tmp_path)[views.split(".")[0]].dataset.pipeline
    pipeline = [dict(type="RandomFlip", prob=0.5), *own]
    changes = {views: pipeline, "custom_hooks": None}
    composed = compose(CONFIG, "x", tmp_path, overrides=changes, probe="labelled")
    assert composed.custom_hooks[-1].size == own[0].crops[0].size
    with pytest.raises(ValueError, match="--probe labelled: the pipeline has no RandomViews"):
        compose(CONFIG, "x", tmp_path, overrides={views: pipeline[:1]}, probe="labelled")


def test_an_option_that_is_no_pair_is_named(pretrain_line, run, tmp_path: Path) -> None:
    done = run([*pretrain_line(CONFIG, tmp_path), "model.head.noise"])
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: --cfg-options ") and "model.head.noise: write KEY=VALUE" in line


@pytest.mark.parametrize(
    ("launcher", "message"),
    [
        ("pytorch", "--launcher pytorch: RANK is not set. Start this with torchrun"),
        ("slurm", "--launcher slurm: SLURM_PROCID is not set. Start this with srun"),
        ("mpi", "no launcher 'mpi': choose from none, pytorch, slurm"),
    ],
)
def test_a_process_that_its_launcher_did_not_start_is_told(
    launcher: str, message: str, corpus: Path, tmp_path: Path, monkeypatch
) -> None:
    for name in ("RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError) as raised:
        pretrain(CONFIG, corpus, tmp_path, launcher=launcher)
    assert str(raised.value) == message


NUMBERS: dict[str, Callable[[Any], bool]] = {
    "graph_size": lambda v: v is None or v >= 1,
    "partitions": lambda v: v == 1,  # without a size of the graphs
    "neighbours": lambda v: v >= 1,
    "message_passing": lambda v: v >= 0,
    "dropout": lambda v: 0 <= v < 1,
    "alpha": lambda v: 0 <= v <= 1,
    "pairs": lambda v: v >= 1,
    "cells": lambda v: v >= 1,
    "edge_weight": lambda v: 0 <= v <= 1e12,
    "margin": lambda v: abs(v) <= 1e12,
    "noise": lambda v: 0 <= v <= 1e12,
    "samples": lambda v: v >= 1,
    "lambda_": lambda v: 0 < v <= 1e12,
}
WHOLE = ("graph_size", "partitions", "neighbours", "message_passing", "pairs", "cells", "samples")
CHOICES = {
    "shared_edges": ("none", "first", "mutual", "union"),
    "aggregation": ("gcn", "sum", "mean", "max"),
    "affinity": ("cosine", "softplus"),
    "local": ("similarity", "distance"),
    "edges": ("before", "after"),
    "budget": ("fast", "default", "best"),
}
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 30)
    | st.floats()
    | st.sampled_from([word for words in CHOICES.values() for word in words])
    | st.text(max_size=5)
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=2), st.integers(), max_size=2)
)


def is_right(name: str, value: Any) -> bool:
    """Whether an option of the head may have a value, as its docstring says."""
    if name in CHOICES:
        return isinstance(value, str) and value in CHOICES[name]
    if value is None:
        return name == "graph_size"
    kinds = (int,) if name in WHOLE else (int, float)
    return type(value) in kinds and NUMBERS[name](value)


@given(name=st.sampled_from([*NUMBERS, *CHOICES]), value=VALUES)
def test_an_option_is_right_or_named(name: str, value: Any) -> None:
    if is_right(name, value):
        GraphMatchingHead(4, **{name: value})
        return
    with pytest.raises(ValueError) as raised:
        GraphMatchingHead(4, **{name: value})
    assert name.rstrip("_") in str(raised.value)
    assert repr(value) in str(raised.value)


def test_every_option_of_the_head_is_tried() -> None:
    options = set(inspect.signature(GraphMatchingHead).parameters) - {"channels"}
    assert options == {*NUMBERS, *CHOICES}


def test_numbers_of_numpy_are_numbers() -> None:
    head = GraphMatchingHead(np.int64(4), graph_size=np.int32(3), noise=np.float32(0.5))
    assert (head.graph_size, head.matching.vertex_noise) == (3, 0.5)
    with pytest.raises(ValueError, match="graph_size is "):
        GraphMatchingHead(4, graph_size=np.float64(3))
