"""Variance, invariance and covariance of global and local features (VICReg, ICLR 2022; VICRegL, NeurIPS 2022)."""

from __future__ import annotations

import torch
from mmengine.dist import all_gather, get_rank, get_world_size
from torch import Tensor
from torch.nn.functional import mse_loss, relu


def vicreg_loss(x: Tensor, y: Tensor, weights: tuple[float, float, float]) -> Tensor:
    """Return the VICReg loss of embeddings (B, F) of two views (Bardes et al., ICLR 2022, eq. 1 to 6).

    The weights are those of invariance, variance and covariance. Variance and covariance are taken over the embeddings
    of all processes.
    """
    invariance = mse_loss(x, y)
    variance = covariance = x.new_zeros(())
    for z in (_gather(x), _gather(y)):
        z = z - z.mean(0)
        variance = variance + relu(1 - (z.var(0) + 1e-4).sqrt()).mean() / 2
        matrix = z.T @ z / (len(z) - 1)
        off_diagonal = matrix.square().sum() - matrix.diagonal().square().sum()
        covariance = covariance + off_diagonal / len(matrix)
    return weights[0] * invariance + weights[1] * variance + weights[2] * covariance


def _gather(z: Tensor) -> Tensor:
    """Return the embeddings (B * processes, F) of all processes; those of other processes have no gradients."""
    if get_world_size() == 1:
        return z
    embeddings = all_gather(z.detach())
    embeddings[get_rank()] = z
    return torch.cat(embeddings)


def matched_cells(
    source: Tensor,
    target: Tensor,
    source_positions: Tensor,
    target_positions: Tensor,
    pairs: int,
) -> list[tuple[Tensor, Tensor]]:
    """Match the cells of one view to those of another by position and by feature (VICRegL, eq. 2 and 4).

    Parameters
    ----------
    source, target : Tensor of shape (N, C, F)
        Features of the cells.
    source_positions, target_positions : Tensor of shape (N, C, 2)
        Positions of the cells in the image.
    pairs : int
        Number of nearest pairs of each image that are kept.

    Returns
    -------
    list of (Tensor, Tensor)
        Two pairs of (N * pairs, F): cells matched by position, and cells matched by feature.
    """
    result = []
    pairs = min(pairs, source.shape[1])
    by_position = torch.cdist(source_positions, target_positions)
    by_feature = torch.cdist(source.detach(), target.detach())
    for distances in (by_position, by_feature):
        least, nearest = distances.min(dim=2)
        kept = least.topk(pairs, dim=1, largest=False).indices
        partners = nearest.gather(1, kept)
        result.append((_take_cells(source, kept), _take_cells(target, partners)))
    return result


def _take_cells(cells: Tensor, index: Tensor) -> Tensor:
    """Return the cells (N * P, F) of cells (N, C, F) at index (N, P) of each image."""
    return cells.gather(1, index[..., None].expand(-1, -1, cells.shape[2])).flatten(0, 1)
