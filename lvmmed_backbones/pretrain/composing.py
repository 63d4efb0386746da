"""Compose the whole config of a pretraining from a config and what changes it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import DATA_SAMPLERS, HOOKS, LOOPS

from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue.declared import name_of_file
from lvmmed_backbones.data_sets import LONGEST
from lvmmed_backbones.display import plain, unknown_name
from lvmmed_backbones.openmmlab.configs import (
    FIELDS,
    add_hooks,
    check_names,
    dict_at,
    read_config,
    with_names,
)
from lvmmed_backbones.pretrain import (
    CONFIGS,
    config_names,
    registration,  # noqa: F401  all that a config may name
)
from lvmmed_backbones.pretrain.hooks import AtomicCheckpointHook
from lvmmed_backbones.pretrain.loop import ResumableEpochLoop, ResumableSampler
from lvmmed_backbones.pretrain.terms import shortened
from lvmmed_backbones.revision import git_revision

NEEDED = ("model.backbone", "train_dataloader.dataset", "optim_wrapper", "randomness")
# What lets a run go on, and become a backbone.
RESUMABLE = {
    "train_cfg": (LOOPS, ResumableEpochLoop),
    "train_dataloader.sampler": (DATA_SAMPLERS, ResumableSampler),
    "default_hooks.checkpoint": (HOOKS, AtomicCheckpointHook),
}
ALWAYS = ("StepSeedHook", "NonFiniteHook")


def compose(
    config: str | Path | Config,
    corpus: str | Path,
    work_dir: str | Path | None = None,
    *,
    epochs: int | None = None,
    seed: int | None = None,
    overrides: Mapping[str, Any] | Iterable[tuple[str, Any]] = (),
    probe: str | Path | None = None,
    launcher: str = "none",
) -> Config:
    """Return the whole config that `run` would carry out with the same arguments.

    Raises
    ------
    FileNotFoundError
        If there is no such config.
    ValueError
        If the config is none of a pretraining, an override is of a field that no runner reads, `epochs` is below 1, or
        there is neither a `work_dir` nor a name for one.
    """
    if isinstance(config, Config):
        name = Path(config.filename).stem if config.filename else None
        config = copy.deepcopy(config)
    else:
        file = _file_of(config)
        name, config = file.stem, read_config(file)
    if work_dir is None and name is None:
        raise ValueError("a config without a file names no folder: give a work_dir")
    for field, value in dict(overrides).items():
        _override(config, field, value)
    config = with_names(config)
    _check_fields(config, name or "the config")
    check_names(config, name or "the config")
    _add_hooks(config, probe)
    if epochs is not None:
        set_epochs(config, epochs)
    if seed is not None:
        config.merge_from_dict({"randomness.seed": seed})
    config.work_dir = str(work_dir or Path("pretraining") / str(name))
    config.launcher = launcher
    config.git_revision = git_revision()
    config.train_dataloader.dataset.root = str(corpus)
    config.train_dataloader.dataset.seed = config.randomness.setdefault("seed", 0)
    start = config.model.backbone.get("weights")
    config.started_from = _beginning(config)
    if isinstance(start, str):  # a name of the catalogue
        config.begins_with = start
        backbone = catalogue.get(start).model("maps", 224)
        config.model.backbone.weights = backbone.get("weights")
    return config


def _beginning(config: Config) -> str | None:
    """Return the name of what a run begins with: of the catalogue where it has the file; None: random weights."""
    model = config.model
    # mmengine's ways to fill a whole model, of whose file nothing tells the origin.
    initialised = [part.get("init_cfg") or {} for part in (model, model.backbone)]
    filled = [config.get("load_from"), *(part.get("checkpoint") for part in initialised)]
    if file := next(filter(None, filled), None):
        return _free_name(file)
    start = model.backbone.get("weights")
    if start is None or isinstance(start, str):
        return start
    file = Path(start["file"])
    return (name_of_file(file) if file.is_file() else None) or _free_name(file)


def _free_name(file: str | Path) -> str:
    """Return a name for a file of weights that is none of the catalogue."""
    return f"file:{plain(Path(file).name)}"[:LONGEST]


def _file_of(config: str | Path) -> Path:
    """Return the file of a config by its path, or by its name among ours. Raise FileNotFoundError if there is none."""
    for file in (Path(config), CONFIGS / f"{config}.py"):
        if file.is_file():
            return file
    raise FileNotFoundError(
        f"no config {config}: give a path, or one of {', '.join(config_names())}"
    )


def set_epochs(config: Config, epochs: int) -> None:
    """Make a run longer or shorter, and fit its schedule.

    Raises
    ------
    ValueError
        If `epochs` is below 1.
    """
    if epochs < 1:
        raise ValueError(f"--epochs {epochs}: it must be at least 1")
    before, config.train_cfg.max_epochs = config.train_cfg.get("max_epochs"), epochs
    if type(before) is not int:
        raise ValueError(f"train_cfg.max_epochs is {before!r}, must be a whole number >= 1")
    config.param_scheduler = shortened(config.get("param_scheduler") or [], before, epochs)


def _override(config: Config, field: str, value: Any) -> None:
    """Change one field of a config, by its dotted name. Raise ValueError if there is no such place."""
    first = str(field).partition(".")[0]
    if first not in FIELDS and first in config:
        raise ValueError(
            f"--cfg-options {field}: {first} is a name within the config's text, and no runner reads it. Change the "
            "field that uses it, as `config.py` in the folder of a run shows it"
        )
    if first not in FIELDS:
        raise unknown_name("field of a config", first, sorted(FIELDS))
    try:
        config.merge_from_dict({field: value})
    except (KeyError, TypeError) as error:
        raise ValueError(f"--cfg-options {field}={value}: {error.args[0]}") from error


def _check_fields(config: Config, name: str) -> None:
    """Check that a config has what every pretraining needs. Raise ValueError if it has not."""
    begin = f"Begin with `_base_ = '{CONFIGS}/_base_/runtime.py'`, as docs/pretraining.md shows"
    for field in (*NEEDED, *RESUMABLE):
        place = dict_at(config, field, f"{name} is no config of a pretraining", begin)
        if field in RESUMABLE:
            registry, needed = RESUMABLE[field]
            kind, found = place.get("type"), None
            with suppress(RuntimeError, TypeError):  # no such name, which its building will tell
                found = registry.get(str(kind))
            if kind is None or (isinstance(found, type) and not issubclass(found, needed)):
                raise ValueError(
                    f"{name}: {field}.type is {kind}, must be {needed.__name__}, or the run could neither go on nor "
                    f"be exported. {begin}"
                )


def _add_hooks(config: Config, probe: str | Path | None) -> None:
    """Add the hooks that no run may be without, which a config's own list may have displaced, and the probe's.

    Raises
    ------
    ValueError
        If there is a probe, and the images of the config have no size.
    """
    add_hooks(config, ALWAYS)
    if probe:
        pipeline = config.train_dataloader.dataset.get("pipeline") or []
        views = [part for part in pipeline if part.get("type") == "RandomViews"]
        sizes = [crop.get("size") for part in views for crop in part.get("crops") or []]
        if not sizes:
            raise ValueError(
                f"--probe {probe}: the pipeline has no RandomViews, whose size it takes"
            )
        hook = dict(type="NeighbourProbeHook", folder=str(probe), size=sizes[0])
        config.custom_hooks = [*config.custom_hooks, hook]
