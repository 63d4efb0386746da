"""LVM-Med: self-supervision by second-order graph matching."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from mmpretrain.models.selfsup import BaseSelfSupervisor
from mmpretrain.structures import DataSample
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from lvmmed_backbones.matching.layer import MatchingLayer
from lvmmed_backbones.pretrain.losses.affinities import (
    edge_affinity,
    global_affinity,
    knn_edges,
    local_affinity,
    normalised_adjacency,
)
from lvmmed_backbones.pretrain.losses.graph_matching import matching_loss
from lvmmed_backbones.pretrain.views import cell_positions


@MODELS.register_module()
class LVMMed(BaseSelfSupervisor):
    """LVM-Med (MH Nguyen, H Nguyen, Diep et al., NeurIPS 2023, section 3).

    Parameters
    ----------
    backbone : dict
        Config of the backbone, with `output="last"` for one feature map.
    neck : dict
        Config of the projector, with average pooling.
    head : dict
        Config of `GraphMatchingHead`.
    arguments
        Further arguments of mmpretrain's BaseSelfSupervisor.
    """

    def loss(
        self, inputs: list[Tensor], data_samples: list[DataSample], **kwargs: Any
    ) -> dict[str, Tensor]:
        """Compute the loss and the monitors of the matching from two views (N, 3, H, W) of each image."""
        if len(inputs) != 2:
            raise ValueError(f"{len(inputs)} views of each image: LVM-Med takes 2")
        maps = self.backbone(torch.cat(inputs))
        embeddings = self.neck(maps)[0]
        views = torch.stack([sample.views for sample in data_samples])  # (N, 2, 5)
        with torch.autocast(maps[-1].device.type, enabled=False):
            return self.head.loss(maps[-1].float().chunk(2), embeddings.float().chunk(2), views)


@MODELS.register_module()
class GraphMatchingHead(BaseModule):
    """Computes the affinities of two views of a batch, their matching, and its distance to the identity.

    Each part of the method can be switched off, for the paper's ablation (table 6).

    Parameters
    ----------
    channels : int
        Length F of the projector's embeddings.
    neighbours : int
        Number of nearest neighbours in the graphs.
    message_passing : int
        Number of layers; 0: vertex affinities of the embeddings as they are.
    alpha : float
        Share of the global affinity in the vertex affinities; 1: no local similarity.
    pairs : int
        Number of matched cell pairs in a local affinity (gamma).
    cells : int
        Largest side of a feature map in local affinities; larger maps are averaged down to it (7: a ResNet's map at
        224 px; a ViT's map of 14 would cost 16 times as much).
    second_order : float
        Weight of the edge affinities; 1 in the paper; 0: the matching is a linear assignment.
    noise : float
        Scale of the Gumbel noise on vertex and edge affinities; 0: blackbox differentiation.
    samples : int
        Draws of the noise per step.
    lambda_ : float
        Strength of the solver's gradient, as for `MatchingLayer`.
    budget : {'fast', 'default', 'best'}
        Budget of the solver.

    Raises
    ------
    ValueError
        If alpha lies outside [0, 1] or second_order is below 0, and as `MatchingLayer`.
    """

    def __init__(
        self,
        channels: int,
        neighbours: int = 5,
        message_passing: int = 1,
        alpha: float = 0.8,
        pairs: int = 20,
        cells: int = 7,
        second_order: float = 1.0,
        noise: float = 1.0,
        samples: int = 1,
        lambda_: float = 80.0,
        budget: str = "fast",
    ) -> None:
        super().__init__()
        if not 0 <= alpha <= 1 or second_order < 0:
            raise ValueError(
                f"alpha is {alpha} and second_order {second_order}: they must be a share within [0, 1] and a "
                "weight of 0 or more"
            )
        self.neighbours = neighbours
        self.alpha = alpha
        self.pairs = pairs
        self.cells = cells
        self.second_order = second_order
        self.message_passing = MessagePassing(channels, message_passing)
        self.matching = MatchingLayer(
            lambda_, samples, vertex_noise=noise, edge_noise=noise, budget=budget
        )

    def loss(
        self,
        maps: tuple[Tensor, Tensor],
        embeddings: tuple[Tensor, Tensor],
        views: Tensor,
    ) -> dict[str, Tensor]:
        """Compute the Hamming distance of the matching to the identity, per image, with gradients for the affinities.

        Parameters
        ----------
        maps : (Tensor, Tensor)
            Feature maps (N, D, R, S) of each view.
        embeddings : (Tensor, Tensor)
            Embeddings (N, F) of each view.
        views : Tensor of shape (N, 2, 5)
            Positions of the views.

        Returns
        -------
        dict of str to Tensor
            `loss`, and monitors: `accuracy`, the share of images that are matched to themselves under noise;
            `accuracy_without_noise`, the same by linear assignment of the vertex affinities; `second_order_share`, the
            share of images that linear assignment under the same noise matches to another one; `solver_time`, the time
            of both solves in seconds.
        """
        if not all(
            z.isfinite().all() for z in embeddings
        ):  # there is no graph; NonFiniteHook ends the run
            return dict(loss=sum(z.sum() for z in embeddings) * torch.nan)
        edges = [knn_edges(z, self.neighbours) for z in embeddings]
        vertex = self.vertex_affinity(maps, embeddings, views, edges)
        if self.second_order:
            edge = self.second_order * edge_affinity(
                embeddings[0], edges[0], embeddings[1], edges[1]
            )
        else:
            edges = [z.new_zeros(0, 2) for z in edges]
            edge = vertex.new_zeros(0, 0)
        seed = int(torch.randint(2**62, ()))
        distance, matching, solver_time = matching_loss(self.matching, vertex, edge, edges, seed)
        with torch.no_grad():
            linear = self.linear_matching(vertex, self.matching, seed)
            clean = self.linear_matching(vertex, MatchingLayer(budget=self.matching.budget), seed)
        images = len(vertex)
        return dict(
            loss=distance / images,
            accuracy=matching.diagonal().mean(),
            accuracy_without_noise=clean.diagonal().mean(),
            second_order_share=(matching - linear).abs().sum() / (2 * images),
            solver_time=matching.new_tensor(solver_time),
        )

    def vertex_affinity(
        self,
        maps: tuple[Tensor, Tensor],
        embeddings: tuple[Tensor, Tensor],
        views: Tensor,
        edges: list[Tensor],
    ) -> Tensor:
        """Compute the vertex affinities (N, N): alpha * global + (1 - alpha) * local."""
        refined = [self.message_passing(z, e) for z, e in zip(embeddings, edges, strict=True)]
        affinity = global_affinity(*refined)
        if self.alpha == 1:
            return affinity
        rows, columns = (min(side, self.cells) for side in maps[0].shape[2:])
        source, target = (
            adaptive_avg_pool2d(m, (rows, columns)).flatten(2).transpose(1, 2) for m in maps
        )
        source_positions, target_positions = (
            cell_positions(views[:, v], rows, columns) for v in range(2)
        )
        local = local_affinity(source, target, source_positions, target_positions, self.pairs)
        return self.alpha * affinity + (1 - self.alpha) * local

    @staticmethod
    def linear_matching(vertex: Tensor, layer: MatchingLayer, seed: int) -> Tensor:
        """Return the matching (N, N) by vertex affinities alone, with the layer's noise of a seed."""
        no_edges = vertex.new_zeros(1, 0, 2)
        return layer(vertex[None], vertex.new_zeros(1, 0, 0), no_edges, no_edges, seed)[0][0]


class MessagePassing(BaseModule):
    """Message passing over the graph of a batch: H_l = act(D^-1/2 (A + I) D^-1/2 H_{l-1} W_l).

    Kipf & Welling, ICLR 2017, eq. 2; LVM-Med, section 3.2.

    Parameters
    ----------
    channels : int
        Length F of the embeddings, the same in every layer.
    layers : int
        Number of layers; 0 leaves the embeddings as they are.
    """

    def __init__(self, channels: int, layers: int = 1) -> None:
        super().__init__()
        self.weights = nn.ModuleList(
            nn.Linear(channels, channels, bias=False) for _ in range(layers)
        )
        self.activation = nn.LeakyReLU(0.2)  # after a ReLU no cosine could be negative

    def forward(self, embeddings: Tensor, edges: Tensor) -> Tensor:
        """Compute refined embeddings (N, F) from embeddings (N, F) and edges (E, 2)."""
        if not self.weights:
            return embeddings
        adjacency = normalised_adjacency(edges, len(embeddings)).to(embeddings.dtype)
        for weight in self.weights:
            embeddings = self.activation(adjacency @ weight(embeddings))
        return embeddings
