"""What a run changes in the config of its task: numbers, by dotted name.

Overrides come from study files and from records of other people, so they hold no text: no class, file or module can be
named by them. Who wants another loss or network writes a task config.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lvmmed_backbones.records import Override

if TYPE_CHECKING:
    from mmengine.config import Config

NAME = re.compile(r"[A-Za-z_]\w*(\.([A-Za-z_]\w*|\d{1,3}))+", re.ASCII)
Overrides = tuple[tuple[str, Any], ...]  # sorted; a list is a tuple here
EPOCHS, STEPS = "EpochBasedTrainLoop", "IterBasedTrainLoop"
ACCUMULATED = "optim_wrapper.accumulative_counts"
LARGEST = 2.0**63  # of a number; NaN is not below it either
COUNTED = ("begin", "end", "T_max")  # of a schedule: numbers of steps


def checked(overrides: Mapping[str, Any]) -> Overrides:
    """Return overrides sorted, in a form that can be a key.

    Raises
    ------
    ValueError
        If a name is not dotted, or a value is no number of less than 2**63, bool, None, or list of numbers.
    """
    for name, value in overrides.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ValueError(
                f"overrides: {name!r} is no place in a config. Write it as optim_wrapper.optimizer.lr"
            )
        parts = value if isinstance(value, (list, tuple)) else [value]
        if not all(part is None or isinstance(part, (int, float)) for part in parts) or not all(
            abs(part) < LARGEST for part in parts if part is not None
        ):
            raise ValueError(
                f"overrides: {name} is {value!r}. Give a number, true, false, null, or a list of numbers; "
                "for all else write a task config (docs/tasks.md)"
            )
    return tuple(
        (name, tuple(value) if isinstance(value, list) else value)
        for name, value in sorted(overrides.items())
    )


def as_dict(overrides: Overrides) -> dict[str, Override]:
    """Return overrides as a record holds them."""
    return {name: list(v) if isinstance(v, tuple) else v for name, v in overrides}


def apply(config: Config, overrides: Overrides) -> None:
    """Change a config.

    Raises
    ------
    ValueError
        If it has no such place: all of a name but its last word must be there, and what is there must be no text and
        no part with entries of its own.
    """
    for name, value in overrides:
        *parents, last = name.split(".")
        place: Any = config
        for word in parents:
            place = _entry(place, word)
            if not isinstance(place, (dict, list, tuple)):
                raise ValueError(f"overrides: {config.task.name} has no {name}: {word} is missing")
        former = _entry(place, last)
        parts = former if isinstance(former, (list, tuple)) else [former]
        numbers = all(part is None or isinstance(part, (int, float)) for part in parts)
        if not numbers or isinstance(place, (list, tuple)):
            raise ValueError(f"overrides: {name} of {config.task.name} is no number")
        place[last] = list(value) if isinstance(value, tuple) else value


def _entry(place: Any, word: str) -> Any:
    if isinstance(place, (list, tuple)):
        return place[int(word)] if word.isdecimal() and int(word) < len(place) else None
    return place.get(word)


def halved(config: Config) -> Overrides | None:
    """Return what trains a run on half its batch, in two steps for each of before; None if that cannot be.

    The gradients of two batches are added before the optimizer's step, so its batch, its steps and the learning rate of
    each stay. What a network takes from the batch alone, such as batch normalisation, is of half the images: the run
    is another one, and its record says so.

    Parameters
    ----------
    config : Config
        Of the run.
    """
    loop: Any = config.get("train_cfg") or {}
    batch = config.train_dataloader.get("batch_size", 1) if "train_dataloader" in config else 1
    if batch < 2 or batch % 2 or loop.get("type") not in (EPOCHS, STEPS):
        return None
    changes: dict[str, Override] = {
        "train_dataloader.batch_size": batch // 2,
        ACCUMULATED: 2 * config.optim_wrapper.get("accumulative_counts", 1),
    }
    if loop.type == STEPS:
        for name in ("max_iters", "val_interval"):
            if name in loop:
                changes[f"train_cfg.{name}"] = 2 * loop[name]
    for number, schedule in enumerate(config.get("param_scheduler") or []):
        if schedule.get("by_epoch", True):
            continue
        for name in COUNTED:
            if schedule.get(name):
                changes[f"param_scheduler.{number}.{name}"] = 2 * schedule[name]
    for part in ("val", "test"):
        loader: Any = config.get(f"{part}_dataloader") or {}
        if loader.get("batch_size", 1) > 1:
            changes[f"{part}_dataloader.batch_size"] = (loader.batch_size + 1) // 2
    return checked(changes)


HALVED = re.compile(
    r"train_dataloader\.batch_size|(val|test)_dataloader\.batch_size|optim_wrapper\.accumulative_counts"
    r"|train_cfg\.(max_iters|val_interval)|param_scheduler\.\d+\.(begin|end|T_max)"
)


def without_halving(overrides: Overrides) -> Overrides:
    """Return overrides without the places that `halved` changes."""
    return tuple((name, value) for name, value in overrides if not HALVED.fullmatch(name))
