"""What decides how a pretraining run goes, as options and values: two runs that differ in none are one run."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from mmengine.config import Config

EPOCHS, BATCH, PROCESSES = "train_cfg.max_epochs", "train_dataloader.batch_size", "processes"
SCHEDULE, CORPUS = "param_scheduler", "--corpus (fingerprint)"
MAY_CHANGE = (EPOCHS, BATCH, PROCESSES, SCHEDULE)  # the schedule: with the number of epochs alone
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
# How images come from the corpus to the model, whatever they are; the corpus itself is told by its fingerprint.
TRANSPORT = ("num_workers", "persistent_workers", "pin_memory", "prefetch_factor")
# Hooks that watch and change nothing.
WATCHING = ("NonFiniteHook", "CollapseHook", "GradientHook", "NeighbourProbeHook")
NOT_SET = "not set"
SHOWN = 3  # of the options that differ


def terms_of(config: Config, fingerprint: str | None, processes: int) -> dict[str, Any]:
    """What decides how a run with this config goes, by the names that --cfg-options has.

    Parameters
    ----------
    config : Config
        As composed.
    fingerprint : str or None
        Of the corpus.
    processes : int
        How many train together.

    Returns
    -------
    dict
        Plain data: numbers, texts, lists of them; the schedule as one list of mappings.
    """
    parts = {part: copy.deepcopy(config[part]) for part in PARTS if part in config}
    loader = parts["train_dataloader"]
    for name in TRANSPORT:
        loader.pop(name, None)
    for name in ("root", "seed"):  # the seed is that of `randomness`
        loader.dataset.pop(name, None)
    if begin := config.get("begins_with"):  # by its name: where its file lies does not matter
        parts["model"].backbone.weights = begin
    hooks = [hook for hook in parts.pop("custom_hooks", []) if hook["type"] not in WATCHING]
    parts["custom_hooks"] = {hook["type"]: hook for hook in hooks}
    schedule = parts.pop(SCHEDULE, None) or []
    terms = {SCHEDULE: schedule, CORPUS: fingerprint, PROCESSES: processes, **flat(parts)}
    return msgspec.json.decode(msgspec.json.encode(terms, enc_hook=repr))


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """Nested mappings, and lists that hold any, as one mapping with dotted names."""
    if isinstance(value, Mapping) and value:
        children = value.items()
    elif isinstance(value, (list, tuple)) and any(isinstance(v, (Mapping, list)) for v in value):
        children = enumerate(value)  # type: ignore[assignment]
    else:
        return {name: value}
    dot = f"{name}." if name else ""
    return {key: v for child, inner in children for key, v in flat(inner, f"{dot}{child}").items()}


def check_terms(was: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> list[str]:
    """What is other than it was, of what may be: a line for each such option.

    Raises
    ------
    ValueError
        Naming the options, and both values of each, where one is other that may not be.
    """
    differing = [
        name
        for name in sorted({*was, *now})
        if name not in MAY_CHANGE and was.get(name, NOT_SET) != now.get(name, NOT_SET)
    ]
    if not same_schedule(was, now):
        differing.append(SCHEDULE)
    if differing:
        several = "; ".join(changed(name, was, now) for name in differing[:SHOWN])
        rest = f"; and {len(differing) - SHOWN} more" if len(differing) > SHOWN else ""
        raise ValueError(
            f"{folder} holds another run: {several}{rest}. Go on with the same, or choose another --work-dir"
        )
    options = (EPOCHS, BATCH, PROCESSES)
    return [changed(name, was, now) for name in options if was.get(name) != now.get(name)]


def changed(name: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """An option with both values."""
    return f"{name} was {was.get(name, NOT_SET)} and is {now.get(name, NOT_SET)}"


def same_schedule(was: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether two runs have one schedule, but for its length."""
    short, long = sorted((was, now), key=lambda terms: terms[EPOCHS])
    cut = shortened(long[SCHEDULE], long[EPOCHS], short[EPOCHS])
    return was[SCHEDULE] == now[SCHEDULE] or cut == short[SCHEDULE]


def shortened(schedule: Sequence[Mapping], before: int, epochs: int) -> list[dict[str, Any]]:
    """A schedule for a run of other length: what lasted to its end still does, what begins after its end is left out.

    Parameters
    ----------
    schedule : sequence of mapping
        Configs of mmengine's parameter schedulers; those that count steps stay as they are.
    before : int
        Epochs of the run that it was for.
    epochs : int
        Of the run that it will be for; may be more.
    """
    parts = []
    for part in map(dict, schedule):
        if part.get("by_epoch", True):
            if part.get("begin", 0) >= epochs:
                continue
            if part.get("end") is not None:
                part["end"] = epochs if part["end"] == before else min(part["end"], epochs)
        parts.append(part)
    return parts
