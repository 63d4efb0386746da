"""Prediction of clusters (DeepCluster-v2; Caron et al., NeurIPS 2020, SwAV, appendix D)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from lvmmed_backbones.pretrain.losses.directions import directions


def clustering_loss(
    views: Sequence[Tensor],
    centres: Sequence[Tensor],
    labels: Sequence[Tensor],
    temperature: float,
) -> Tensor:
    """Cross entropy of the views' clusters, mean over views and clusterings.

    Parameters
    ----------
    views : sequence of Tensor
        Embeddings (N, F) of length 1, of each view.
    centres : sequence of Tensor
        (K, F) of length 1, of each clustering.
    labels : sequence of Tensor
        (N,) the images' clusters, of each clustering.
    temperature : float
        Of the softmax.
    """
    terms = [
        cross_entropy(z @ centre.T / temperature, label)
        for z in views
        for centre, label in zip(centres, labels, strict=True)
    ]
    return torch.stack(terms).mean()


def spherical_kmeans(
    points: Tensor, clusters: int, iterations: int, seed: int
) -> tuple[Tensor, Tensor]:
    """k-means by cosine similarity; a cluster that loses its last point starts again at a random one.

    Parameters
    ----------
    points : Tensor
        (N, F) of length 1.

    Returns
    -------
    (Tensor, Tensor)
        Centres (K, F) of length 1, and the cluster (N,) of each point.
    """
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(points), generator=generator).to(points.device)
    centres = points[order[:clusters]]
    for _ in range(iterations):
        labels = nearest_centre(points, centres)
        sums = torch.zeros_like(centres).index_add_(0, labels, points)
        empty = torch.bincount(labels, minlength=clusters) == 0
        again = torch.randperm(len(points), generator=generator).to(points.device)[:clusters]
        sums[empty] = points[again][empty]
        centres = directions(sums)
    return centres, nearest_centre(points, centres)


def nearest_centre(points: Tensor, centres: Tensor) -> Tensor:
    """(N,), a few thousand points at a time."""
    return torch.cat([(some @ centres.T).argmax(1) for some in points.split(4096)])
