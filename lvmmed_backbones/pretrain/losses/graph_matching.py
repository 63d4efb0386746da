"""The distance of matchings of graphs to the identity (LVM-Med, NeurIPS 2023, section 3.4)."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from lvmmed_backbones.matching.layer import Batch, MatchingLayer
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
    source_edges, target_edges : Tensor of shape (G, E, 2), or G of (E, 2)
        Edges of each graph.
    """

    vertex: Tensor
    source: Tensor
    target: Tensor
    source_edges: Batch
    target_edges: Batch

    def weighted_edges(self, weight: float, affinity: str = "cosine") -> tuple[Batch, Batch, Batch]:
        """Compute the weighted edge affinities (E_s, E_t) of each pair, and return them with the edges of both graphs.

        With weight 0 there are no edges, so that linear assignment solves the problem.
        """
        if weight == 0:
            return no_edges(self.vertex)
        graphs = self.source, self.source_edges, self.target, self.target_edges
        affinities: Batch
        if isinstance(self.source_edges, Tensor) and isinstance(self.target_edges, Tensor):
            affinities = weight * edge_affinity(*graphs, affinity)
        else:
            affinities = [weight * edge_affinity(*g, affinity) for g in zip(*graphs, strict=True)]
        return affinities, self.source_edges, self.target_edges


def matching_loss(
    layer: MatchingLayer,
    vertex: Tensor,
    edge: Batch,
    source_edges: Batch,
    target_edges: Batch,
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
    edge : Tensor of shape (G, E_s, E_t), or G of (E_s, E_t)
    source_edges, target_edges : Tensor of shape (G, E_s, 2) and (G, E_t, 2), or G of (E_s, 2) and (E_t, 2)
    seed : int
        Seed of noise and solver.

    Returns
    -------
    (Tensor, Tensor, float)
        The loss, summed over the graphs; the matchings (G, N, N) without gradients; the time of both solves in seconds.
    """
    if vertex.is_cuda:  # which may still compute the affinities: that is not the solver's time
        torch.cuda.synchronize(vertex.device)
    start = time.perf_counter()
    batched = isinstance(edge, Tensor)
    affinities = [vertex, *([edge] if batched else edge)]
    first, *others = leaves = [affinity.detach().requires_grad_() for affinity in affinities]
    edge = others[0] if batched else others
    matching = matchings(layer, first, edge, source_edges, target_edges, seed)
    distance = hamming_to_identity(matching)
    gradients = torch.autograd.grad(distance, leaves)
    seconds = time.perf_counter() - start
    linear = sum((a * g).sum() for a, g in zip(affinities, gradients, strict=True))
    return distance.detach() + linear - linear.detach(), matching.detach(), seconds


def matchings(
    layer: MatchingLayer,
    vertex: Tensor,
    edge: Batch,
    source_edges: Batch,
    target_edges: Batch,
    seed: int,
) -> Tensor:
    """Return the matchings (G, N, N); arguments as for `matching_loss`."""
    if isinstance(edge, Tensor):
        return layer(vertex, edge, source_edges, target_edges, seed)[0]
    return torch.stack(layer(vertex.unbind(), edge, source_edges, target_edges, seed)[0])


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
    return matchings(layer, vertex, *no_edges(vertex), seed)


def no_edges(vertex: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return edge affinities (G, 0, 0) and the edges (G, 0, 2) of both views: graphs of vertices alone."""
    graphs = len(vertex)
    edges = torch.zeros(graphs, 0, 2, dtype=torch.long, device=vertex.device)
    return vertex.new_zeros(graphs, 0, 0), edges, edges
