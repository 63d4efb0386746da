"""Layouts: the names that other projects give to the parameters of our architectures, without any prefix."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import torch
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
    """Rename EfficientNet-PyTorch's lite networks to timm's names."""
    result = {}
    for name, value in _in_stages(tensors, "_blocks", "_project_conv").items():
        name = re.sub(r"^_(conv_stem|conv_head)", r"\1", name)
        name = re.sub(r"^_bn0\.", "bn1.", name)
        result[re.sub(r"^_bn1\.", "bn2.", name)] = value
    return result


def _align(tensors: Tensors) -> dict[str, Tensor]:
    """Rename the EfficientNet of ALIGN in transformers to the names of `models.align`."""
    result = {}
    for name, value in _in_stages(tensors, "encoder.blocks", "projection.project_conv").items():
        name = re.sub(r"^embeddings\.convolution\.", "conv_stem.", name)
        result[re.sub(r"^embeddings\.batchnorm\.", "bn1.", name)] = value
    return result


def _in_stages(tensors: Tensors, blocks: str, last: str) -> dict[str, Tensor]:
    """Rename the blocks of an EfficientNet, which are numbered from one end to the other, to timm's names.

    timm numbers them in each stage. A stage begins where the width of the blocks changes, as in every EfficientNet.

    Parameters
    ----------
    blocks : str
        The name before a block's number.
    last : str
        The convolution that ends a block.
    """
    block_name = re.compile(rf"{re.escape(blocks)}\.(\d{{1,4}})\.(.+)\.([^.]+)")
    parts = {name: match for name in tensors if (match := block_name.fullmatch(name))}
    widths = {
        int(match[1]): tensors[name].shape[0]
        for name, match in parts.items()
        if (match[2], match[3]) == (last, "weight") and tensors[name].ndim
    }
    numbers, stage, block = {}, -1, 0
    for index in sorted(widths):
        begins_stage = widths[index] != widths.get(index - 1)
        stage, block = (stage + 1, 0) if begins_stage else (stage, block + 1)
        numbers[index] = (stage, block)
    expanding = {match[1] for match in parts.values() if match[2] in EXPANDING}
    result = dict(tensors)
    for name, match in parts.items():
        if int(match[1]) in numbers:
            layers = INVERTED_RESIDUAL if match[1] in expanding else DEPTHWISE_SEPARABLE
            stage, block = numbers[int(match[1])]
            layer = layers.get(match[2], match[2])
            result[f"blocks.{stage}.{block}.{layer}.{match[3]}"] = result.pop(name)
    return result


# The layers of a block in EfficientNet-PyTorch and in transformers' ALIGN, and in timm.
DEPTHWISE_SEPARABLE = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
    "depthwise_conv.depthwise_conv": "conv_dw",
    "depthwise_conv.depthwise_norm": "bn1",
    "squeeze_excite.reduce": "se.conv_reduce",
    "squeeze_excite.expand": "se.conv_expand",
    "projection.project_conv": "conv_pw",
    "projection.project_bn": "bn2",
}
INVERTED_RESIDUAL = DEPTHWISE_SEPARABLE | {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
    "expansion.expand_conv": "conv_pw",
    "expansion.expand_bn": "bn1",
    "depthwise_conv.depthwise_norm": "bn2",
    "projection.project_conv": "conv_pwl",
    "projection.project_bn": "bn3",
}
EXPANDING = ("_expand_conv", "expansion.expand_conv")


def _transformers(tensors: Tensors) -> dict[str, Tensor]:
    """Rename a vision transformer of transformers (CLIP, FLAVA, DINOv2, ViT) to timm's names.

    Queries, keys and values are three layers there, and one in timm.
    """
    result = {}
    for name, value in tensors.items():
        for pattern, replacement in TRANSFORMERS:
            name = re.sub(pattern, replacement, name)
        if name == "cls_token":
            value = value.reshape(1, 1, -1)  # CLIP has it as (C,)
        elif name == "pos_embed" and value.ndim == 2:  # and positions as (1 + N, C)
            value = value.unsqueeze(0)
        result[name] = value
    for name in [name for name in result if ".attn.q." in name]:
        three = [name.replace(".attn.q.", f".attn.{part}.") for part in "qkv"]
        if all(part in result for part in three):
            fused = torch.cat([result.pop(part) for part in three])
            result[name.replace(".attn.q.", ".attn.qkv.")] = fused
    for name in ("embeddings.mask_token", "embeddings.position_ids"):
        result.pop(name, None)
    return result


TRANSFORMERS = (
    (r"^embeddings\.(cls_token|class_embedding)$", "cls_token"),
    (r"^embeddings\.(position_embeddings|position_embedding\.weight)$", "pos_embed"),
    (r"^embeddings\.(patch_embeddings\.projection|patch_embedding)\.", "patch_embed.proj."),
    (r"^pre_layrnorm\.", "norm_pre."),
    (r"^(post_layernorm|layernorm)\.", "norm."),
    (r"^encoder\.layers?\.(\d+)\.", r"blocks.\1."),
    (r"(?<=\d\.)(layer_norm1|layernorm_before)\.", "norm1."),
    (r"(?<=\d\.)(layer_norm2|layernorm_after)\.", "norm2."),
    (r"(?<=\d\.)attention\.attention\.([qkv])(uery|ey|alue)\.", r"attn.\1."),
    (r"(?<=\d\.)self_attn\.([qkv])_proj\.", r"attn.\1."),
    (r"(?<=\d\.)(attention\.output\.dense|self_attn\.out_proj)\.", "attn.proj."),
    (r"(?<=\d\.)intermediate\.dense\.", "mlp.fc1."),
    (r"(?<=\d\.)output\.dense\.", "mlp.fc2."),
    (r"(?<=\d\.)layer_scale([12])\.lambda1$", r"ls\1.gamma"),
)

LAYOUTS: dict[str, Callable[[Tensors], dict[str, Tensor]]] = dict(
    own=_own,
    openmmlab=_openmmlab,
    torchvision_sequential=_torchvision_sequential,
    efficientnet_pytorch=_efficientnet_pytorch,
    transformers=_transformers,
    align=_align,
)
