"""Task configs as strangers write them: what is wrong is said in one line, with the file, before anything runs."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from mmengine.config import Config

import tasks
from lvmmed_backbones.openmmlab.configs import read_config
from lvmmed_backbones.records import RELEASE, SUITE
from tasks import registry
from tasks.checking import ENTRIES, SCORES, checked

CONFIGS = registry.CONFIGS
WHOLE = dict(
    name="mine", version=1, dataset="drive", kind="segmentation", protocol="finetune", headline="dice"
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_task_of_a_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})


def write(folder: Path, text: str, base: str = "drive") -> Path:
    """A task config that is based on one of ours."""
    file = folder / "mine.py"
    file.write_text(f"_base_ = {str(CONFIGS / base)!r} + '.py'\ntask = dict(name='mine')\n{text}\n")
    return file


def without(entry: str) -> str:
    return f"task = dict(_delete_=True, **{ {k: v for k, v in WHOLE.items() if k != entry} })"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # the entry `task`
        (without("version"), "task lacks version: it needs name, version, dataset, kind"),
        (without("headline"), "task lacks headline"),
        ("task = dict(name=3)", "it must say task = dict(name=..., ...)"),
        ("task = dict(name='../mine')", "task.name='../mine': take letters, digits, _, . and"),
        ("task = dict(kind='segmentatoin')", "task.kind='segmentatoin': choose from segmentation,"),
        ("task = dict(protocol='finetuned')", "task.protocol='finetuned': choose from finetune,"),
        ("task = dict(recipe='mine')", "task.recipe='mine': choose from suite, release"),
        ("task = dict(version='two')", "task.version='two': give a whole number >= 1"),
        ("task = dict(version=True)", "task.version=True: give a whole number >= 1"),
        ("task = dict(dataset=None)", "task.dataset=None: give its name"),
        ("task = dict(hedline='dice')", "no entry of task 'hedline': did you mean headline?"),
        ("task = dict(headline='auroc')", "task.headline='auroc': SegmentationScores of val_eval"),
        # the backbone's place
        ("fit = None", "fit.backbone is None, must be a dict. Take it from a config of tasks/conf"),
        ("fit = dict(places=None)", "fit.places is None, must be a dict"),
        ("fit = dict(placs={})", "no entry of fit 'placs': did you mean places?"),
        ("fit = dict(backbone=dict(_delete_=True))", "fit.backbone lacks output"),
        ("vit = 3", "vit is 3, must be a dict"),
        # parts that a run needs
        ("model = None", "model is None, must be a dict"),
        ("train_cfg = None", "train_cfg is None, must be a dict"),
        ("train_dataloader = dict(sampler=None)", "train_dataloader.sampler is None, must be a"),
        ("test_dataloader = None", "test_dataloader.dataset is None, must be a dict"),
        (
            "train_dataloader = dict(dataset=dict(pipeline=None))",
            "the pipeline of train_dataloader is None, must be a list of dicts",
        ),
        (
            "default_hooks = dict(checkpoint=dict(type='CheckpointHook'))",
            "default_hooks.checkpoint.type is CheckpointHook, must be SelectionHook, or the run could",
        ),
        # scores
        (
            "test_evaluator = dict(_delete_=True, type='IoUMetric')",
            "test_evaluator.type is IoUMetric, which takes no cases_file",
        ),
        (
            "test_evaluator = dict(type='Dice')",
            "test_evaluator.type is 'Dice', must be the name of a registered metric",
        ),
        ("val_evaluator = [dict(type='SegmentationScores')]", "val_evaluator.type is [{"),
        # what nothing would read
        ("optim_wraper = dict()", "nothing reads optim_wraper, which its text sets: did you mean o"),
        ("env_cfg = dict(cudnn_bench=1)", "no field of env_cfg 'cudnn_bench': did you mean cudnn_be"),
        (
            "optim_wrapper = dict(paramwise_cfg=dict(norm_decay=0))",
            "no field of optim_wrapper.paramwise_cfg 'norm_decay': did you mean norm_decay_mult",
        ),
        # no config
        ("task = dict(", "mine.py is no config: SyntaxError: "),
        ("task = nothing", "mine.py is no config: NameError: name 'nothing' is not defined"),
        ("custom_imports = dict(imports=['nothing_here'])", "mine.py is no config: ImportError: "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_in_one_line(text: str, message: str, tmp_path: Path) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ValueError) as raised:
        tasks.register(file)
    assert message in str(raised.value) and str(file) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not registry._registered


def test_a_base_that_there_is_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"mine.py is no config: FileNotFoundError: .*nothing.py"):
        tasks.register(write(tmp_path, "", base="nothing"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "copy.py: task.name='mine': it must be the file's name, 'copy'"),
        ("task = dict(", "copy.py is no config: SyntaxError: "),
    ],
)
def test_a_file_among_ours_is_named(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of a task that keeps its name would give records of that task."""
    write(tmp_path, text).rename(tmp_path / "copy.py")
    monkeypatch.setitem(registry._folders, SUITE, (tmp_path,))
    with pytest.raises(ValueError) as raised:
        registry.facts("copy") if "(" in text else registry.get("copy")
    assert message in str(raised.value)


@pytest.mark.parametrize("recipe", [SUITE, RELEASE])
def test_all_of_ours_are_right_as_they_are(recipe: str) -> None:
    for file in registry._shipped(recipe).values():
        config = read_config(file)
        hooks = copy.deepcopy(config.custom_hooks)
        assert checked(config).custom_hooks == hooks
        assert {*config.task} <= {*ENTRIES}
        assert config.test_evaluator.type in SCORES


def test_own_hooks_displace_none_that_a_run_needs(tmp_path: Path) -> None:
    """Else the weights of the last epoch would be tested, silently."""
    config = registry._read(write(tmp_path, "custom_hooks = [dict(type='EMAHook')]"))
    assert [hook.type for hook in config.custom_hooks] == [
        "EpochSeedHook",
        "DeterministicHook",
        "NonFiniteHook",
        "LoadBestHook",
        "EMAHook",
    ]


def test_a_protocol_of_the_last_epoch_tests_it(tmp_path: Path) -> None:
    text = (
        "custom_imports = dict(imports=['tasks.release.detection'])\n"
        "default_hooks = dict(checkpoint=dict(type='LastEpochHook'))\ncustom_hooks = []"
    )
    config = registry._read(write(tmp_path, text))
    assert "NonFiniteHook" in str(config.custom_hooks)
    assert "LoadBestHook" not in str(config.custom_hooks)


def test_a_metric_of_ones_own_has_scores_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "metric_of_a_test.py").write_text(
        "from mmengine.registry import METRICS\n"
        "from tasks.metrics.segmentation import SegmentationScores\n"
        "@METRICS.register_module(force=True)\n"
        "class Hausdorff(SegmentationScores):\n"
        "    def __init__(self, cases_file=None): ...\n"
    )
    text = (
        f"import sys; sys.path.append({str(tmp_path)!r})\n"
        "custom_imports = dict(imports=['metric_of_a_test'])\n"
        "task = dict(name='mine', headline='hd95')\n"
        "val_evaluator = dict(_delete_=True, type='Hausdorff')\ntest_evaluator = val_evaluator\n"
    )
    assert registry._read(write(tmp_path, text)).task.headline == "hd95"


def test_an_object_is_checked_too() -> None:
    config = Config(dict(task=WHOLE))
    with pytest.raises(ValueError, match="the task config: model is None"):
        tasks.register(config)
