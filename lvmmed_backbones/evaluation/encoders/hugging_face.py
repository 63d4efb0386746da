"""Encoders of a model hub, by repository: timm's, transformers' and OpenCLIP's layouts.

Nothing of a repository runs: it holds data, and the code comes from the installed libraries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lvmmed_backbones import models
from lvmmed_backbones.catalogue.architectures import architecture_name, checked_config
from lvmmed_backbones.evaluation.encoders.encoder import (
    SIDE,
    Encoder,
    Resize,
    Transform,
    checksum,
    frozen,
)
from lvmmed_backbones.evaluation.encoders.timm_tags import pretraining_of_tag
from lvmmed_backbones.files.outside import Refused, read_json, refusing
from lvmmed_backbones.importing import needing
from lvmmed_backbones.records import Pretraining
from lvmmed_backbones.weights import hub
from lvmmed_backbones.weights.checksums import file_sha256
from lvmmed_backbones.weights.loading import load_strictly
from lvmmed_backbones.weights.networks import first_few
from lvmmed_backbones.weights.reading import read

OPEN_CLIP = "open_clip_config.json"
UNREADABLE = "Choose another revision, or another repository"


def of_repository(name: str, asked: str, transform: Transform | None, size: int | None) -> Encoder:
    """A backbone by ORG/REPO or ORG/REPO@REVISION.

    Raises
    ------
    ValueError
        If there is no such repository or revision, or it holds no backbone that we know.
    ConnectionError
        If a file is neither on this machine nor to be fetched.
    ModuleNotFoundError
        If it needs transformers, which is not installed.
    """
    repository, _, revision = asked.partition("@")
    path = _config_file(name, repository, revision or None)
    commit = hub.commit_of(path)  # of all other files, too
    config = read_json(path, UNREADABLE)
    with refusing(path, UNREADABLE, "is no config of a backbone"):
        described = _open_clip(config, path) if path.name == OPEN_CLIP else _timm(config, path)
        is_of_transformers = described is None and isinstance(config["model_type"], str)
    if is_of_transformers:
        return _of_transformers(name, repository, commit, path, transform, size)
    assert described is not None
    file = _first_file(repository, commit, described.files)
    side = size or described.side
    module = models.from_config({**described.config, "img_size": side, "output": "vector"})
    load_strictly(module, str(file))
    return Encoder(
        name=name,
        module=frozen(module),
        transform=transform or Resize(side, described.mean, described.std),
        architecture=architecture_name(described.config),
        method=described.method,
        weights=checksum(module),
        weights_sha256=file_sha256(file),
        pretraining=_declared(repository, described),
        revision=commit,
    )


@dataclass(frozen=True)
class _Described:
    """A model of timm, as a repository's config describes it; mean and std of RGB, 0 to 255."""

    config: dict[str, Any]
    files: tuple[str, ...]
    side: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    method: str


def _declared(repository: str, described: _Described) -> Pretraining | None:
    """What timm's own weights tell by their tag. Others' keep the tag of the weights that they were made from."""
    if not repository.startswith("timm/"):
        return None
    return pretraining_of_tag(described.config["model_name"], described.method)


def _config_file(name: str, repository: str, revision: str | None) -> Path:
    """The file that describes the backbone. A repository that has both is transformers' or timm's first."""
    try:
        return hub.fetch(repository, "config.json", revision)
    except FileNotFoundError:
        pass
    except ConnectionError:
        if hub.cached(repository, OPEN_CLIP, revision) is None:
            raise
    try:
        return hub.fetch(repository, OPEN_CLIP, revision)
    except FileNotFoundError:
        raise ValueError(
            f"{name}: the repository has no config.json, as those of timm and transformers, and no {OPEN_CLIP}"
        ) from None


def _first_file(repository: str, commit: str, files: tuple[str, ...]) -> Path:
    """The first of these files that the repository has."""
    for file in files[:-1]:
        if (path := hub.cached(repository, file, commit)) is not None:
            return path
    for file in files[:-1]:
        try:
            return hub.fetch(repository, file, commit)
        except FileNotFoundError:
            continue
        except ConnectionError:
            if hub.cached(repository, files[-1], commit) is None:
                raise
    return hub.fetch(repository, files[-1], commit)


def _timm(config: Mapping[str, Any], path: Path) -> _Described | None:
    """A repository in timm's layout; None for another."""
    if "architecture" not in config:
        return None
    own = config.get("pretrained_cfg", config)  # older files have these at the top
    arguments = {**(config.get("model_args") or {}), "type": "Backbone"}
    for decided in ("img_size", "num_classes"):
        arguments.pop(decided, None)
    return _Described(
        config=checked_config({**arguments, "model_name": config["architecture"]}, path),
        files=("model.safetensors", "pytorch_model.bin"),
        side=int(own["input_size"][-1]),
        mean=_scaled(own["mean"]),
        std=_scaled(own["std"]),
        method=str(own.get("tag") or "unknown"),
    )


def _open_clip(config: Mapping[str, Any], path: Path) -> _Described:
    """OpenCLIP's layout: the trunk of the image encoder, before the projection to the space shared with texts."""
    vision, images = config["model_cfg"]["vision_cfg"], config["preprocess_cfg"]
    if "timm_model_name" not in vision:
        raise Refused(
            path,
            "describes a transformer of OpenCLIP's own",
            "Take the same weights in timm's or transformers' layout",
        )
    return _Described(
        config=checked_config({"type": "Backbone", "model_name": vision["timm_model_name"]}, path),
        files=("open_clip_model.safetensors", "open_clip_pytorch_model.bin"),
        side=int(vision.get("image_size", SIDE)),
        mean=_scaled(images["mean"]),
        std=_scaled(images["std"]),
        method="CLIP",
    )


def _scaled(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(255 * float(value) for value in values)


def _of_transformers(
    name: str,
    repository: str,
    commit: str,
    path: Path,
    transform: Transform | None,
    size: int | None,
) -> Encoder:
    with needing("hub"):
        import transformers
    file = _first_file(repository, commit, ("model.safetensors", "pytorch_model.bin"))
    with refusing(path, UNREADABLE, "is no config that transformers knows"):
        config = transformers.AutoConfig.from_pretrained(path.parent, trust_remote_code=False)
    config = getattr(config, "vision_config", config)  # of a model of images and texts
    if type(config) not in transformers.MODEL_MAPPING:
        raise Refused(path, f"is of {type(config).__name__}, which has no plain model", UNREADABLE)
    transformers.logging.set_verbosity_error()  # it lists the tensors of the text encoder
    module, found = transformers.MODEL_MAPPING[type(config)].from_pretrained(
        None,
        config=config,
        state_dict=dict(read(file)),
        dtype=torch.float32,
        output_loading_info=True,
    )
    missing = sorted(found["missing_keys"])
    if any(key.split(".")[0] != "pooler" for key in missing) or found["mismatched_keys"]:
        wrong = missing or [key for key, *_ in found["mismatched_keys"]]
        raise Refused(file, f"does not fill {len(wrong)} tensors: {first_few(wrong)}", UNREADABLE)
    if missing:  # its values would be random
        module.pooler = None
    if transform is None:
        transform = _resize(name, repository, commit, config, size)
    return Encoder(
        name=name,
        module=frozen(module),
        transform=transform,
        architecture=type(module).__name__,
        weights=checksum(module),
        weights_sha256=file_sha256(file),
        revision=commit,
    )


def _resize(name: str, repository: str, commit: str, config: Any, size: int | None) -> Resize:
    """The transform that a repository's image processor describes: its normalisation, and its size."""
    try:
        file = hub.fetch(repository, "preprocessor_config.json", commit)
    except FileNotFoundError:
        raise ValueError(
            f"{name}: nothing tells how to normalise its images: the repository has no preprocessor_config.json. "
            "Give transform=..., such as lvmmed_backbones.evaluation.Resize(224)"
        ) from None
    images = read_json(file, UNREADABLE)
    with refusing(file, UNREADABLE, "is no config of an image processor"):
        factor = images.get("rescale_factor", 1 / 255) if images.get("do_rescale", True) else 1.0
        plain = not images.get("do_normalize", True)
        mean = [0.0] * 3 if plain else images["image_mean"]
        std = [1.0] * 3 if plain else images["image_std"]
        offset = 1.0 if images.get("rescale_offset") else 0.0
        sides = images.get("crop_size") or images.get("size") or {}
        own = sides.get("height") if isinstance(sides, Mapping) else sides
        return Resize(
            size or int(own or getattr(config, "image_size", None) or SIDE),
            tuple((float(value) + offset) / factor for value in mean),
            tuple(float(value) / factor for value in std),
        )
