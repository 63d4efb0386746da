"""Message passing over the graphs of a batch: GCN, as the paper has it, and GraphConv, as its authors' code."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import dropout

Aggregation: TypeAlias = Literal["gcn", "sum", "mean", "max"]
AGGREGATIONS = get_args(Aggregation)


def refining_layers(
    channels: int, layers: int, aggregation: str = "gcn", dropout: float = 0.0
) -> GCN | GraphConv:
    """Return the layers that refine embeddings by their neighbours.

    Parameters
    ----------
    channels : int
        Length F of the embeddings, the same in every layer.
    layers : int
        Number of layers; 0 leaves the embeddings as they are.
    aggregation : {'gcn', 'sum', 'mean', 'max'}
        `GCN`, or `GraphConv` with this aggregation.
    dropout : float
        Of `GraphConv`.
    """
    if aggregation == "gcn":
        return GCN(channels, layers)
    return GraphConv(channels, layers, aggregation, dropout)


class GCN(BaseModule):
    """Message passing by normalised sums: H_l = act(D^-1/2 (A + I) D^-1/2 H_{l-1} W_l).

    Kipf & Welling, ICLR 2017, eq. 2; LVM-Med, section 3.2.

    Parameters
    ----------
    channels : int
        Length F of the embeddings, the same in every layer.
    layers : int
        Number of layers; 0 leaves the embeddings as they are.
    """

    def __init__(self, channels: int, layers: int = 1) -> None:
        super().__init__()
        self.weights = nn.ModuleList(
            nn.Linear(channels, channels, bias=False) for _ in range(layers)
        )
        self.activation = nn.LeakyReLU(0.2)  # after a ReLU no cosine could be negative

    def forward(self, embeddings: Tensor, edges: Tensor) -> Tensor:
        """Compute refined embeddings (N, F) from embeddings (N, F) and edges (E, 2)."""
        if not self.weights:
            return embeddings
        adjacency = normalised_adjacency(edges, len(embeddings)).to(embeddings.dtype)
        for weight in self.weights:
            embeddings = self.activation(adjacency @ weight(embeddings))
        return embeddings


class GraphConv(BaseModule):
    """Message passing with weights of their own for a vertex and for its messages: h_i' = W h_i + b + V agg_j h_j.

    Morris et al., AAAI 2019 (their 1-GNN), as torch_geometric's GraphConv has it. The authors' later code uses it: sums
    and dropout 0.5 in Exgra-Med's run_vic.py; maxima in its llava_pre.py, with a ReLU and dropout 0.1 after the last
    layer too, which we leave out, since after a ReLU no cosine is negative. As there, messages go along an edge, from a
    vertex to its nearest neighbours: j runs over the vertices that have i among their neighbours.

    Parameters
    ----------
    channels : int
        Length F of the embeddings, the same in every layer.
    layers : int
        Number of layers, with a ReLU between two; 0 leaves the embeddings as they are.
    aggregation : {'sum', 'mean', 'max'}
        Of the messages; 0 where a vertex gets none.
    dropout : float
        Share of the values that become 0 after each ReLU, in training.
    """

    def __init__(
        self, channels: int, layers: int = 2, aggregation: str = "sum", dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.own = nn.ModuleList(nn.Linear(channels, channels, bias=False) for _ in range(layers))
        self.received = nn.ModuleList(nn.Linear(channels, channels) for _ in range(layers))
        self.aggregation = aggregation
        self.dropout = dropout

    def forward(self, embeddings: Tensor, edges: Tensor) -> Tensor:
        """Compute refined embeddings (N, F) from embeddings (N, F) and edges (E, 2)."""
        for layer, (own, received) in enumerate(zip(self.own, self.received, strict=True)):
            if layer:
                embeddings = dropout(embeddings.relu(), self.dropout, self.training)
            messages = aggregate(embeddings, edges, self.aggregation)
            embeddings = own(embeddings) + received(messages)
        return embeddings


def normalised_adjacency(edges: Tensor, vertices: int) -> Tensor:
    """Return D^-1/2 (A + I) D^-1/2 of the undirected graph of `edges` (Kipf & Welling 2017, eq. 2).

    Parameters
    ----------
    edges : Tensor of shape (E, 2), int64
        Edges in one direction or both.
    vertices : int
        Number of vertices N.

    Returns
    -------
    Tensor of shape (N, N), float32
    """
    adjacency = torch.eye(vertices, device=edges.device)
    adjacency[edges[:, 0], edges[:, 1]] = 1
    adjacency[edges[:, 1], edges[:, 0]] = 1
    scale = adjacency.sum(1).rsqrt()
    return scale[:, None] * adjacency * scale


def aggregate(embeddings: Tensor, edges: Tensor, aggregation: str) -> Tensor:
    """Return the sum, mean or maximum of the embeddings that reach each vertex along its incoming edges; 0 for none.

    Parameters
    ----------
    embeddings : Tensor of shape (N, F)
    edges : Tensor of shape (E, 2), int64
        Source and target of each edge.
    aggregation : {'sum', 'mean', 'max'}

    Returns
    -------
    Tensor of shape (N, F)
    """
    if aggregation == "max":
        places = edges[:, 1:].expand(-1, embeddings.shape[1])
        nothing = torch.zeros_like(embeddings)
        return nothing.scatter_reduce(
            0, places, embeddings[edges[:, 0]], "amax", include_self=False
        )
    # Sums as a product: the same on every run on a GPU, where adding at indices is not.
    adjacency = embeddings.new_zeros(len(embeddings), len(embeddings))
    adjacency[edges[:, 1], edges[:, 0]] = 1
    if aggregation == "mean":
        adjacency = adjacency / adjacency.sum(1, keepdim=True).clamp_min(1)
    return adjacency @ embeddings
