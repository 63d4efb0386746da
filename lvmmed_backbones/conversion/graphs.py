"""What formats that hold the computation record."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lvmmed_backbones.models import Backbone


class _Outputs(nn.Module):
    """One tensor where a backbone gives one; no check of what the images are, which no graph can hold."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, ...]:
        outputs = self.backbone(images)
        return outputs[0] if len(outputs) == 1 else outputs


def module_for_graph(backbone: Backbone) -> nn.Module:
    """Return the module to record: a vector (B, C), or a tuple of four maps."""
    return _Outputs(backbone).eval()


def example(side: int) -> Tensor:
    """Return images that a graph is recorded with, (2, 3, side, side)."""
    return torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
