"""The terms of a pretraining run: all options that decide its result. Runs with equal terms are one run."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from mmengine.config import Config

EPOCHS, BATCH, PROCESSES = "train_cfg.max_epochs", "train_dataloader.batch_size", "processes"
SCHEDULE, CORPUS = "param_scheduler", "--corpus (fingerprint)"
MAY_CHANGE = (EPOCHS, BATCH, PROCESSES, SCHEDULE)  # the schedule only in its length
# The parts of a config that training depends on.
PARTS = (
    "randomness",
    "model",
    "data_preprocessor",
    "train_dataloader",
    "train_cfg",
    "optim_wrapper",
    "param_scheduler",
    "auto_scale_lr",
    "sync_bn",
    "custom_hooks",
)
# Options of the loader that do not change the images. The fingerprint stands for the corpus itself.
TRANSPORT = ("num_workers", "persistent_workers", "pin_memory", "prefetch_factor")
# Hooks that change nothing.
WATCHING = ("NonFiniteHook", "CollapseHook", "GradientHook", "NeighbourProbeHook")
NOT_SET = "not set"
SHOWN = 3  # options in a message


def terms_of(config: Config, fingerprint: str | None, processes: int) -> dict[str, Any]:
    """Return the terms of a run with this config, by the names of --cfg-options.

    Parameters
    ----------
    config : Config
        A composed config.
    fingerprint : str or None
        Fingerprint of the corpus.
    processes : int
        Number of processes that train together.

    Returns
    -------
    dict
        Numbers, texts and lists of them; the schedule is one list of mappings.
    """
    parts = {part: copy.deepcopy(config[part]) for part in PARTS if part in config}
    loader = parts["train_dataloader"]
    for name in TRANSPORT:
        loader.pop(name, None)
    for name in ("root", "seed"):  # the seed is that of `randomness`
        loader.dataset.pop(name, None)
    if begin := config.get("begins_with"):  # the name of the backbone, since its file may move
        parts["model"].backbone.weights = begin
    hooks = [hook for hook in parts.pop("custom_hooks", []) if hook["type"] not in WATCHING]
    parts["custom_hooks"] = {hook["type"]: hook for hook in hooks}
    schedule = parts.pop(SCHEDULE, None) or []
    terms = {SCHEDULE: schedule, CORPUS: fingerprint, PROCESSES: processes, **_flatten(parts)}
    return msgspec.json.decode(msgspec.json.encode(terms, enc_hook=repr))


def _flatten(value: Any, name: str = "") -> dict[str, Any]:
    """Return nested mappings, and lists that hold mappings or lists, as one mapping with dotted names."""
    if isinstance(value, Mapping) and value:
        children = value.items()
    elif isinstance(value, (list, tuple)) and any(isinstance(v, (Mapping, list)) for v in value):
        children = enumerate(value)  # type: ignore[assignment]
    else:
        return {name: value}
    dot = f"{name}." if name else ""
    return {
        key: v for child, inner in children for key, v in _flatten(inner, f"{dot}{child}").items()
    }


def check_terms(was: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> list[str]:
    """Return a line for each option that changed and may change.

    Raises
    ------
    ValueError
        If another option changed. The message has each such option with both values.
    """
    differing = [
        name
        for name in sorted({*was, *now})
        if name not in MAY_CHANGE and was.get(name, NOT_SET) != now.get(name, NOT_SET)
    ]
    short, long = sorted((was, now), key=lambda terms: terms[EPOCHS])
    cut = shortened(long[SCHEDULE], long[EPOCHS], short[EPOCHS])
    if was[SCHEDULE] != now[SCHEDULE] and cut != short[SCHEDULE]:  # in more than their length
        differing.append(SCHEDULE)
    if differing:
        changes = "; ".join(_describe_change(name, was, now) for name in differing[:SHOWN])
        rest = f"; and {len(differing) - SHOWN} more" if len(differing) > SHOWN else ""
        raise ValueError(
            f"{folder} holds another run: {changes}{rest}. Go on with the same, or choose another --work-dir"
        )
    options = (EPOCHS, BATCH, PROCESSES)
    return [_describe_change(name, was, now) for name in options if was.get(name) != now.get(name)]


def _describe_change(name: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return an option with both values."""
    return f"{name} was {was.get(name, NOT_SET)} and is {now.get(name, NOT_SET)}"


def shortened(schedule: Sequence[Mapping], before: int, epochs: int) -> list[dict[str, Any]]:
    """Return a schedule for a run of another length.

    A part that lasted to the end of the run still does; a part that would begin after the end is left out.

    Parameters
    ----------
    schedule : sequence of mapping
        Configs of mmengine's parameter schedulers; those that count steps stay as they are.
    before : int
        Number of epochs that the schedule is for.
    epochs : int
        New number of epochs, which may be larger.
    """
    kept = []
    for part in map(dict, schedule):
        if part.get("by_epoch", True):
            if part.get("begin", 0) >= epochs:
                continue
            if part.get("end") is not None:
                part["end"] = epochs if part["end"] == before else min(part["end"], epochs)
        kept.append(part)
    return kept
