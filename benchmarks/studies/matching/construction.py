"""What graph construction, noise and edge weight do to the matching of synthetic views, and to its gradient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from lvmmed_backbones.matching.layer import MatchingLayer
from lvmmed_backbones.pretrain.losses.affinities import cosine_affinity
from lvmmed_backbones.pretrain.losses.graph_matching import GraphPair, matching_loss
from lvmmed_backbones.pretrain.losses.graphs import SHARED, knn_edges, shared_edges

IMAGES, NEIGHBOURS, WIDTH, CORRELATION = 64, 5, 64, 0.3
SAMPLES, LAMBDA, BUDGET = 16, 80.0, "fast"
WEIGHTS, NOISES = (0.1, 0.5, 1.0), (0.0, 0.1, 0.3, 1.0)
GRAPHS = (*SHARED, "random")


def construction(
    weights: Sequence[float] = WEIGHTS, noises: Sequence[float] = NOISES, seeds: int = 20
) -> pd.DataFrame:
    """Measure the matching of pairs of views, whose vectors are normal and have a correlation of 0.3.

    Parameters
    ----------
    weights, noises : sequence of float
        Weights of the edge affinities, which are cosines of differences; scales of the Gumbel noise.
    seeds : int
        Number of draws of the vectors.

    Returns
    -------
    pandas.DataFrame
        A row for each scale of the noise, kind of graph, weight and seed; the graph "linear" is first order, of weight
        0, and "random" has the same random edges in both views. `edges`: in a graph. `accuracy`: images matched to
        themselves, as the mean of the samples. `size`: length of the loss's gradient for the vectors of both views,
        relative to that of linear assignment without noise. Cosines of that gradient: `first_order`, with that of
        linear assignment under the same noise; `alignment`, with that of the mean distance 1 - cos(x, y) of right
        matches; `draws`, with that of another draw of the noise.
    """
    rows = []
    for seed in range(seeds):
        views = draw_views(seed)
        aligned = 1 - torch.cosine_similarity(*views).mean()
        alignment = _flat(torch.autograd.grad(aligned, views))
        unit = _gradient(views, "linear", 0.0, 0.0, seed)[1].norm()
        for noise in noises:
            _, first_order, _ = _gradient(views, "linear", 0.0, noise, seed)
            for graph, weight in _settings(weights):
                accuracy, gradient, edges = _gradient(views, graph, weight, noise, seed)
                _, other, _ = _gradient(views, graph, weight, noise, seed + 1_000_000)
                rows.append(
                    {
                        "noise": noise,
                        "graph": graph,
                        "weight": weight,
                        "seed": seed,
                        "edges": edges,
                        "accuracy": accuracy,
                        "size": float(gradient.norm() / unit),
                        "first_order": _cosine(gradient, first_order),
                        "alignment": _cosine(gradient, alignment),
                        "draws": _cosine(gradient, other),
                    }
                )
    return pd.DataFrame(rows)


def draw_views(seed: int) -> tuple[Tensor, Tensor]:
    """Draw the vectors (N, F) of both views."""
    generator = torch.Generator().manual_seed(seed)
    x, noise = torch.randn(2, IMAGES, WIDTH, generator=generator)
    y = CORRELATION * x + (1 - CORRELATION**2) ** 0.5 * noise
    return x.requires_grad_(), y.requires_grad_()


def _settings(weights: Sequence[float]) -> Iterator[tuple[str, float]]:
    """Return graphs and weights."""
    yield "linear", 0.0
    for graph in GRAPHS:
        for weight in weights:
            yield graph, weight


def _gradient(
    views: tuple[Tensor, Tensor], graph: str, weight: float, noise: float, seed: int
) -> tuple[float, Tensor, int]:
    """Return the accuracy, the gradient of the loss for both views, and the number of edges of a graph."""
    first, second = (knn_edges(view, NEIGHBOURS) for view in views)
    if graph == "random":
        first = knn_edges(draw_views(seed + 2_000_000)[0], NEIGHBOURS)  # of other vectors
    shared = {"linear": "none", "random": "first"}.get(graph, graph)
    source, target = shared_edges(first, second, shared)
    vertex = cosine_affinity(*views)[None]
    pair = GraphPair(vertex, views[0][None], views[1][None], source[None], target[None])
    samples = SAMPLES if noise else 1
    layer = MatchingLayer(LAMBDA, samples, vertex_noise=noise, edge_noise=noise, budget=BUDGET)
    loss, matching, _ = matching_loss(layer, vertex, *pair.weighted_edges(weight), seed)
    accuracy = float(matching.diagonal(dim1=1, dim2=2).mean())
    return accuracy, _flat(torch.autograd.grad(loss, views)), len(source) if weight else 0


def _flat(gradients: Sequence[Tensor]) -> Tensor:
    return torch.cat([gradient.flatten() for gradient in gradients])


def _cosine(one: Tensor, other: Tensor) -> float:
    """Return the cosine of two gradients; NaN if one of them is 0, since it has no direction."""
    if not one.any() or not other.any():
        return float("nan")
    return float(cosine_similarity(one, other, dim=0))
