"""Variance, invariance and covariance of global and local features (VICReg, ICLR 2022; VICRegL, NeurIPS 2022)."""

from __future__ import annotations

import torch
from mmengine.dist import all_gather, get_rank, get_world_size
from torch import Tensor
from torch.nn.functional import mse_loss, relu


def vicreg_loss(x: Tensor, y: Tensor, weights: tuple[float, float, float]) -> Tensor:
    """Invariance, variance and covariance of embeddings (B, F) of two views (Bardes et al., ICLR 2022, eq. 1 to 6).

    Variance and covariance are those of all processes' embeddings.
    """
    invariance = mse_loss(x, y)
    variance = covariance = x.new_zeros(())
    for z in (gathered(x), gathered(y)):
        z = z - z.mean(0)
        variance = variance + relu(1 - (z.var(0) + 1e-4).sqrt()).mean() / 2
        matrix = z.T @ z / (len(z) - 1)
        covariance = covariance + (matrix.square().sum() - matrix.diagonal().square().sum()) / len(
            matrix
        )
    return weights[0] * invariance + weights[1] * variance + weights[2] * covariance


def gathered(z: Tensor) -> Tensor:
    """(B * processes, F) of (B, F): those of the other processes without gradients."""
    if get_world_size() == 1:
        return z
    parts = all_gather(z.detach())
    parts[get_rank()] = z
    return torch.cat(parts)


def matched_cells(
    one: Tensor, other: Tensor, one_at: Tensor, other_at: Tensor, pairs: int
) -> list[tuple[Tensor, Tensor]]:
    """Cells of one view and those of the other that they are matched to, by position and by feature (eq. 2 and 4).

    Parameters
    ----------
    one, other : Tensor
        (N, C, F), features of the cells.
    one_at, other_at : Tensor
        (N, C, 2), where they lie in the image.
    pairs : int
        The nearest so many of each image are kept.

    Returns
    -------
    list of (Tensor, Tensor)
        Two pairs of (N * pairs, F): matched by position, and by feature.
    """
    result = []
    pairs = min(pairs, one.shape[1])
    for distances in (torch.cdist(one_at, other_at), torch.cdist(one.detach(), other.detach())):
        away, nearest = distances.min(dim=2)
        kept = away.topk(pairs, dim=1, largest=False).indices
        partner = nearest.gather(1, kept)
        result.append((take(one, kept), take(other, partner)))
    return result


def take(cells: Tensor, index: Tensor) -> Tensor:
    """(N * P, F): the cells (N, C, F) of each image at index (N, P)."""
    return cells.gather(1, index[..., None].expand(-1, -1, cells.shape[2])).flatten(0, 1)
