"""Check a task config before it is used: a run would tell what is wrong with it hours later, or never."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.registry import HOOKS, METRICS, Registry

import tasks.registration  # noqa: F401  all that a config may name
from lvmmed_backbones.display import unknown_name
from lvmmed_backbones.openmmlab.configs import add_hooks, check_names, dict_at
from lvmmed_backbones.records import RECIPES, SUITE
from tasks.hooks import SelectionHook
from tasks.registry import NEEDED

OWN = ("task", "fit", "vit", "sam", "narrow")  # what the suite reads of a config
ENTRIES = (*NEEDED, "recipe", "patient", "clean_split", "image_size", "label_share")  # of `task`
CHOICES = {
    "kind": ("segmentation", "volumes", "detection", "classification"),
    "protocol": ("finetune", "linear", "knn", "prompt", "zero_shot"),
    "recipe": RECIPES,
}
LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")
PARTS = (  # of a config that must be there
    *("model", "optim_wrapper", "train_cfg", "randomness", "custom_imports", "log_processor"),
    *(f"{loader}.dataset" for loader in LOADERS),
    *("train_dataloader.sampler", "test_evaluator", "default_hooks.checkpoint"),
    *("fit.backbone", "fit.places"),
)
# What our evaluators return, by one of which a task selects its checkpoint.
SCORES = {
    "ClassificationScores": ("accuracy", "kappa", "macro_f1", "auroc"),
    "DetectionScores": ("map50", "map"),
    "SegmentationScores": ("dice", "iou"),
    "PromptedScores": ("dice", "iou", "slice_iou", "volume_iou"),
    "ReleasedScores": ("dice", "iou"),
}
ALWAYS = ("EpochSeedHook", "DeterministicHook", "NonFiniteHook")


def checked(config: Config) -> Config:
    """Check a task config, and add the hooks that no run may be without: mmengine replaces a list of a base.

    Parameters
    ----------
    config : Config
        Its `custom_hooks` may be changed.

    Raises
    ------
    ValueError
        Naming the file, the entry and its value, if an entry of `task` is missing, unknown or wrong; if a part is
        missing that every run needs; if nothing reads a name; or if the headline is no score of the evaluator.
    """
    name = config.filename or "the task config"
    _check_task(config.get("task"), name)
    for part in PARTS:
        dict_at(
            config, part, name, "Take it from a config of tasks/configs/_base_ with a like model"
        )
    for loader in LOADERS:
        _check_pipeline(config[loader].dataset, loader, name)
    check_names(config, str(name), OWN)
    _check_fit(config.fit, name)
    for part in ("vit", "sam", "narrow"):
        if not isinstance(config.get(part, {}), Mapping):
            raise ValueError(f"{name}: {part} is {config[part]!r}, must be a dict")
    for part in ("val_evaluator", "test_evaluator"):
        _check_evaluator(config, part, name)
    _add_hooks(config, name)
    return config


def _check_task(task: Any, name: str) -> None:
    """Check the entry `task`. Raise ValueError as `checked`."""
    if not isinstance(task, Mapping) or not isinstance(task.get("name"), str):
        raise ValueError(f"{name}: it must say task = dict(name=..., ...)")
    for entry in NEEDED:
        if entry not in task:
            raise ValueError(f"{name}: task lacks {entry}: it needs {', '.join(NEEDED)}")
    for entry in task:
        if entry not in ENTRIES:
            raise ValueError(f"{name}: {unknown_name('entry of task', entry, ENTRIES)}")
    for entry, choices in CHOICES.items():
        if task.get(entry, SUITE if entry == "recipe" else None) not in choices:
            raise ValueError(
                f"{name}: task.{entry}={task[entry]!r}: choose from {', '.join(choices)}"
            )
    if not re.fullmatch(r"\w[\w.-]*", task["name"]):
        raise ValueError(f"{name}: task.name={task['name']!r}: take letters, digits, _, . and -")
    version = task["version"]
    if type(version) is not int or version < 1:
        raise ValueError(f"{name}: task.version={version!r}: give a whole number >= 1")
    for entry in ("dataset", "headline"):
        if not isinstance(task[entry], str):
            raise ValueError(f"{name}: task.{entry}={task[entry]!r}: give its name")


def _check_pipeline(dataset: Mapping, place: str, name: str) -> None:
    """Check that a data set, below any wrapper, has a list of transforms. Raise ValueError as `checked`."""
    while isinstance(dataset.get("dataset"), Mapping):
        dataset = dataset["dataset"]
    pipeline = dataset.get("pipeline")
    if not isinstance(pipeline, list) or not all(isinstance(part, Mapping) for part in pipeline):
        raise ValueError(
            f"{name}: the pipeline of {place} is {pipeline!r}, must be a list of dicts"
        )


def _check_fit(fit: Mapping, name: str) -> None:
    """Check what the model is given of its backbone. Raise ValueError as `checked`."""
    for entry in fit:
        if entry not in ("backbone", "places"):
            raise ValueError(
                f"{name}: {unknown_name('entry of fit', entry, ('backbone', 'places'))}"
            )
    if "output" not in fit["backbone"]:
        raise ValueError(
            f"{name}: fit.backbone lacks output, such as 'maps', or 'vector' for classes"
        )


def _check_evaluator(config: Config, part: str, name: str) -> None:
    """Check that an evaluator writes the scores of each case, and has the headline. Raise ValueError as `checked`."""
    evaluator: Any = config.get(part)
    if evaluator is None:  # no validation
        return
    kind = evaluator.get("type") if isinstance(evaluator, Mapping) else evaluator
    found = _registered(METRICS, kind, config)
    if found is None:
        raise ValueError(
            f"{name}: {part}.type is {kind!r}, must be the name of a registered metric, such as {', '.join(SCORES)}"
        )
    if "cases_file" not in inspect.signature(found).parameters:
        raise ValueError(
            f"{name}: {part}.type is {kind}, which takes no cases_file, to which the score of every case is written. "
            f"Take one of {', '.join(SCORES)}, or write one as tasks/metrics/segmentation.py"
        )
    scores: Sequence[str] = SCORES.get(str(kind), (config.task.headline,))
    if config.task.headline not in scores:
        raise ValueError(
            f"{name}: task.headline={config.task.headline!r}: {kind} of {part} has {', '.join(scores)}"
        )


def _registered(registry: Registry, kind: Any, config: Config) -> type | None:
    """Return the class that a config names, as its runner would find it; None if there is none."""
    with registry.switch_scope_and_registry(config.get("default_scope")) as scoped:
        found = scoped.get(kind) if isinstance(kind, str) else None
    return found if isinstance(found, type) else None


def _add_hooks(config: Config, name: str) -> None:
    """Add the hooks that a config's own list has displaced. Raise ValueError if no hook saves checkpoints."""
    kind = config.default_hooks.checkpoint.get("type")
    found = _registered(HOOKS, kind, config)
    if found is None or not issubclass(found, SelectionHook):
        raise ValueError(
            f"{name}: default_hooks.checkpoint.type is {kind}, must be SelectionHook, or the run could neither go on "
            "nor test the weights that were best on the valid split"
        )
    add_hooks(config, (*ALWAYS, "LoadBestHook") if found is SelectionHook else ALWAYS)
