"""The affinities between the graphs of two views (MH Nguyen et al. 2023, sections 3.2 and 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import embedding, softplus

from lvmmed_backbones.pretrain.losses.directions import directions

CHUNK = 2**24  # cell pairs in memory at once: 64 MB


def cosine_affinity(source: Tensor, target: Tensor) -> Tensor:
    """Return the cosines (..., N, M) between two sets of vectors (..., N, F) and (..., M, F) (LVM-Med, section 3.3)."""
    return directions(source, -1) @ directions(target, -1).mT


def softplus_affinity(source: Tensor, target: Tensor) -> Tensor:
    """Return softplus(x . y) - 0.5 (..., N, M) of vectors (..., N, F) and (..., M, F) (Exgra-Med, run_vic.py)."""
    return softplus(source @ target.mT) - 0.5


AFFINITIES = {"cosine": cosine_affinity, "softplus": softplus_affinity}


def edge_affinity(
    source: Tensor,
    source_edges: Tensor,
    target: Tensor,
    target_edges: Tensor,
    affinity: str = "cosine",
) -> Tensor:
    """Return the affinity of z_i - z_j and z_a - z_b for each pair of a source edge (i, j) and a target edge (a, b).

    Parameters
    ----------
    source, target : Tensor of shape (..., N, F) and (..., M, F)
    source_edges, target_edges : Tensor of shape (..., E_s, 2) and (..., E_t, 2)
    affinity : {'cosine', 'softplus'}

    Returns
    -------
    Tensor of shape (..., E_s, E_t)
        An edge between two equal embeddings has no direction: its cosines and their gradients are 0.
    """
    return AFFINITIES[affinity](_along(source, source_edges), _along(target, target_edges))


def _along(vertices: Tensor, edges: Tensor) -> Tensor:
    """Return z_i - z_j (..., E, F) of each edge (i, j)."""
    *graphs, size, _ = vertices.shape
    rows = vertices.flatten(0, -2)
    starts = torch.arange(0, len(rows), size, device=rows.device).view(*graphs, 1, 1)
    first, second = (edges + starts).unbind(-1)
    # The gradient of rows[first] takes twice as long.
    return embedding(first, rows) - embedding(second, rows)


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
    source, target : Tensor of shape (..., N, C, D) and (..., M, C, D)
        Features of the C cells of each image, of one graph or of several.
    source_positions, target_positions : Tensor of shape (..., N, C, 2) and (..., M, C, 2)
        Positions of the cells, as `cell_positions` gives them.
    pairs : int
        Number of pairs that are kept (gamma); more than C: all.

    Returns
    -------
    Tensor of shape (..., N, M)
        It is computed for a few images at a time, so that at most `CHUNK` cell pairs are in memory. Autograd keeps only
        the N * M * C indices of the pairs of each graph.
    """
    source, target = directions(source, -1), directions(target, -1)
    cells = target.shape[-2]
    rows = max(1, CHUNK // (target.shape[:-1].numel() * cells))
    pairs = min(pairs, cells)
    return torch.cat(
        [
            _local_affinity(chunk, target, positions, target_positions, pairs)
            for chunk, positions in zip(
                source.split(rows, -3), source_positions.split(rows, -3), strict=True
            )
        ],
        dim=-2,
    )


def _local_affinity(
    source: Tensor, target: Tensor, source_at: Tensor, target_at: Tensor, pairs: int
) -> Tensor:
    cosine = torch.einsum("...icd,...aed->...iace", source, target)
    distance = torch.cdist(source_at.flatten(-3, -2), target_at.flatten(-3, -2))
    distance = distance.unflatten(-1, target_at.shape[-3:-1])
    distance = distance.unflatten(-3, source_at.shape[-3:-1])
    distance = distance.transpose(-3, -2)  # (..., n, M, C, C), as the cosines
    affinity = cosine.new_zeros(cosine.shape[:-2])
    for cosines, distances in ((cosine, distance), (cosine.mT, distance.mT)):
        least, nearest = distances.min(dim=-1)
        kept = least.topk(pairs, dim=-1, largest=False).indices
        by_position = cosines.gather(-1, nearest[..., None])[..., 0].gather(-1, kept)
        by_feature = cosines.max(dim=-1).values.topk(pairs, dim=-1).values
        affinity = affinity + by_position.mean(-1) + by_feature.mean(-1)
    return affinity / 4


def local_distance(
    source: Tensor,
    target: Tensor,
    source_positions: Tensor,
    target_positions: Tensor,
    pairs: int,
) -> Tensor:
    """Return the Euclidean distances of feature maps, as Exgra-Med's run_vic.py adds them to the costs.

    The distance of all cells, plus that of the cells of either view that are nearest by position to a cell of the same
    image in the other view; cells in the order of the map. The script keeps 20 cells of the one view and 4 of the
    other, which cannot be subtracted; here it is the same number.

    Parameters
    ----------
    source, target : Tensor of shape (..., N, C, D)
        Features of the C cells of each image in both views, of one graph or of several.
    source_positions, target_positions : Tensor of shape (..., N, C, 2)
        Positions of the cells, as `cell_positions` gives them.
    pairs : int
        Number of cells that are kept by position; more than C: all.

    Returns
    -------
    Tensor of shape (..., N, N)
    """
    apart = torch.cdist(source_positions, target_positions)  # within each image: (..., N, C, C)
    kept = [_nearest_cells(x, d, pairs) for x, d in ((source, apart), (target, apart.mT))]
    # Not by products of matrices, which round the distance of two maps that are nearly equal.
    exact = "donot_use_mm_for_euclid_dist"
    return sum(
        torch.cdist(one.flatten(-2), other.flatten(-2), compute_mode=exact)
        for one, other in ((source, target), kept)
    )


def _nearest_cells(cells: Tensor, distances: Tensor, count: int) -> Tensor:
    """Return the cells (..., P, D) of cells (..., C, D) that have the least of their distances (..., C, C)."""
    least = distances.amin(-1).topk(min(count, cells.shape[-2]), dim=-1, largest=False).indices
    index = least.sort(dim=-1).values
    return cells.gather(-2, index[..., None].expand(*index.shape, cells.shape[-1]))
