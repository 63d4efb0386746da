"""What a network computes on its way: the maps and class tokens of chosen blocks or stages.

Two libraries give them, timm by `forward_intermediates` and transformers by `output_hidden_states`. In both the final
normalisation follows every chosen block of a transformer, as in `get_intermediate_layers` of DINOv2's code, so that
the same weights give the same features through either library.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from lvmmed_backbones.evaluation.encoders import outputs
from lvmmed_backbones.models import Backbone
from lvmmed_backbones.models.timm_models import compute_outputs

Layer = tuple[
    Tensor, Tensor | None
]  # maps (B, C, h, w), and class tokens (B, C) where there are some


def checked_layers(layers: int | Sequence[int] | None) -> tuple[int, ...] | None:
    """The indices of the layers that are asked for; None for what the network itself gives.

    Raises
    ------
    ValueError
        If no layer is asked for, or something that is no number.
    """
    if layers is None:
        return None
    if isinstance(layers, int) and layers > 0:
        return tuple(range(-layers, 0))
    if isinstance(layers, int) or not layers or not all(isinstance(x, int) for x in layers):
        raise ValueError(
            f"layers={layers!r}: give the number of the last layers, such as 4, or indices, such as (-1, -4)"
        )
    return tuple(layers)


def has_stages(module: nn.Module) -> bool:
    """Whether a network has maps at several strides: a convolutional network, or a transformer with stages."""
    network: Any = module.network if isinstance(module, Backbone) else module
    levels = getattr(network, "feature_info", None) or ()  # timm's
    return len({level["reduction"] for level in levels}) > 1


def chosen_layers(
    module: nn.Module, images: Tensor, layers: Sequence[int], name: str
) -> list[Layer]:
    """The chosen layers of images (B, 3, H, W), in the network's order.

    Raises
    ------
    ValueError
        If the network has no such layers, or does not show them.
    """
    network: Any = module.network if isinstance(module, Backbone) else module
    if hasattr(network, "forward_intermediates"):
        return _of_timm(network, images, layers, name)
    if is_of_transformers(network):
        return _of_transformers(network, images, layers, name)
    raise ValueError(
        f"{name} does not show its layers: leave layers=None, or give a model of timm or transformers, or a module "
        "with timm's forward_intermediates"
    )


def last_maps(module: nn.Module, images: Tensor, name: str) -> Tensor:
    """The last maps (B, C, h, w): the grid of patch tokens, or a convolutional network's `forward_features`.

    Raises
    ------
    ValueError
        If the module has no maps.
    """
    network: Any = module.network if isinstance(module, Backbone) else module
    if hasattr(network, "forward_intermediates") and hasattr(network, "forward_features"):
        return compute_outputs(network, "last", images)[-1]
    if hasattr(network, "forward_intermediates") or is_of_transformers(network):
        return chosen_layers(network, images, (-1,), name)[0][0]
    return outputs.maps(run(module, images), images, name)


def run(module: Any, images: Tensor, **more: Any) -> Any:
    """What a module returns for images. Positions of a model of transformers are fitted to the size of the images."""
    if is_of_transformers(module) and "interpolate_pos_encoding" in _arguments(module.forward):
        more["interpolate_pos_encoding"] = True
    return module(images, **more)


def _arguments(function: Callable[..., Any]) -> Mapping[str, Any]:
    return inspect.signature(function).parameters


def is_of_transformers(module: nn.Module) -> bool:
    """Whether a module is a model of transformers."""
    return any(cls.__module__.startswith("transformers.") for cls in type(module).__mro__)


def _of_timm(network: Any, images: Tensor, layers: Sequence[int], name: str) -> list[Layer]:
    wanted = dict(
        indices=list(layers),
        norm=True,
        stop_early=True,
        intermediates_only=True,
        output_fmt="NCHW",
        return_prefix_tokens=True,  # of a transformer; a convolutional network has no such argument
    )
    known = _arguments(network.forward_intermediates)
    try:
        found = network.forward_intermediates(
            images, **{key: value for key, value in wanted.items() if key in known}
        )
    except AssertionError as error:
        raise ValueError(f"{name}: layers={tuple(layers)}: {error}") from None
    has_class_token = getattr(network, "cls_token", None) is not None
    pairs = (layer if isinstance(layer, tuple) else (layer, None) for layer in found)
    return [
        (grid, before[:, 0] if has_class_token and before is not None else None)
        for grid, before in pairs
    ]


def _of_transformers(network: Any, images: Tensor, layers: Sequence[int], name: str) -> list[Layer]:
    hidden = run(network, images, output_hidden_states=True).hidden_states[1:]  # 0: the embedding
    count = len(hidden)
    wrong = [layer for layer in layers if not -count <= layer < count]
    if wrong:
        raise ValueError(f"{name}: layers={tuple(layers)}: it has {count}, so none is {wrong[0]}")
    norms = [child for child in network.children() if isinstance(child, nn.LayerNorm)]
    chosen = [hidden[index] for index in sorted({layer % count for layer in layers})]
    return [
        (layer, None)
        if layer.ndim == 4
        else outputs.split(norms[-1](layer) if norms else layer, images)
        for layer in chosen
    ]
