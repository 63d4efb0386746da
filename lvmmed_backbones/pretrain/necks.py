"""mmpretrain's projectors with embeddings of length 1.

The methods of mmpretrain divide embeddings by their length. Their gradients have no bound near an embedding of 0, which
a batch of equal images gives. After `directions` all lengths are 1 or 0, and gradients stay bounded.
"""

from __future__ import annotations

from mmengine.registry import MODELS
from mmpretrain.models.necks import MoCoV2Neck, NonLinearNeck, SwAVNeck
from torch import Tensor

from lvmmed_backbones.pretrain.losses.directions import directions


@MODELS.register_module()
class DirectionNeck(NonLinearNeck):
    """SimCLR's projector with embeddings of length 1."""

    def forward(self, x: tuple[Tensor, ...]) -> tuple[Tensor]:
        """Compute embeddings (N, F) of length 1 from a map (N, C, h, w)."""
        return (directions(super().forward(x)[0]),)


@MODELS.register_module()
class MoCoV2DirectionNeck(MoCoV2Neck):
    """MoCo's projector with embeddings of length 1."""

    def forward(self, x: tuple[Tensor, ...]) -> tuple[Tensor]:
        """Compute embeddings (N, F) of length 1 from a map (N, C, h, w)."""
        return (directions(super().forward(x)[0]),)


@MODELS.register_module()
class SwAVDirectionNeck(SwAVNeck):
    """SwAV's projector with embeddings of length 1."""

    def forward_projection(self, x: Tensor) -> Tensor:
        """Compute embeddings (N, F) of length 1 from pooled features (N, C)."""
        return directions(self.projection_neck(x))
