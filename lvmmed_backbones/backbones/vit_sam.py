"""The Vision Transformer of Segment Anything's image encoder (Kirillov et al., ICCV 2023), with a feature pyramid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from mmengine.model import BaseModule
from mmengine.registry import MODELS
from mmpretrain.models.backbones import ViTSAM
from mmpretrain.models.utils import LayerNorm2d
from torch import Tensor, nn

from lvmmed_backbones.backbones.pretrained import Pretrained
from lvmmed_backbones.weights.layouts import segment_anything_name


@MODELS.register_module()
class BackboneViTSAM(Pretrained, ViTSAM):
    """mmpretrain's ViTSAM: windowed and global attention with relative positions, patches of 16 pixels.

    The four maps are a simple feature pyramid, each as wide as the transformer. SAM's neck, which reduces the map to
    256 channels for its mask decoder, is left out, as in LVM-Med's end-to-end tasks.

    Args:
        arch: 'base' (768 wide, 12 deep), 'large', 'huge', or a dict of embed_dims, num_layers, num_heads,
            feedforward_channels and global_attn_indexes.
        img_size: side in pixels that position embeddings are made for; those of a checkpoint are interpolated to it.
        use_abs_pos: add absolute positions, as SAM does; LVM-Med's released transformer does not.
        arguments: of `Pretrained` and of mmpretrain's ViTSAM.
    """

    own_parts = ("pos_embed",)

    def __init__(
        self,
        arch: str | dict = "base",
        img_size: int = 224,
        output: Literal["maps", "last", "vector"] = "maps",
        use_abs_pos: bool = True,
        **arguments: Any,
    ) -> None:
        super().__init__(
            arch=arch,
            img_size=img_size,
            output=output,
            use_abs_pos=use_abs_pos,
            out_channels=0,
            **arguments,
        )
        if not use_abs_pos:
            self.pos_embed = None  # mmpretrain's initialisation asks for it
        if output == "maps":
            self.pyramid = SimpleFeaturePyramid(
                self.embed_dims
            )  # new, so trained even if the rest is frozen

    def own_names(self) -> dict[str, str]:
        """segment_anything's names; the pyramid comes with the task."""
        return {
            name: segment_anything_name(name)
            for name in self.state_dict()
            if not name.startswith("pyramid.")
        }

    def resampled(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Absolute and relative positions, interpolated as mmpretrain does when it loads a state dict."""
        ours = {own: name for name, own in self.own_names().items()}
        state = {ours.get(name, name): value for name, value in tensors.items()}
        if self.use_abs_pos:
            self._prepare_pos_embed(state, "")
        self._prepare_relative_position(state, "")
        return {segment_anything_name(name): value for name, value in state.items()}

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """From (B, 3, H, W) to four maps (B, C, h, w), one, or one (B, C) vector: see `Pretrained`."""
        features = super().forward(x)
        return self.pyramid(features[-1]) if self.output == "maps" else features


class SimpleFeaturePyramid(BaseModule):
    """Four scales from the last map of a plain transformer (ViTDet, Li et al., ECCV 2022, section 3).

    Args:
        channels: C of the map at stride 16.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stride_4 = nn.Sequential(
            nn.ConvTranspose2d(channels, channels, 2, 2),
            LayerNorm2d(channels),
            nn.GELU(),
            nn.ConvTranspose2d(channels, channels, 2, 2),
        )
        self.stride_8 = nn.ConvTranspose2d(channels, channels, 2, 2)
        self.stride_32 = nn.MaxPool2d(2, 2, ceil_mode=True)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """(B, C, h, w) to maps of 4, 2, 1 and 1/2 times h x w: strides 4, 8, 16 and 32 of the image."""
        return self.stride_4(x), self.stride_8(x), x, self.stride_32(x)
