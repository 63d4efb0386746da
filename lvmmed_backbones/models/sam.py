"""The image encoder of Segment Anything (Kirillov et al., ICCV 2023), as a model of timm.

timm's `samvit_*` differ: they normalise with another epsilon and interpolate positions with antialiasing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from timm.layers import Format, PatchEmbed, trunc_normal_
from timm.models import (
    build_model_with_cfg,
    checkpoint_seq,
    generate_default_cfgs,
    register_model,
)
from timm.models.vision_transformer_sam import VisionTransformerSAM
from torch import Tensor, nn
from torch.nn.functional import interpolate

default_cfgs = generate_default_cfgs(
    {name: dict(input_size=(3, 224, 224)) for name in ("sam_vit_b", "sam_vit_l", "sam_vit_h")}
)


class ImageEncoder(VisionTransformerSAM):
    """Windowed and global attention with relative positions, patches of 16 pixels; names as segment_anything's.

    SAM's neck reduces the map to 256 channels for its mask decoder. Unless it is asked for, it is left out, as in
    LVM-Med's end-to-end tasks.

    Parameters
    ----------
    img_size : int or (int, int)
        Side in pixels, or height and width, that the positions are made for. Other images are padded at the right and
        bottom to whole patches, and the positions are interpolated.
    use_abs_pos : bool
        Whether to add absolute positions, as SAM does; LVM-Med's released transformer does not.
    ignore_abs_pos : bool
        Have no absolute positions, and pass over those of a file, as the released classifier does (vitcls:16-52).
        Without it an encoder that lacks them refuses a file that has them: it is of another encoder.
    neck_chans : int or None
        Channels of the neck, 256 in SAM; None: no neck, the map has the channels of the blocks.
    embed_dim, depth, num_heads, mlp_ratio, global_attn_indexes, window_size, drop_path_rate
        As in timm's VisionTransformerSAM.
    arguments
        Further arguments of timm's VisionTransformerSAM.
    """

    # Parts that an encoder can have: if a file has one that this encoder lacks, it is of another encoder.
    own_parts: tuple[str, ...] = ("pos_embed",)

    def __init__(
        self,
        img_size: int | tuple[int, int] = 224,
        patch_size: int = 16,
        neck_chans: int | None = None,
        use_abs_pos: bool = True,
        ignore_abs_pos: bool = False,
        **arguments: Any,
    ) -> None:
        sides = (img_size, img_size) if isinstance(img_size, int) else img_size
        super().__init__(
            img_size=tuple(-(-side // patch_size) * patch_size for side in sides),  # type: ignore[arg-type]
            patch_size=patch_size,
            embed_layer=partial(
                PatchEmbed,
                output_fmt=Format.NHWC,
                strict_img_size=False,
                dynamic_img_pad=True,
            ),
            norm_layer=partial(nn.LayerNorm, eps=1e-6),
            mlp_layer=MLP,
            neck_chans=neck_chans,
            use_abs_pos=use_abs_pos and not ignore_abs_pos,
            use_rel_pos=True,
            **arguments,
        )
        if ignore_abs_pos:
            self.own_parts = ()
        if neck_chans is None:
            self.neck = nn.Identity()  # timm puts a normalisation there
        if self.pos_embed is not None:
            trunc_normal_(self.pos_embed, std=0.02)

    def forward_features(self, x: Tensor) -> Tensor:
        """Compute the map (B, C, H / 16, W / 16), rounded up, of images (B, 3, H, W)."""
        x = self.patch_embed(x)
        if self.pos_embed is not None:
            x = x + _resized_positions(self.pos_embed, x.shape[1:3])
        x = self.norm_pre(self.patch_drop(self.pos_drop(x)))
        x = checkpoint_seq(self.blocks, x) if self.grad_checkpointing else self.blocks(x)
        return self.neck(x.permute(0, 3, 1, 2))


class MLP(nn.Module):
    """Two layers with segment_anything's names."""

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        act_layer: Callable[[], nn.Module],
        drop: float,
        **arguments: Any,
    ) -> None:
        super().__init__()
        self.lin1 = nn.Linear(in_features, hidden_features, **arguments)
        self.act = act_layer()
        self.drop = nn.Dropout(drop)
        self.lin2 = nn.Linear(hidden_features, in_features, **arguments)

    def forward(self, x: Tensor) -> Tensor:
        """Compute (..., C) from (..., C)."""
        return self.drop(self.lin2(self.drop(self.act(self.lin1(x)))))


def _resized_positions(positions: Tensor, grid: tuple[int, int]) -> Tensor:
    """Interpolate absolute positions (1, h, w, C) to another grid (bicubic)."""
    if positions.shape[1:3] == grid:
        return positions
    channels_first = positions.permute(0, 3, 1, 2).float()
    fitted = interpolate(channels_first, size=tuple(grid), mode="bicubic", align_corners=False)
    return fitted.permute(0, 2, 3, 1).to(positions.dtype)


def checkpoint_filter_fn(tensors: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Fit the weights of an encoder to another image size: interpolate absolute and relative positions."""
    wanted, result = model.state_dict(), dict(tensors)
    for name in wanted.keys() & tensors.keys():
        if name == "pos_embed":
            result[name] = _resized_positions(tensors[name], wanted[name].shape[1:3])
        elif "rel_pos_" in name and len(tensors[name]) != len(wanted[name]):
            distances = tensors[name].T[None]
            result[name] = interpolate(distances, size=len(wanted[name]), mode="linear")[0].T
    return result


def _encoder(name: str, pretrained: bool, own: Mapping[str, Any], **asked: Any) -> nn.Module:
    return build_model_with_cfg(
        ImageEncoder, name, pretrained, feature_cfg=dict(feature_cls="getter"), **{**own, **asked}
    )


@register_model
def sam_vit_b(pretrained: bool = False, **arguments: Any) -> nn.Module:
    """Build the encoder of ViT-B's size."""
    own = dict(embed_dim=768, depth=12, num_heads=12, global_attn_indexes=(2, 5, 8, 11))
    return _encoder("sam_vit_b", pretrained, own, **arguments)


@register_model
def sam_vit_l(pretrained: bool = False, **arguments: Any) -> nn.Module:
    """Build the encoder of ViT-L's size."""
    own = dict(embed_dim=1024, depth=24, num_heads=16, global_attn_indexes=(5, 11, 17, 23))
    return _encoder("sam_vit_l", pretrained, own, **arguments)


@register_model
def sam_vit_h(pretrained: bool = False, **arguments: Any) -> nn.Module:
    """Build the encoder of ViT-H's size."""
    own = dict(embed_dim=1280, depth=32, num_heads=16, global_attn_indexes=(7, 15, 23, 31))
    return _encoder("sam_vit_h", pretrained, own, **arguments)
