"""The graphs over a batch of images and the affinities between them (MH Nguyen et al. 2023, sections 3.1 to 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor

from lvmmed_backbones.pretrain.losses.directions import directions

CHUNK = 2**24  # cell pairs that are held at once: 64 MB


def knn_edges(embeddings: Tensor, neighbours: int) -> Tensor:
    """The directed graph from each vertex to its nearest neighbours by cosine similarity.

    Parameters
    ----------
    embeddings : Tensor
        (N, F).
    neighbours : int
        K.

    Returns
    -------
    Tensor
        (N * k, 2) int64: source and target of each edge, sorted by source, nearest first.

    Raises
    ------
    ValueError
        Unless 1 <= k < N.
    """
    vertices = len(embeddings)
    if not 1 <= neighbours < vertices:
        raise ValueError(
            f"{neighbours} neighbours in a batch of {vertices} images: there must be at least 1, and fewer "
            "than there are images"
        )
    z = directions(embeddings.detach())
    similarity = (z @ z.T).fill_diagonal_(-torch.inf)
    nearest = similarity.topk(neighbours, dim=1).indices
    sources = torch.arange(vertices, device=z.device)[:, None].expand_as(nearest)
    return torch.stack((sources, nearest), dim=-1).flatten(0, 1)


def normalised_adjacency(edges: Tensor, vertices: int) -> Tensor:
    """D^-1/2 (A + I) D^-1/2 of the undirected graph that has an edge wherever `edges` leads one way or the other.

    Parameters
    ----------
    edges : Tensor
        (E, 2) int64.
    vertices : int
        N.

    Returns
    -------
    Tensor
        (N, N) float32 (Kipf & Welling 2017, eq. 2).
    """
    adjacency = torch.eye(vertices, device=edges.device)
    adjacency[edges[:, 0], edges[:, 1]] = 1
    adjacency[edges[:, 1], edges[:, 0]] = 1
    scale = adjacency.sum(1).rsqrt()
    return scale[:, None] * adjacency * scale


def global_affinity(source: Tensor, target: Tensor) -> Tensor:
    """Cosines between two sets of embeddings (N, F) and (M, F): (N, M)."""
    return directions(source) @ directions(target).T


def edge_affinity(
    source: Tensor, source_edges: Tensor, target: Tensor, target_edges: Tensor
) -> Tensor:
    """cos(z_i - z_j, z_a - z_b) for each pair of a source edge (i, j) and a target edge (a, b).

    Parameters
    ----------
    source : Tensor
        (N, F); target: (M, F).
    source_edges : Tensor
        (E_s, 2); target_edges: (E_t, 2).

    Returns
    -------
    Tensor
        (E_s, E_t). An edge between two equal embeddings has no direction: its affinities and gradients are 0.
    """
    along_source = source[source_edges[:, 0]] - source[source_edges[:, 1]]
    along_target = target[target_edges[:, 0]] - target[target_edges[:, 1]]
    return global_affinity(along_source, along_target)


def local_affinity(
    source: Tensor,
    target: Tensor,
    source_positions: Tensor,
    target_positions: Tensor,
    pairs: int,
) -> Tensor:
    """How alike the matched cells of two sets of feature maps are.

    The cells of an image of one view are matched to those of an image of the other twice, by position in their
    original images and by feature, from source to target and from target to source. Of each of the four matchings the
    best pairs, nearest by position or most alike, are kept, and the mean cosine of their features is taken; the
    affinity is the mean of the four (as the local criterion of Bardes et al., VICRegL 2022, section 3.2).

    Parameters
    ----------
    source : Tensor
        (N, C, D) features of C cells of each image; target: (M, C, D).
    source_positions : Tensor
        (N, C, 2), as `cell_positions` gives them; target_positions: (M, C, 2).
    pairs : int
        Gamma, how many pairs are kept; more than C: all.

    Returns
    -------
    Tensor
        (N, M). Images are taken a few at a time, so that no more than `CHUNK` cell pairs are held at once; what
        autograd keeps are the indices of the pairs, N * M * C of them.
    """
    source, target = directions(source, 2), directions(target, 2)
    images, cells = target.shape[:2]
    rows = max(1, CHUNK // (images * cells * cells))
    pairs = min(pairs, cells)
    return torch.cat(
        [
            _local_affinity(some, target, places, target_positions, pairs)
            for some, places in zip(source.split(rows), source_positions.split(rows), strict=True)
        ]
    )


def _local_affinity(
    source: Tensor, target: Tensor, source_at: Tensor, target_at: Tensor, pairs: int
) -> Tensor:
    cosine = torch.einsum("icd,aed->iace", source, target)
    distance = torch.cdist(source_at.flatten(0, 1), target_at.flatten(0, 1))
    distance = distance.unflatten(1, target_at.shape[:2]).unflatten(0, source_at.shape[:2])
    distance = distance.transpose(1, 2)  # (n, M, C, C), as the cosines
    affinity = cosine.new_zeros(cosine.shape[:2])
    for cosines, distances in (
        (cosine, distance),
        (cosine.transpose(2, 3), distance.transpose(2, 3)),
    ):
        away, nearest = distances.min(dim=3)
        kept = away.topk(pairs, dim=2, largest=False).indices
        by_position = cosines.gather(3, nearest[..., None])[..., 0].gather(2, kept)
        by_feature = cosines.max(dim=3).values.topk(pairs, dim=2).values
        affinity = affinity + by_position.mean(2) + by_feature.mean(2)
    return affinity / 4
