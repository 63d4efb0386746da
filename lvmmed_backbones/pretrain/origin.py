"""What a checkpoint of a pretraining run tells of the run: JSON, so that reading it runs nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from mmengine.config import Config

from lvmmed_backbones.outside import Refused, refusing

KEY = "origin"  # in the checkpoint's meta
OLDER = "Go on with it by `pretrain --resume` and more --epochs: the next checkpoint tells how it came to be"


class Origin(msgspec.Struct):
    """How a backbone came to be.

    Attributes:
        method: registered name of the pretraining method.
        backbone: registered type and arguments of the backbone.
        mean, std: of the run's preprocessor, in 0 to 255; None: images were not normalised.
        red_first: whether it turned images to red, green, blue.
        batch_size, world_size: images of a process and step, processes.
        seed, git_revision: of the run.
        training: the whole config, as a text for people.
    """

    method: str
    backbone: dict[str, Any]
    mean: list[float] | None
    std: list[float] | None
    red_first: bool
    batch_size: int
    world_size: int
    seed: int | None
    git_revision: str | None
    training: str


def origin_of(config: Config) -> str:
    """The origin that checkpoints of a run with this config carry."""
    preprocessor = config.model.get("data_preprocessor") or config.get("data_preprocessor") or {}
    origin = Origin(
        method=config.model.type,
        backbone={
            key: value
            for key, value in config.model.backbone.to_dict().items()
            if key not in ("output", "weights")
        },
        mean=numbers(preprocessor.get("mean")),
        std=numbers(preprocessor.get("std")),
        red_first=bool(preprocessor.get("to_rgb") or preprocessor.get("bgr_to_rgb")),
        batch_size=config.train_dataloader.batch_size,
        world_size=config.get("world_size", 1),
        seed=config.randomness.seed,
        git_revision=config.get("git_revision"),
        training=config.pretty_text,
    )
    return msgspec.json.encode(origin).decode()


def numbers(values: Any) -> list[float] | None:
    """Three of them, where one stands for all; None stays."""
    if values is None:
        return None
    several = list(values) if isinstance(values, (list, tuple)) else [values]
    return [float(value) for value in (several * 3 if len(several) == 1 else several)]


def read_origin(meta: Any, file: Path) -> Origin:
    """The origin in the meta of a checkpoint.

    Raises:
        Refused: if it has none, as those that were saved before origins were, or a spoilt one.
    """
    text = meta.get(KEY) if isinstance(meta, dict) else None
    if not isinstance(text, str):
        raise Refused(file, f"has no {KEY}: it is not a checkpoint of a pretraining run", OLDER)
    with refusing(file, OLDER, f"has a spoilt {KEY}"):
        return msgspec.json.decode(text, type=Origin)
