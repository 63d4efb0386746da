"""The released end-to-end network of transformers: a convolutional stem, the blocks of a ViT, a U-Net's decoder.

model/unet_vit.py:116-240 of the release before 2023-06-18, after TransUNet (Chen et al., 2021, arXiv 2102.04306).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.registry import MODELS
from timm.models import VisionTransformer
from torch import Tensor, nn

from lvmmed_backbones import models
from lvmmed_backbones.models import Backbone
from lvmmed_backbones.models.sam import ImageEncoder
from tasks.release.segmenter import Segmenter


@MODELS.register_module()
class TransUNet(Segmenter):
    """Maps of 96, 192 and 384 channels at strides 2, 4 and 8, a transformer's blocks at 16, and back to the image.

    The widths are ViT-B's; of another transformer they keep their ratio to its own. Nothing is frozen.

    Parameters
    ----------
    backbone : mapping
        Config of a `Backbone` with its weights: SAM's encoder, LVM-Med's or a ViT of timm. With `img_size` 1024 the
        tables of SAM's relative positions have the length of the files, and each pass interpolates them, as released.
    classes : int
        C.
    channels : int
        That the network sees: 3, or 1, the first of three equal ones.
    data_preprocessor : mapping
        Of mmsegmentation.

    Raises
    ------
    ValueError
        If the backbone is no such transformer.
    """

    stride = 16

    def __init__(
        self,
        backbone: Mapping[str, Any],
        classes: int,
        channels: int = 3,
        data_preprocessor: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(backbone, classes, channels, data_preprocessor)
        self.backbone = Blocks(models.from_config(backbone))
        width = self.backbone.width
        base = width // 8
        self.stem = nn.Sequential(
            nn.Conv2d(channels, base, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(base),
            nn.ReLU(inplace=True),
        )
        self.down = nn.ModuleList(Down(base * 2**n, base * 2 ** (n + 1)) for n in range(3))
        self.bridge = nn.Sequential(
            nn.Conv2d(width, width // 2, 3, padding=1),
            nn.BatchNorm2d(width // 2),
            nn.ReLU(inplace=True),
        )
        self.up = nn.ModuleList(
            [
                Up(width, base * 2),
                Up(base * 4, base),
                Up(base * 2, base // 2),
                Up(base // 2, base // 8),
            ]
        )
        self.segmentation_head = nn.Conv2d(base // 8, classes, 1)

    def fill(self, module: Backbone) -> None:
        """Fill the blocks with the backbone's weights, each tensor; the rest of the network is random."""
        self.backbone.load_state_dict(Blocks(module).state_dict())

    def logits(self, images: Tensor) -> Tensor:
        """Compute (B, C, H, W) of images (B, 3, H, W)."""
        x = self.stem(images[:, : self.channels])
        skips: list[Tensor | None] = [None]
        for down in self.down:
            skips.append(x)
            x = down(x)
        x = self.bridge(self.backbone(x))
        for up in self.up:
            x = up(x, skips.pop())
        return self.segmentation_head(x)


class Blocks(nn.Module):
    """A plain transformer's blocks: without patches, positions, class token and neck, as the release has them.

    SAM's have no normalisation behind them; those of timm's ViT have the model's.

    Parameters
    ----------
    module : Backbone
        With timm's VisionTransformer or SAM's encoder as its network; its blocks are taken, not copied.

    Raises
    ------
    ValueError
        If it is none.
    """

    def __init__(self, module: Backbone) -> None:
        super().__init__()
        network = module.network
        if not isinstance(network, (ImageEncoder, VisionTransformer)):
            raise ValueError(
                f"{module.display_name}: the blocks of {type(network).__name__} cannot stand alone, as those of the "
                "release's network. Take SAM's encoder, LVM-Med's ViT or a VisionTransformer of timm, or --recipe suite"
            )
        self.width, self.on_grid = network.embed_dim, isinstance(network, ImageEncoder)
        self.blocks = network.blocks
        self.norm = nn.Identity() if self.on_grid else network.norm

    def forward(self, x: Tensor) -> Tensor:
        """Compute (B, C, h, w) from (B, C, h, w)."""
        if self.on_grid:
            return self.blocks(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        tokens = self.norm(self.blocks(x.flatten(2).transpose(1, 2)))
        return tokens.transpose(1, 2).reshape(x.shape)


class Down(nn.Module):
    """A bottleneck that halves the sides: 1x1, 3x3 of stride 2 and 1x1 convolutions, and a projection beside them.

    Parameters
    ----------
    channels, out : int
        Of the maps before it, and of those within and after it.
    """

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(channels, out, 1, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(inplace=True),
            nn.Conv2d(out, out, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(inplace=True),
            nn.Conv2d(out, out, 1, bias=False),
            nn.BatchNorm2d(out),
        )
        self.shortcut = nn.Sequential(
            nn.Conv2d(channels, out, 1, stride=2, bias=False), nn.BatchNorm2d(out)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Compute (B, out, H / 2, W / 2) from (B, channels, H, W)."""
        return (self.path(x) + self.shortcut(x)).relu()


class Up(nn.Module):
    """Doubles the sides (bilinear, corners aligned), takes the skip, then twice 3x3 convolution, BatchNorm, ReLU.

    Parameters
    ----------
    channels, out : int
        Of the map and the skip together, and of the result.
    """

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.upsample = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.layers = nn.Sequential(
            nn.Conv2d(channels, out, 3, padding=1),
            nn.BatchNorm2d(out),
            nn.ReLU(inplace=True),
            nn.Conv2d(out, out, 3, padding=1),
            nn.BatchNorm2d(out),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor, skip: Tensor | None) -> Tensor:
        """Compute (B, out, 2h, 2w) from (B, channels, h, w) and a skip (B, channels, 2h, 2w), if there is one."""
        x = self.upsample(x)
        return self.layers(x if skip is None else torch.cat([skip, x], 1))
