"""mmpretrain's projectors, their embeddings of length 1.

The methods of mmpretrain divide embeddings by their length themselves, with gradients that grow beyond measure where an
embedding is 0, as of a batch of equal images. After `directions` there is no such place.
"""

from __future__ import annotations

from mmengine.registry import MODELS
from mmpretrain.models.necks import MoCoV2Neck, NonLinearNeck, SwAVNeck
from torch import Tensor

from lvmmed_backbones.pretrain.losses.directions import directions


@MODELS.register_module()
class DirectionNeck(NonLinearNeck):
    """SimCLR's projector."""

    def forward(self, x: tuple[Tensor, ...]) -> tuple[Tensor]:
        """(N, F) of length 1 from a map (N, C, h, w)."""
        return (directions(super().forward(x)[0]),)


@MODELS.register_module()
class MoCoV2DirectionNeck(MoCoV2Neck):
    """MoCo's projector."""

    def forward(self, x: tuple[Tensor, ...]) -> tuple[Tensor]:
        """(N, F) of length 1 from a map (N, C, h, w)."""
        return (directions(super().forward(x)[0]),)


@MODELS.register_module()
class SwAVDirectionNeck(SwAVNeck):
    """SwAV's projector."""

    def forward_projection(self, x: Tensor) -> Tensor:
        """(N, F) of length 1 from pooled features (N, C)."""
        return directions(self.projection_neck(x))
