"""The architectures that a file may ask for: ours and those that this process registered, with plain arguments."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.catalogue.older import translated_config
from lvmmed_backbones.files.outside import Refused, refusing
from lvmmed_backbones.models import CLASSES, Backbone, class_named, sam
from lvmmed_backbones.models.timm_models import FETCHING

# Arguments by which a constructor fetches, reads or imports something.
FORBIDDEN = FETCHING | {"custom_imports", "plugins", "weights"}
LARGEST = 16_384  # limit of a width, a number of layers, a size in pixels
SIDE = 224  # pixels; some of timm's models need the size that they were made for, which is at most this one
DEEPEST = 5  # limit of arguments within arguments
REMEDY = "Make the file again: `python -m lvmmed_backbones export` or `add`"


def checked_config(config: Any, file: Path) -> dict[str, Any]:
    """Return the config of a backbone out of a file, in today's terms: data that chooses a registered architecture.

    Raises
    ------
    Refused
        If it names no architecture, or has arguments that are no plain values, that lead to a file or a network, or
        that are larger than any architecture's.
    """
    if not isinstance(config, dict) or not isinstance(config.get("type"), str):
        raise Refused(file, "has a config without a type", REMEDY)
    for key, value in config.items():
        _check_argument(key, value, file)
    with refusing(file, REMEDY, "is of an older version"):
        config = translated_config(config)
    kind = config["type"]
    if kind not in CLASSES:
        remedy = f"Choose from {', '.join(CLASSES)}, or register it before"
        raise Refused(file, f"wants to build a {kind!r}", remedy)
    name = str(config.get("model_name", ""))
    if name and not name.replace(".", "_").isidentifier():  # a scheme such as hf-hub: is a request
        raise Refused(file, f"wants timm's model {name!r}", "Name one of timm.list_models()")
    return config


def _check_argument(key: Any, value: Any, file: Path, depth: int = 0) -> None:
    """Raise Refused for an argument of a backbone that is no plain value, or that no file may give."""
    where = f"has the argument {key!r}"
    if not isinstance(key, str) or not key.isidentifier() or key in FORBIDDEN:
        raise Refused(file, f"{where}, which no file may give", REMEDY)
    if depth > DEEPEST:
        raise Refused(file, f"{where}, nested more than {DEEPEST} deep", REMEDY)
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else ((key, v) for v in value)
        for inner_key, inner in items:
            _check_argument(inner_key, inner, file, depth + 1)
    elif isinstance(value, str):
        if key == "type" and not value.isidentifier():
            raise Refused(file, f"wants to build a {value!r}", REMEDY)
        if not value.isprintable() or len(value) > 200:
            raise Refused(file, f"{where} of {value!r}, which is no name", REMEDY)
    elif not isinstance(value, (bool, int, float, type(None))):
        raise Refused(file, f"{where} of {value!r}, which is no plain value", REMEDY)
    elif isinstance(value, (int, float)) and not abs(value) <= LARGEST:
        raise Refused(file, f"{where} of {value}, which no architecture has", REMEDY)


def config_by_name(name: str) -> dict[str, Any]:
    """Return the config of an architecture by its name: resnet50, sam_vit_b, lvmmed_vit_b, timm:NAME.

    Raises
    ------
    ValueError
        If there is no such architecture. The message names the known ones.
    """
    if name.startswith("timm:"):
        return dict(type="Backbone", model_name=name.removeprefix("timm:"))
    if name not in NAMED:
        raise ValueError(
            f"no architecture {name!r}: choose from {', '.join(NAMED)}, or timm:NAME with a name of timm.list_models()"
        )
    return dict(NAMED[name])


RESNETS = [f"resnet{depth}" for depth in (18, 34, 50, 101, 152)]
# Plain transformers as DINO, MAE and others trained them, without labels. timm's own weights of the same models are
# supervised, and for images that are normalised in another way.
PLAIN = {
    f"vit_{size}_patch{patch}": f"vit_{size}_patch{patch}_224"
    for size, patch in (("small", 16), ("small", 8), ("base", 16), ("base", 8), ("large", 16))
}
OTHERS = {
    **{f"dinov2_vit_{size}": f"vit_{size}_patch14_dinov2" for size in ("small", "base", "large")},
    "clip_vit_base": "vit_base_patch16_clip_quickgelu_224",
    "align": "align_efficientnet_b7",
}
NAMED: dict[str, Mapping[str, Any]] = {
    **{name: dict(type="Backbone", model_name=name) for name in RESNETS},
    **{
        f"{family}_vit_{size}": dict(type="Backbone", model_name=f"sam_vit_{size}", **more)
        for size in "blh"
        for family, more in (("sam", {}), ("lvmmed", dict(use_abs_pos=False)))
    },
    **{name: dict(type="Backbone", model_name=model) for name, model in (PLAIN | OTHERS).items()},
}
# A part of names that every file of an architecture has. To build one takes a second, so that others are not tried.
SIGNS = {
    **{name: "rel_pos_h" for name in NAMED if name.startswith(("sam_", "lvmmed_"))},
    **{name: "patch_embed" for name in (*PLAIN, *OTHERS)},
    "clip_vit_base": "class_embedding",
    "align": "squeeze_excite",
}


def build_on_meta(config: Mapping[str, Any], file: Path) -> Backbone:
    """Build a backbone on the meta device: names and shapes without values.

    Parameters
    ----------
    file : Path
        The file that asks for it, for the message.

    Raises
    ------
    Refused
        If the arguments build no backbone.
    """
    reason = f"asks for {dict(config)}, which cannot be built"
    with refusing(file, REMEDY, reason):
        backbone: Any = CLASSES[config["type"]]  # hashable, as classes are
        return _build_once(backbone, json.dumps(config))


def is_plain_transformer(config: Mapping[str, Any]) -> bool:
    """Whether an architecture is a plain transformer, which has one stride: a ViT, DINOv2, SAM's encoder; no Swin.

    Raises
    ------
    KeyError, ValueError, TypeError
        If the config builds no backbone.
    """
    backbone: Any = CLASSES[config["type"]]
    built = _build_once(backbone, json.dumps({**config, "output": "vector", "img_size": SIDE}))
    return built.is_plain_transformer


def is_sam_encoder(config: Mapping[str, Any]) -> bool:
    """Whether an architecture is the image encoder of Segment Anything, of any size."""
    return config["type"] == "Backbone" and config["model_name"] in sam.default_cfgs


# A search through the architectures takes seconds, and nothing changes a module without values.
@lru_cache(maxsize=64)
def _build_once(backbone: Any, config: str) -> Backbone:
    arguments = json.loads(config)
    with torch.device("meta"):
        module = backbone(**{key: value for key, value in arguments.items() if key != "type"})
    module.display_name = architecture_name(arguments)
    return module


def output_channels(config: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """Return the widths of an architecture: `channels` of its four maps, or None, and `vector_channels`.

    Parameters
    ----------
    file : Path
        The file that asks for it, for the message.

    Raises
    ------
    Refused
        If it cannot be built for a vector.
    """
    widths: dict[str, Any] = dict(channels=None)
    for key, output in (("channels", "maps"), ("vector_channels", "vector")):
        try:
            with refusing(file, REMEDY, f"asks for {config}, which cannot be built"):
                model = build_on_meta({**config, "img_size": SIDE, "output": output}, file).eval()
                with torch.no_grad():
                    features = model(torch.zeros(1, 3, SIDE, SIDE, device="meta"))
                widths[key] = [feature.shape[1] for feature in features]
        except Refused:
            if output == "vector":
                raise
    return widths | dict(vector_channels=math.prod(widths["vector_channels"]))


def check_widths(name: str, entry: Entry) -> None:
    """Check the widths that an entry declares against those of its architecture, where it can be built for 224 px.

    Parameters
    ----------
    name : str
        Of the backbone.

    Raises
    ------
    ValueError
        Naming the backbone and both widths; if its class is not registered.
    """
    class_named(entry.config["type"])
    with suppress(Refused):
        found = output_channels(entry.config, Path(name))
        for fact, width in found.items():
            declared = getattr(entry, fact)
            declared = list(declared) if isinstance(declared, tuple) else declared
            if None not in (declared, width) and declared != width:
                raise ValueError(
                    f"backbone {name}: its entry says {fact}={declared}, its architecture has {width}. Mend the entry"
                )


def architecture_name(config: Mapping[str, Any]) -> str:
    """Return the name of an architecture, such as ResNet-50; for a user's own class, the name of the class."""
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
