"""The graphs over a batch of images and the affinities between them (MH Nguyen et al. 2023, sections 3.1 to 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor

from lvmmed_backbones.pretrain.losses.directions import directions

CHUNK = 2**24  # cell pairs in memory at once: 64 MB


def knn_edges(embeddings: Tensor, neighbours: int) -> Tensor:
    """Return the directed graph from each vertex to its nearest neighbours by cosine similarity.

    Parameters
    ----------
    embeddings : Tensor of shape (N, F)
    neighbours : int
        Number of neighbours k.

    Returns
    -------
    Tensor of shape (N * k, 2), int64
        Source and target of each edge, sorted by source, the nearest first.

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


def global_affinity(source: Tensor, target: Tensor) -> Tensor:
    """Return the cosines (N, M) between two sets of embeddings (N, F) and (M, F)."""
    return directions(source) @ directions(target).T


def edge_affinity(
    source: Tensor, source_edges: Tensor, target: Tensor, target_edges: Tensor
) -> Tensor:
    """Return cos(z_i - z_j, z_a - z_b) for each pair of a source edge (i, j) and a target edge (a, b).

    Parameters
    ----------
    source, target : Tensor of shape (N, F) and (M, F)
    source_edges, target_edges : Tensor of shape (E_s, 2) and (E_t, 2)

    Returns
    -------
    Tensor of shape (E_s, E_t)
        An edge between two equal embeddings has no direction: its affinities and gradients are 0.
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
    """Return the similarity of the matched cells of two sets of feature maps.

    The cells of an image in one view are matched to the cells of an image in the other view: by their position in the
    original images and by feature, each from source to target and from target to source. Each of these four matchings
    keeps its best pairs, which are nearest by position or most similar, and gives the mean cosine of their features.
    The affinity is the mean of the four (as the local criterion of Bardes et al., VICRegL 2022, section 3.2).

    Parameters
    ----------
    source, target : Tensor of shape (N, C, D) and (M, C, D)
        Features of the C cells of each image.
    source_positions, target_positions : Tensor of shape (N, C, 2) and (M, C, 2)
        Positions of the cells, as `cell_positions` gives them.
    pairs : int
        Number of pairs that are kept (gamma); more than C: all.

    Returns
    -------
    Tensor of shape (N, M)
        It is computed for a few images at a time, so that at most `CHUNK` cell pairs are in memory. Autograd keeps only
        the N * M * C indices of the pairs.
    """
    source, target = directions(source, 2), directions(target, 2)
    images, cells = target.shape[:2]
    rows = max(1, CHUNK // (images * cells * cells))
    pairs = min(pairs, cells)
    return torch.cat(
        [
            _local_affinity(chunk, target, positions, target_positions, pairs)
            for chunk, positions in zip(
                source.split(rows), source_positions.split(rows), strict=True
            )
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
        least, nearest = distances.min(dim=3)
        kept = least.topk(pairs, dim=2, largest=False).indices
        by_position = cosines.gather(3, nearest[..., None])[..., 0].gather(2, kept)
        by_feature = cosines.max(dim=3).values.topk(pairs, dim=2).values
        affinity = affinity + by_position.mean(2) + by_feature.mean(2)
    return affinity / 4
