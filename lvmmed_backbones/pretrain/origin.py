"""What a checkpoint of a pretraining run tells of the run: JSON, so that reading it runs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from mmengine.config import Config

from lvmmed_backbones.files.outside import Refused, refusing
from lvmmed_backbones.pretrain.terms import BATCH, EPOCHS, PROCESSES, SCHEDULE

KEY = "origin"  # in the checkpoint's meta
OLDER = "Use it with the version that wrote it, or begin anew"

Count = Annotated[int, msgspec.Meta(ge=0)]


class Progress(msgspec.Struct):
    """How far a run has come.

    Attributes
    ----------
    steps : Count
        Done, each of as many images as its batch then had.
    epoch : Count
        The one that it is in, from 0; at its end, still this one.
    images : Count
        Of this epoch, that all processes have trained on.
    images_seen : Count
        Of all epochs.
    """

    steps: Count
    epoch: Count
    images: Count
    images_seen: Count


class Origin(msgspec.Struct):
    """How a backbone came to be.

    Attributes
    ----------
    method : str
        Registered name of the pretraining method.
    backbone : dict
        Registered type and arguments of the backbone.
    mean, std : list of float or None
        Of the run's preprocessor, in 0 to 255; None: images were not normalised.
    red_first : bool
        Whether it turned images to red, green, blue.
    seed, git_revision : int or None
        Of the run.
    training : str
        The whole config, as a text for people.
    terms : dict
        What decides how the run goes on, by option: see `terms_of`.
    progress : Progress
        How far it has come.
    """

    method: str
    backbone: dict[str, Any]
    mean: list[float] | None
    std: list[float] | None
    red_first: bool
    seed: int | None
    git_revision: str | None
    training: str
    terms: dict[str, Any]
    progress: Progress


def origin_of(config: Config, terms: Mapping[str, Any], progress: Progress) -> str:
    """The origin that a checkpoint of a run with this config carries."""
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
        seed=config.randomness.seed,
        git_revision=config.get("git_revision"),
        training=config.pretty_text,
        terms=dict(terms),
        progress=progress,
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

    Raises
    ------
    Refused
        If it has none, or a spoilt one; if it was written by a version that did not count images, or by one that told
        of no origin.
    """
    text = meta.get(KEY) if isinstance(meta, dict) else None
    if not isinstance(text, str):
        raise Refused(file, f"has no {KEY}: it is not a checkpoint of a pretraining run", OLDER)
    with refusing(file, OLDER, f"has a spoilt {KEY}"):
        content = msgspec.json.decode(text)
        if isinstance(content, dict) and "batch_size" in content and "progress" not in content:
            revision = content.get("git_revision")
            raise Refused(
                file,
                f"was written by an older version (revision {revision}), which did not count images",
                OLDER,
            )
        origin = msgspec.convert(content, Origin)
        sound = all(type(origin.terms[name]) is int for name in (EPOCHS, BATCH, PROCESSES))
        for part in origin.terms[SCHEDULE]:
            ends = [part.get("begin"), part.get("end")]
            sound &= all(isinstance(end, (int, float, type(None))) for end in ends)
        if not sound:
            raise ValueError("its terms are not as a run writes them")
    return origin
