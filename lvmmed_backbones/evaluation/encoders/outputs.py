"""One vector, or maps, for each image, of whatever a module returns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

WANTED = "a backbone must return (B, D), or maps (B, D, h, w)"


def vectors(output: Any, images: int, name: str) -> Tensor:
    """One vector for each image.

    A (B, D) tensor; maps (B, D, h, w), which are averaged; the last of a tuple or list; `x_norm_clstoken` of a
    dictionary, as DINOv2's modules return; `pooler_output` or the first token of `last_hidden_state` of an output of
    transformers.

    Raises
    ------
    ValueError
        Naming what was returned.
    """
    hidden = field(output, "last_hidden_state")
    if isinstance(hidden, Tensor) and hidden.ndim == 3:
        hidden = hidden[:, 0]
    named = (field(output, "x_norm_clstoken"), field(output, "pooler_output"), hidden)
    output = next((choice for choice in named if choice is not None), output)
    if isinstance(output, (tuple, list)) and output:
        return vectors(output[-1], images, name)
    if isinstance(output, Tensor) and output.ndim == 4:
        output = output.mean((2, 3))
    if not isinstance(output, Tensor) or output.ndim != 2 or len(output) != images:
        raise ValueError(f"{name} returned {_described(output)} for {images} images: {WANTED}")
    return output.flatten(1)


def maps(output: Any, images: Tensor, name: str) -> Tensor:
    """The maps (B, C, h, w) of images (B, 3, H, W).

    A tensor with four axes; the last of a tuple or list; `x_norm_patchtokens` of a dictionary, as DINOv2's modules
    return; the patch tokens of `last_hidden_state` of an output of transformers.

    Raises
    ------
    ValueError
        Naming what was returned.
    """
    named = (field(output, "x_norm_patchtokens"), field(output, "last_hidden_state"))
    output = next((choice for choice in named if choice is not None), output)
    if isinstance(output, (tuple, list)) and output:
        return maps(output[-1], images, name)
    if any(choice is not None for choice in named) and output.ndim == 3:
        output, _ = split(output, images)
    if not isinstance(output, Tensor) or output.ndim != 4 or len(output) != len(images):
        raise ValueError(
            f"{name} returned {_described(output)} for {len(images)} images, and so has no maps: return maps "
            "(B, C, h, w), or tokens as last_hidden_state (B, 1 + h * w, C), or have timm's forward_intermediates"
        )
    return output


def split(tokens: Tensor, images: Tensor) -> tuple[Tensor, Tensor | None]:
    """Patch tokens of (B, T, C) as a grid (B, C, h, w) with the shape of the images, and the first token before them.

    Class and register tokens come before the patches. T - h * w is their number; without any there is no first token.
    """
    batch, count, channels = tokens.shape
    height, width = images.shape[-2:]
    rows, columns = math.isqrt(count * height // width), math.isqrt(count * width // height)
    before = count - rows * columns
    grid = tokens[:, before:].transpose(1, 2).reshape(batch, channels, rows, columns)
    return grid, tokens[:, 0] if before else None


def field(output: Any, key: str) -> Any:
    """A field of a dictionary or of an output of transformers; None where there is none."""
    return output.get(key) if isinstance(output, Mapping) else getattr(output, key, None)


def _described(output: Any) -> str:
    shape = f" of shape {tuple(output.shape)}" if isinstance(output, Tensor) else ""
    return f"{type(output).__name__}{shape}"
