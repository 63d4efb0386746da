"""Which architecture a file may ask for: one that we ship, or that this process registered; plain arguments only."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from lvmmed_backbones.catalogue.older import translated
from lvmmed_backbones.files.outside import Refused, refusing
from lvmmed_backbones.models import CLASSES, Backbone

# Arguments by which a constructor fetches or reads something, or imports it.
FORBIDDEN = {
    "cache_dir",
    "checkpoint_path",
    "custom_imports",
    "init_cfg",
    "plugins",
    "pretrained",
    "pretrained_cfg",
    "pretrained_cfg_overlay",
    "weights",
}
LARGEST = 16_384  # a width, a number of layers, a size in pixels
SIDE = 224  # pixels: timm's models may need the size that they were made for, which is this one or less
DEEPEST = 5  # of arguments within arguments
REMEDY = "Make the file again: `python -m lvmmed_backbones export` or `add`"


def checked(config: Any, file: Path) -> dict[str, Any]:
    """The config of a backbone out of a file, as data that chooses among registered architectures, in today's words.

    Raises
    ------
    Refused
        If it names none, or has arguments that are no plain values, lead to a file or a network, or are larger than any
        architecture's.
    """
    if not isinstance(config, dict) or not isinstance(config.get("type"), str):
        raise Refused(file, "has a config without a type", REMEDY)
    for key, value in config.items():
        check_argument(key, value, file)
    with refusing(file, REMEDY, "is of an older version"):
        config = translated(config)
    kind = config["type"]
    if kind not in CLASSES:
        known = ", ".join(CLASSES)
        raise Refused(
            file, f"wants to build a {kind!r}", f"Choose from {known}, or register it before"
        )
    name = str(config.get("model_name", ""))
    if name and not name.replace(".", "_").isidentifier():  # a scheme such as hf-hub: is a request
        raise Refused(file, f"wants timm's model {name!r}", "Name one of timm.list_models()")
    return config


def check_argument(key: Any, value: Any, file: Path, depth: int = 0) -> None:
    """Raises Refused for an argument of a backbone that is no plain value, or is none that a file may give."""
    where = f"has the argument {key!r}"
    if not isinstance(key, str) or not key.isidentifier() or key in FORBIDDEN:
        raise Refused(file, f"{where}, which no file may give", REMEDY)
    if depth > DEEPEST:
        raise Refused(file, f"{where}, nested more than {DEEPEST} deep", REMEDY)
    if isinstance(value, dict):
        for inner, held in value.items():
            check_argument(inner, held, file, depth + 1)
    elif isinstance(value, list):
        for held in value[: LARGEST + 1]:
            check_argument(key, held, file, depth + 1)
    elif isinstance(value, str):
        if key == "type" and not value.isidentifier():
            raise Refused(file, f"wants to build a {value!r}", REMEDY)
        if not value.isprintable() or len(value) > 200:
            raise Refused(file, f"{where} of {value!r}, which is no name", REMEDY)
    elif not isinstance(value, (bool, int, float, type(None))):
        raise Refused(file, f"{where} of {value!r}, which is no plain value", REMEDY)
    elif isinstance(value, (int, float)) and not abs(value) <= LARGEST:
        raise Refused(file, f"{where} of {value}, which no architecture has", REMEDY)


def named(name: str) -> dict[str, Any]:
    """The config of an architecture by its name: resnet50, sam_vit_b, lvmmed_vit_b, timm:NAME.

    Raises
    ------
    ValueError
        If there is none called so, naming those that there are.
    """
    if name.startswith("timm:"):
        return dict(type="Backbone", model_name=name.removeprefix("timm:"))
    if name not in NAMED:
        raise ValueError(
            f"no architecture {name!r}: choose from {', '.join(NAMED)}, or timm:NAME with a name of timm.list_models()"
        )
    return dict(NAMED[name])


RESNETS = [f"resnet{depth}" for depth in (18, 34, 50, 101, 152)]
NAMED: dict[str, Mapping[str, Any]] = {
    **{name: dict(type="Backbone", model_name=name) for name in RESNETS},
    **{
        f"{family}_vit_{size}": dict(type="Backbone", model_name=f"sam_vit_{size}", **more)
        for size in "blh"
        for family, more in (("sam", {}), ("lvmmed", dict(use_abs_pos=False)))
    },
}


def on_meta(config: Mapping[str, Any], file: Path) -> Backbone:
    """A backbone without values, for its names and shapes.

    Parameters
    ----------
    file : Path
        That asks for it, for the message.

    Raises
    ------
    Refused
        If its arguments build none.
    """
    reason = f"asks for {dict(config)}, which cannot be built"
    with refusing(file, REMEDY, reason):
        backbone: Any = CLASSES[config["type"]]  # hashable, as classes are
        return _on_meta(backbone, json.dumps(config))


@lru_cache(
    maxsize=64
)  # a search through the architectures takes seconds, and nothing changes a module without values
def _on_meta(backbone: Any, config: str) -> Backbone:
    arguments = json.loads(config)
    with torch.device("meta"):
        module = backbone(**{key: value for key, value in arguments.items() if key != "type"})
    module.said = architecture(arguments)  # in messages
    return module


def outline(config: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """What the catalogue tells of an architecture: `channels` of its four maps, or None, and `vector_channels`.

    Parameters
    ----------
    file : Path
        That asks for it, for the message.

    Raises
    ------
    Refused
        If it cannot be built, neither for maps nor for a vector.
    """
    found: dict[str, Any] = dict(channels=None)
    for key, output in (("channels", "maps"), ("vector_channels", "vector")):
        try:
            with refusing(file, REMEDY, f"asks for {config}, which cannot be built"):
                model = on_meta({**config, "img_size": SIDE, "output": output}, file).eval()
                with torch.no_grad():
                    features = model(torch.zeros(1, 3, SIDE, SIDE, device="meta"))
                found[key] = [part.shape[1] for part in features]
        except Refused:
            if output == "vector":
                raise
    return found | dict(vector_channels=math.prod(found["vector_channels"]))


def architecture(config: Mapping[str, Any]) -> str:
    """In the field's words, such as ResNet-50; a user's own class by its name."""
    if config["type"] != "Backbone":
        return config["type"]
    name = config["model_name"]
    if name in RESNETS:
        return f"ResNet-{name.removeprefix('resnet')}"
    if name == "scaled_resnet":
        width = config.get("base_channels", 64) / 64
        return f"ResNet-{config.get('depth', 50)}, width {width:g}"
    if name.startswith("sam_vit_"):
        return "SAM ViT" + ("" if "embed_dim" in config else f"-{name[-1].upper()}/16")
    return name
