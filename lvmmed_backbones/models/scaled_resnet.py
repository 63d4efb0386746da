"""ResNets (He et al., CVPR 2016) of any width, as a model of timm with torchvision's names."""

from __future__ import annotations

from typing import Any

from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models.resnet import BasicBlock, Bottleneck, ResNet
from torch import nn

BLOCKS: dict[int, tuple[type[nn.Module], tuple[int, int, int, int]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}

default_cfgs = generate_default_cfgs({"scaled_resnet": dict(first_conv="conv1", classifier="fc")})


class ScaledResNet(ResNet):
    """timm's ResNet with a stem and stages of any width.

    Parameters
    ----------
    stem_channels, base_channels : int
        Width of the stem, an even number, and of the first stage; each further stage is twice as wide. A usual ResNet
        has 64 and 64.
    arguments
        Arguments of timm's ResNet.
    """

    def __init__(
        self, stem_channels: int = 64, base_channels: int = 64, in_chans: int = 3, **arguments: Any
    ) -> None:
        if stem_channels % 2:
            raise ValueError(f"stem_channels={stem_channels}: it must be even")
        # Only timm's deep stem has a width. Its convolutions are then replaced by the single one of a ResNet.
        super().__init__(
            stem_type="deep",
            stem_width=stem_channels // 2,
            channels=tuple(base_channels * 2**stage for stage in range(4)),
            in_chans=in_chans,
            **arguments,
        )
        self.conv1 = nn.Conv2d(in_chans, stem_channels, 7, stride=2, padding=3, bias=False)
        nn.init.kaiming_normal_(self.conv1.weight, mode="fan_out", nonlinearity="relu")


@register_model
def scaled_resnet(pretrained: bool = False, depth: int = 50, **arguments: Any) -> nn.Module:
    """Build a `ScaledResNet` of 18, 34, 50, 101 or 152 layers, or of timm's `block` and `layers`."""
    block, layers = BLOCKS[depth]
    arguments = dict(block=block, layers=layers) | arguments
    return build_model_with_cfg(ScaledResNet, "scaled_resnet", pretrained, **arguments)
