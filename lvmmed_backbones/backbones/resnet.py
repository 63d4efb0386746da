"""ResNet (He et al., CVPR 2016), keys as torchvision's."""

from __future__ import annotations

from typing import Any

from mmengine.registry import MODELS
from mmpretrain.models.backbones import ResNet

from lvmmed_backbones.backbones.pretrained import Pretrained


@MODELS.register_module()
class BackboneResNet(Pretrained, ResNet):
    """mmpretrain's ResNet; ResNet-50's maps have 256, 512, 1024 and 2048 channels.

    Args:
        depth: 18, 34, 50, 101 or 152.
        arguments: of `Pretrained` and of mmpretrain's ResNet.
    """

    def __init__(self, depth: int = 50, **arguments: Any) -> None:
        super().__init__(depth=depth, out_indices=(0, 1, 2, 3), **arguments)
