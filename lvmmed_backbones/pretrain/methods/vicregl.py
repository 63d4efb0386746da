"""VICRegL: variance, invariance and covariance of global and of local features."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.dist import all_gather, get_rank, get_world_size
from mmengine.registry import MODELS
from mmpretrain.models.selfsup import BaseSelfSupervisor
from mmpretrain.structures import DataSample
from torch import Tensor, nn
from torch.nn.functional import mse_loss, relu

from lvmmed_backbones.pretrain.views import cell_positions


@MODELS.register_module()
class VICRegL(BaseSelfSupervisor):
    """VICRegL (Bardes, Ponce & LeCun, NeurIPS 2022), on two views.

    Args:
        backbone: gives one feature map: `output="last"`.
        neck: the projector of the average-pooled features.
        in_channels, local_channels: of the map, and of the local projector's two layers.
        alpha: share of the global criterion (eq. 6).
        pairs: gamma, the matched cells that count, as in the local criterion (section 3.2).
        weights: of invariance, variance and covariance (VICReg, eq. 6).
        arguments: of mmpretrain's BaseSelfSupervisor.

    Raises:
        ValueError: if alpha lies outside [0, 1] or pairs below 1.
    """

    def __init__(
        self,
        backbone: dict,
        neck: dict,
        in_channels: int,
        local_channels: int = 512,
        alpha: float = 0.75,
        pairs: int = 20,
        weights: tuple[float, float, float] = (25.0, 25.0, 1.0),
        **arguments: Any,
    ) -> None:
        super().__init__(backbone=backbone, neck=neck, **arguments)
        if not 0 <= alpha <= 1 or pairs < 1:
            raise ValueError(
                f"alpha is {alpha} and pairs {pairs}: a share within [0, 1] and at least 1 are wanted"
            )
        self.alpha = alpha
        self.pairs = pairs
        self.weights = weights
        self.local = nn.Sequential(
            nn.Linear(in_channels, local_channels),
            nn.BatchNorm1d(local_channels),
            nn.ReLU(),
            nn.Linear(local_channels, local_channels),
        )

    def extract_feat(self, inputs: list[Tensor]) -> tuple[Tensor, ...]:
        """The feature map (N, D, R, S) of the first view."""
        return self.backbone(inputs[0])

    def loss(
        self, inputs: list[Tensor], data_samples: list[DataSample], **kwargs: Any
    ) -> dict[str, Tensor]:
        """Loss of two views (N, 3, H, W) of each image."""
        if len(inputs) != 2:
            raise ValueError(f"{len(inputs)} views of each image: VICRegL takes 2")
        maps = [self.backbone(view)[-1] for view in inputs]
        z = [self.neck((m,))[0].float() for m in maps]
        cells = [self.cells(m) for m in maps]
        views = torch.stack([sample.views for sample in data_samples])
        at = [cell_positions(views[:, v], *maps[v].shape[2:]) for v in range(2)]
        local = [
            vicreg_loss(x, y, self.weights)
            for one, other in ((0, 1), (1, 0))
            for x, y in matched_cells(cells[one], cells[other], at[one], at[other], self.pairs)
        ]
        whole = vicreg_loss(z[0], z[1], self.weights)
        return dict(
            loss_global=self.alpha * whole,
            loss_local=(1 - self.alpha) * torch.stack(local).mean(),
        )

    def cells(self, maps: Tensor) -> Tensor:
        """Projected features (N, R * S, F) of the cells of maps (N, D, R, S)."""
        cells = maps.flatten(2).transpose(1, 2)
        return self.local(cells.flatten(0, 1)).unflatten(0, cells.shape[:2]).float()


def matched_cells(
    one: Tensor, other: Tensor, one_at: Tensor, other_at: Tensor, pairs: int
) -> list[tuple[Tensor, Tensor]]:
    """Cells of one view and those of the other that they are matched to, by position and by feature (eq. 2 and 4).

    Args:
        one, other: (N, C, F), features of the cells.
        one_at, other_at: (N, C, 2), where they lie in the image.
        pairs: the nearest so many of each image are kept.

    Returns:
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
