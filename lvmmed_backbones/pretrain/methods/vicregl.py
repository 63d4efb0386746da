"""VICRegL: variance, invariance and covariance of global and local features."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.registry import MODELS
from mmpretrain.models.selfsup import BaseSelfSupervisor
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from lvmmed_backbones.pretrain.arguments import Count, Share, checked
from lvmmed_backbones.pretrain.losses.vicreg import matched_cells, vicreg_loss
from lvmmed_backbones.pretrain.views import cell_positions


@MODELS.register_module()
class VICRegL(BaseSelfSupervisor):
    """VICRegL (Bardes, Ponce & LeCun, NeurIPS 2022), on two views.

    Parameters
    ----------
    backbone : dict
        Config of the backbone, with `output="last"` for one feature map.
    neck : dict
        The projector of the average-pooled features.
    in_channels, local_channels : int
        Channels of the map, and of the two layers of the local projector.
    alpha : float
        Share of the global criterion (eq. 6).
    pairs : int
        Number of matched cells in the local criterion (gamma, section 3.2).
    weights : (float, float, float)
        Weights of invariance, variance and covariance (VICReg, eq. 6).
    arguments
        Further arguments of mmpretrain's BaseSelfSupervisor.

    Raises
    ------
    ValueError
        If alpha lies outside [0, 1] or pairs below 1.
    """

    @checked
    def __init__(
        self,
        backbone: dict,
        neck: dict,
        in_channels: Count,
        local_channels: Count = 512,
        alpha: Share = 0.75,
        pairs: Count = 20,
        weights: tuple[float, float, float] = (25.0, 25.0, 1.0),
        **arguments: Any,
    ) -> None:
        super().__init__(backbone=backbone, neck=neck, **arguments)
        self.alpha = alpha
        self.pairs = pairs
        self.weights = weights
        self.local = nn.Sequential(
            nn.Linear(in_channels, local_channels),
            nn.BatchNorm1d(local_channels),
            nn.ReLU(),
            nn.Linear(local_channels, local_channels),
        )

    def loss(
        self, inputs: list[Tensor], data_samples: list[DataSample], **kwargs: Any
    ) -> dict[str, Tensor]:
        """Compute the loss of two views (N, 3, H, W) of each image."""
        if len(inputs) != 2:
            raise ValueError(f"{len(inputs)} views of each image: VICRegL takes 2")
        maps = [self.backbone(view)[-1] for view in inputs]
        z = [self.neck((m,))[0].float() for m in maps]
        cells = [self._project_cells(m) for m in maps]
        views = torch.stack([sample.views for sample in data_samples])
        positions = [cell_positions(views[:, v], *maps[v].shape[2:]) for v in range(2)]
        local = [
            vicreg_loss(x, y, self.weights)
            for v, w in ((0, 1), (1, 0))
            for x, y in matched_cells(cells[v], cells[w], positions[v], positions[w], self.pairs)
        ]
        return dict(
            loss_global=self.alpha * vicreg_loss(z[0], z[1], self.weights),
            loss_local=(1 - self.alpha) * torch.stack(local).mean(),
        )

    def _project_cells(self, maps: Tensor) -> Tensor:
        """Compute the projected features (N, R * S, F) of the cells of maps (N, D, R, S)."""
        cells = maps.flatten(2).transpose(1, 2)
        return self.local(cells.flatten(0, 1)).unflatten(0, cells.shape[:2]).float()
