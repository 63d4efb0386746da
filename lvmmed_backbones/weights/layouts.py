"""Layouts: the names that other projects give to the parameters of our architectures, without any prefix."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from torch import Tensor

Tensors = Mapping[str, Tensor]


def converted(tensors: Tensors, layout: str) -> dict[str, Tensor]:
    """Rename a checkpoint's tensors to the architecture's own names.

    Own names are torchvision's for a ResNet, segment_anything's for SAM's transformer, timm's for every other model.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        The tensors by the checkpoint's names, without a prefix.
    layout : str
        A key of `LAYOUTS`.

    Raises
    ------
    ValueError
        If there is no such layout. The message names the known ones.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"no layout {layout!r}: choose from {', '.join(sorted(LAYOUTS))}")
    return LAYOUTS[layout](tensors)


def _own(tensors: Tensors) -> dict[str, Tensor]:
    """Keep the names, which are the architecture's own."""
    return dict(tensors)


def _openmmlab(tensors: Tensors) -> dict[str, Tensor]:
    """Rename mmpretrain's SAM transformer and its wrapper of timm's models; its ResNets have torchvision's names."""
    if any(name.startswith("timm_model.") for name in tensors):
        return {n.removeprefix("timm_model."): value for n, value in tensors.items()}
    return {_segment_anything_name(name): value for name, value in tensors.items()}


def _segment_anything_name(name: str) -> str:
    """Return segment_anything's name for a name of mmpretrain's ViTSAM."""
    for pattern, replacement in (
        (r"^patch_embed\.projection\.", "patch_embed.proj."),
        (r"^layers\.", "blocks."),
        (r"\.ln(\d)\.", r".norm\1."),
        (r"\.ffn\.layers\.0\.0\.", ".mlp.lin1."),
        (r"\.ffn\.layers\.1\.", ".mlp.lin2."),
    ):
        name = re.sub(pattern, replacement, name)
    return name


def _torchvision_sequential(tensors: Tensors) -> dict[str, Tensor]:
    """Rename a torchvision ResNet whose parts were put into one nn.Sequential, as lightly and RadImageNet do."""
    parts = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
    result = {}
    for name, value in tensors.items():
        first, dot, rest = name.partition(".")
        result[parts.get(first, first) + dot + rest] = value
    return result


def _efficientnet_pytorch(tensors: Tensors) -> dict[str, Tensor]:
    """Rename EfficientNet-PyTorch's lite networks to timm's names.

    Both hold the same layers in the same order. EfficientNet-PyTorch numbers the blocks from one end to the other, timm
    numbers them in each stage. A stage begins where the width of the blocks changes, as in every EfficientNet.
    """
    widths: dict[int, int] = {}
    for name, value in tensors.items():
        if (match := re.match(r"_blocks\.(\d{1,4})\._project_conv\.weight", name)) and value.ndim:
            widths[int(match[1])] = value.shape[0]
    numbers, stage, block = {}, -1, 0
    for index in sorted(widths):
        begins_stage = widths[index] != widths.get(index - 1)
        stage, block = (stage + 1, 0) if begins_stage else (stage, block + 1)
        numbers[index] = (stage, block)
    result = {}
    for name, value in tensors.items():
        match = re.match(r"_blocks\.(\d{1,4})\.([^.]+)(.*)", name)
        if match and int(match[1]) in numbers:
            expands = f"_blocks.{match[1]}._expand_conv.weight" in tensors
            layers = INVERTED_RESIDUAL if expands else DEPTHWISE_SEPARABLE
            stage, block = numbers[int(match[1])]
            name = f"blocks.{stage}.{block}.{layers.get(match[2], match[2])}{match[3]}"
        else:
            name = re.sub(r"^_(conv_stem|conv_head)", r"\1", name)
            name = re.sub(r"^_bn0\.", "bn1.", name)
            name = re.sub(r"^_bn1\.", "bn2.", name)
        result[name] = value
    return result


# The layers of a block in EfficientNet-PyTorch and in timm.
DEPTHWISE_SEPARABLE = dict(
    _depthwise_conv="conv_dw", _bn1="bn1", _project_conv="conv_pw", _bn2="bn2"
)
INVERTED_RESIDUAL = dict(
    _expand_conv="conv_pw",
    _bn0="bn1",
    _depthwise_conv="conv_dw",
    _bn1="bn2",
    _project_conv="conv_pwl",
    _bn2="bn3",
)

LAYOUTS: dict[str, Callable[[Tensors], dict[str, Tensor]]] = dict(
    own=_own,
    openmmlab=_openmmlab,
    torchvision_sequential=_torchvision_sequential,
    efficientnet_pytorch=_efficientnet_pytorch,
)
