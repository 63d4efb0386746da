"""The origin of a checkpoint: facts of its pretraining run, as JSON, which runs no code when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from mmengine.config import Config

from lvmmed_backbones.files.outside import Refused, refusing
from lvmmed_backbones.pretrain.terms import BATCH, EPOCHS, PROCESSES, SCHEDULE

KEY = "origin"  # key in the checkpoint's meta
OLDER = "Use it with the version that wrote it, or begin anew"

Count = Annotated[int, msgspec.Meta(ge=0)]


class Progress(msgspec.Struct):
    """How far a run has come.

    Attributes
    ----------
    steps : int
        Steps done, of any batch.
    epoch : int
        The current epoch, from 0; at its end still this one.
    images : int
        Images of this epoch that all processes together have trained on.
    images_seen : int
        The same for all epochs.
    """

    steps: Count
    epoch: Count
    images: Count
    images_seen: Count


class Origin(msgspec.Struct):
    """The pretraining run of a checkpoint.

    Attributes
    ----------
    method : str
        Registered name of the pretraining method.
    backbone : dict
        Registered type and arguments of the backbone.
    mean, std : list of float or None
        Normalisation of the run's preprocessor, for 0 to 255; None: it did not normalise images.
    red_first : bool
        Whether the preprocessor turned images to red, green, blue.
    seed : int or None
        Seed of the run.
    git_revision : str or None
        Revision of the code.
    training : str
        The whole config, as text for people.
    terms : dict
        All options that decide how the run goes on: see `terms_of`.
    progress : Progress
        How far the run has come.
    started_from : str or None
        What the run began with: a backbone of the catalogue, or another name; None: random weights.
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
    started_from: str | None = None


def origin_of(config: Config, terms: Mapping[str, Any], progress: Progress) -> str:
    """Return the origin for a checkpoint of a run with this config."""
    preprocessor = config.model.get("data_preprocessor") or config.get("data_preprocessor") or {}
    origin = Origin(
        method=config.model.type,
        backbone={
            key: value
            for key, value in config.model.backbone.to_dict().items()
            if key not in ("output", "weights")
        },
        mean=_three_numbers(preprocessor.get("mean")),
        std=_three_numbers(preprocessor.get("std")),
        red_first=bool(preprocessor.get("to_rgb") or preprocessor.get("bgr_to_rgb")),
        seed=config.randomness.seed,
        git_revision=config.get("git_revision"),
        training=config.pretty_text,
        terms=dict(terms),
        progress=progress,
        started_from=config.get("started_from"),
    )
    return msgspec.json.encode(origin).decode()


def _three_numbers(values: Any) -> list[float] | None:
    """Return a value as three numbers, if it is one for all channels; None stays."""
    if values is None:
        return None
    channels = list(values) if isinstance(values, (list, tuple)) else [values]
    return [float(value) for value in (channels * 3 if len(channels) == 1 else channels)]


def read_origin(meta: Any, file: Path) -> Origin:
    """Read the origin in the meta of a checkpoint.

    Raises
    ------
    Refused
        If there is no origin, if it is spoilt, or if an older version wrote the checkpoint, without a count of images.
    """
    text = meta.get(KEY) if isinstance(meta, dict) else None
    if not isinstance(text, str):
        raise Refused(file, f"has no {KEY}: it is not a checkpoint of a pretraining run", OLDER)
    with refusing(file, OLDER, f"has a spoilt {KEY}"):
        content = msgspec.json.decode(text)
        if isinstance(content, dict) and "batch_size" in content and "progress" not in content:
            version = f"an older version (revision {content.get('git_revision')})"
            raise Refused(file, f"was written by {version}, which did not count images", OLDER)
        origin = msgspec.convert(content, Origin)
        ends = [part.get(end) for part in origin.terms[SCHEDULE] for end in ("begin", "end")]
        if not all(
            type(origin.terms[name]) is int for name in (EPOCHS, BATCH, PROCESSES)
        ) or not all(isinstance(end, (int, float, type(None))) for end in ends):
            raise ValueError("its terms are not as a run writes them")
    return origin
