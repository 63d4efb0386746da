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
    """Return the cross entropy of the views' clusters, averaged over views and clusterings.

    Parameters
    ----------
    views : sequence of Tensor
        Embeddings (N, F) of each view, of length 1.
    centres : sequence of Tensor
        Centres (K, F) of each clustering, of length 1.
    labels : sequence of Tensor
        Clusters (N,) of the images in each clustering.
    temperature : float
        Temperature of the softmax.
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
    """Cluster points by k-means with cosine similarity. An empty cluster starts again at a random point.

    Parameters
    ----------
    points : Tensor of shape (N, F)
        Points of length 1.

    Returns
    -------
    (Tensor, Tensor)
        Centres (K, F) of length 1, and the clusters (N,) of the points.
    """
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(points), generator=generator).to(points.device)
    centres = points[order[:clusters]]
    for _ in range(iterations):
        labels = _nearest_centres(points, centres)
        sums = torch.zeros_like(centres).index_add_(0, labels, points)
        empty = torch.bincount(labels, minlength=clusters) == 0
        restarts = torch.randperm(len(points), generator=generator).to(points.device)[:clusters]
        sums[empty] = points[restarts][empty]
        centres = directions(sums)
    return centres, _nearest_centres(points, centres)


def _nearest_centres(points: Tensor, centres: Tensor) -> Tensor:
    """Return the nearest centre (N,) of each point, for a few thousand points at a time."""
    return torch.cat([(chunk @ centres.T).argmax(1) for chunk in points.split(4096)])
