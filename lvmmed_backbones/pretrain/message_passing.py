"""Message passing over the graph of a batch."""

from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor, nn

from lvmmed_backbones.pretrain.losses.affinities import normalised_adjacency


class MessagePassing(BaseModule):
    """H_l = act(D^-1/2 (A + I) D^-1/2 H_{l-1} W_l) (Kipf & Welling, ICLR 2017, eq. 2; LVM-Med, section 3.2).

    Parameters
    ----------
    channels : int
        F, of the embeddings, which every layer keeps.
    layers : int
        How many; 0 leaves the embeddings as they are.
    """

    def __init__(self, channels: int, layers: int = 1) -> None:
        super().__init__()
        self.weights = nn.ModuleList(
            nn.Linear(channels, channels, bias=False) for _ in range(layers)
        )
        self.activation = nn.LeakyReLU(0.2)  # a rectifier at the end would leave no negative cosine

    def forward(self, embeddings: Tensor, edges: Tensor) -> Tensor:
        """From (N, F) and the edges (E, 2) to (N, F)."""
        if not self.weights:
            return embeddings
        adjacency = normalised_adjacency(edges, len(embeddings)).to(embeddings.dtype)
        for weight in self.weights:
            embeddings = self.activation(adjacency @ weight(embeddings))
        return embeddings
