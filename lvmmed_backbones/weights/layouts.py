"""Key layouts: how others name the parameters of our architectures."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from torch import Tensor

Tensors = Mapping[str, Tensor]
T = TypeVar("T", bound=Callable)

LAYOUTS: dict[str, Callable[[Tensors], dict[str, Tensor]]] = {}


def convert(tensors: Tensors, layout: str, source: str) -> dict[str, Tensor]:
    """Rename a checkpoint's tensors to our architectures' names.

    Args:
        tensors: by the checkpoint's names.
        layout: a key of `LAYOUTS`.
        source: the file, for the message.

    Raises:
        ValueError: if there is no such layout, naming those that there are.
    """
    if layout not in LAYOUTS:
        raise ValueError(
            f"{source}: no layout {layout!r}: choose from {', '.join(sorted(LAYOUTS))}"
        )
    return LAYOUTS[layout](tensors)


def layout(name: str) -> Callable[[T], T]:
    """Register a function as the converter of a layout."""

    def register(function: T) -> T:
        LAYOUTS[name] = function
        return function

    return register


def renamed(tensors: Tensors, rules: list[tuple[str, str]]) -> dict[str, Tensor]:
    """Apply regular expressions, in order, to every name."""
    result = {}
    for name, value in tensors.items():
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        result[name] = value
    return result


@layout("native")
def native(tensors: Tensors) -> dict[str, Tensor]:
    """Our own names, perhaps below `backbone.` as OpenMMLab's models save them."""
    inner = {
        n.removeprefix("backbone."): v for n, v in tensors.items() if n.startswith("backbone.")
    }
    return inner or dict(tensors)


@layout("torchvision")
def torchvision(tensors: Tensors) -> dict[str, Tensor]:
    """ResNets of torchvision; mmpretrain's have the same names. Training code may put `module.` before them."""
    names = renamed(
        tensors, [(r"^module\.", ""), (r"^_feature_blocks\.", ""), (r"^backbone\.", "")]
    )
    return {name: value for name, value in names.items() if not name.startswith("fc.")}


@layout("segment_anything")
def segment_anything(tensors: Tensors) -> dict[str, Tensor]:
    """SAM's image encoder, with or without the rest of SAM around it, to mmpretrain's ViTSAM, without the neck."""
    inner = {
        n.removeprefix("image_encoder."): v
        for n, v in tensors.items()
        if n.startswith("image_encoder.")
    }
    names = renamed(
        inner or tensors,
        [
            (r"^patch_embed\.proj\.", "patch_embed.projection."),
            (r"^blocks\.", "layers."),
            (r"\.norm(\d)\.", r".ln\1."),
            (r"\.mlp\.lin1\.", ".ffn.layers.0.0."),
            (r"\.mlp\.lin2\.", ".ffn.layers.1."),
        ],
    )
    return {name: value for name, value in names.items() if not name.startswith("neck.")}


@layout("efficientnet_pytorch")
def efficientnet_pytorch(tensors: Tensors) -> dict[str, Tensor]:
    """EfficientNet-PyTorch's lite networks to timm's, below BackboneTIMM's `timm_model.`.

    The two hold the same layers in the same order. EfficientNet-PyTorch numbers the blocks from one end to the other,
    timm stage by stage; a stage begins where the blocks' width changes, as it does in every EfficientNet.
    """
    widths: dict[int, int] = {}
    for name, value in tensors.items():
        if match := re.match(r"_blocks\.(\d+)\._project_conv\.weight", name):
            widths[int(match[1])] = value.shape[0]
    place, stage, block = {}, -1, 0
    for index in sorted(widths):
        new = index == 0 or widths[index] != widths[index - 1]
        stage, block = (stage + 1, 0) if new else (stage, block + 1)
        place[index] = (stage, block)
    result = {}
    for name, value in tensors.items():
        if name.startswith("_fc."):
            continue
        if match := re.match(r"_blocks\.(\d+)\.(.+)", name):
            index = int(match[1])
            expands = f"_blocks.{index}._expand_conv.weight" in tensors
            stage, block = place[index]
            name = f"blocks.{stage}.{block}.{block_part(match[2], expands)}"
        else:
            name = re.sub(r"^_(conv_stem|conv_head)", r"\1", name)
            name = re.sub(r"^_bn0\.", "bn1.", name)
            name = re.sub(r"^_bn1\.", "bn2.", name)
        result[f"timm_model.{name}"] = value
    return result


def block_part(name: str, expands: bool) -> str:
    """Name of a layer of an inverted residual (or, without expansion, a depthwise separable) block in timm."""
    if expands:
        parts = {
            "_expand_conv": "conv_pw",
            "_bn0": "bn1",
            "_depthwise_conv": "conv_dw",
            "_bn1": "bn2",
            "_project_conv": "conv_pwl",
            "_bn2": "bn3",
        }
    else:
        parts = {
            "_depthwise_conv": "conv_dw",
            "_bn1": "bn1",
            "_project_conv": "conv_pw",
            "_bn2": "bn2",
        }
    layer, _, leaf = name.partition(".")
    return f"{parts[layer]}.{leaf}"
