"""The distance of matchings of graphs to the identity (LVM-Med, NeurIPS 2023, section 3.4)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lvmmed_backbones.matching.layer import MatchingLayer
from lvmmed_backbones.pretrain.losses.affinities import edge_affinity


@dataclass(frozen=True)
class GraphPair:
    """G graphs of n images in one view, and G of the same images in the other.

    Attributes
    ----------
    vertex : Tensor of shape (G, n, n)
        Vertex affinities.
    source, target : Tensor of shape (G, n, F)
        Embeddings whose differences are the edges' features.
    source_edges, target_edges : list of Tensor
        Edges (E, 2) of each graph.
    """

    vertex: Tensor
    source: Tensor
    target: Tensor
    source_edges: list[Tensor]
    target_edges: list[Tensor]

    def weighted_edges(
        self, weight: float, affinity: str = "cosine"
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Compute the weighted edge affinities (E_s, E_t) of each pair, and return them with the edges of both graphs.

        With weight 0 there are no edges, so that linear assignment solves the problem.
        """
        if weight == 0:
            none = [self.source_edges[0][:0]] * len(self.vertex)
            return [self.vertex.new_zeros(0, 0)] * len(self.vertex), none, none
        graphs = zip(self.source, self.source_edges, self.target, self.target_edges, strict=True)
        affinities = [weight * edge_affinity(*graph, affinity) for graph in graphs]
        return affinities, self.source_edges, self.target_edges


def matching_loss(
    layer: MatchingLayer,
    vertex: Tensor,
    edge: Sequence[Tensor],
    source_edges: Sequence[Tensor],
    target_edges: Sequence[Tensor],
    seed: int,
) -> tuple[Tensor, Tensor, float]:
    """Return the Hamming distance of the matchings to the identity, sum of v (1 - v*) + v* (1 - v) (LVM-Med, eq. 6).

    The gradient for the affinities is computed at once, and attached to the loss as a linear function of them. The
    estimate moves the costs by `lambda_` times the gradient of the loss. Computed later, it would change with every
    factor that a loss scaler, gradient accumulation or a mean puts before the loss. Attached so, it scales with them.

    Parameters
    ----------
    vertex : Tensor of shape (G, N, N)
        Of G pairs of graphs, which are solved in one call, on all processors.
    edge : sequence of Tensor
        G of (E_s, E_t).
    source_edges, target_edges : sequence of Tensor
        Edges of each graph: G of (E_s, 2) and G of (E_t, 2).
    seed : int
        Seed of noise and solver.

    Returns
    -------
    (Tensor, Tensor, float)
        The loss, summed over the graphs; the matchings (G, N, N) without gradients; the time of both solves in seconds.
    """
    start = time.perf_counter()
    leaves = [affinity.detach().requires_grad_() for affinity in (*vertex, *edge)]
    graphs = len(vertex)
    matchings, _ = layer(leaves[:graphs], leaves[graphs:], source_edges, target_edges, seed)
    matching = torch.stack(matchings)
    distance = hamming_to_identity(matching)
    gradients = torch.autograd.grad(distance, leaves)
    seconds = time.perf_counter() - start
    linear = (vertex * torch.stack(gradients[:graphs])).sum()
    for affinity, gradient in zip(edge, gradients[graphs:], strict=True):
        linear = linear + (affinity * gradient).sum()
    return distance.detach() + linear - linear.detach(), matching.detach(), seconds


def hamming_to_identity(matching: Tensor) -> Tensor:
    """Return the sum of v (1 - v*) + v* (1 - v) for a matching v, or a mean of matchings; v* is the identity.

    Parameters
    ----------
    matching : Tensor of shape (N, N) or (G, N, N)
        Of one pair of graphs or of several.
    """
    identity = torch.eye(matching.shape[-1], device=matching.device)
    return (matching * (1 - identity) + identity * (1 - matching)).sum()


def linear_matching(vertex: Tensor, layer: MatchingLayer, seed: int) -> Tensor:
    """Return the matchings (G, n, n) by vertex affinities alone, with the layer's noise of a seed."""
    none = vertex.new_zeros(len(vertex), 0, 2)
    return layer(vertex, vertex.new_zeros(len(vertex), 0, 0), none, none, seed)[0]
