"""Translate the configs of backbones that older versions exported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SIZES = {
    **dict.fromkeys(("b", "base"), "sam_vit_b"),
    **dict.fromkeys(("l", "large"), "sam_vit_l"),
    **dict.fromkeys(("h", "huge"), "sam_vit_h"),
}
# Arguments of OpenMMLab's classes that have another name in timm; those below have the same name.
RENAMED = dict(
    in_channels="in_chans", zero_init_residual="zero_init_last", drop_rate="proj_drop_rate"
)
KEPT = ("img_size", "output", "frozen", "frozen_stages", "norm_eval", "with_cp", "drop_path_rate")
RESNET = ("stem_channels", "base_channels")
TRANSFORMER = ("patch_size", "use_abs_pos", "window_size", "qkv_bias")


def translated_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config of `Backbone` for a config of one of the three older classes; any other config stays as it is.

    Raises
    ------
    ValueError
        If an argument has no counterpart. The message names it.
    """
    arguments = dict(config)
    match arguments.pop("type"):
        case "BackboneTIMM":
            return dict(type="Backbone", **arguments)
        case "BackboneResNet":
            depth = arguments.pop("depth", 50)
            width = {name: arguments.pop(name) for name in RESNET if name in arguments}
            if any(value != 64 for value in width.values()):
                model = dict(model_name="scaled_resnet", depth=depth, **width)
            else:
                model = dict(model_name=f"resnet{depth}")
        case "BackboneViTSAM":
            model = _transformer(arguments.pop("arch", "base"))
            model |= {name: arguments.pop(name) for name in TRANSFORMER if name in arguments}
        case _:
            return dict(config)
    rest = {RENAMED.get(name, name): value for name, value in arguments.items()}
    if unknown := rest.keys() - {*KEPT, *RENAMED.values()}:
        raise ValueError(f"{', '.join(sorted(unknown))} of {config['type']} is known no longer")
    return dict(type="Backbone", **model, **rest)


def _transformer(arch: str | Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments for the size of SAM's encoder, from its name or its numbers."""
    if isinstance(arch, str):
        if arch.lower() not in SIZES:
            raise ValueError(f"arch={arch!r} is known no longer")
        return dict(model_name=SIZES[arch.lower()])
    width, hidden = arch["embed_dims"], arch["feedforward_channels"]
    return dict(
        model_name="sam_vit_b",
        embed_dim=width,
        depth=arch["num_layers"],
        num_heads=arch["num_heads"],
        # timm rounds the product of width and ratio down.
        mlp_ratio=hidden / width if hidden % width == 0 else (hidden + 0.5) / width,
        global_attn_indexes=arch["global_attn_indexes"],
    )
