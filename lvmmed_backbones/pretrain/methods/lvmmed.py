"""LVM-Med: self-supervision by second-order graph matching."""

from __future__ import annotations

from typing import Any, Literal

import torch
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from mmpretrain.models.selfsup import BaseSelfSupervisor
from mmpretrain.structures import DataSample
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from lvmmed_backbones.matching.layer import MatchingLayer
from lvmmed_backbones.pretrain.arguments import (
    Count,
    CountOrZero,
    Number,
    Positive,
    PositiveOrZero,
    Share,
    ShareBelowOne,
    checked,
)
from lvmmed_backbones.pretrain.losses.affinities import (
    AFFINITIES,
    local_affinity,
    local_distance,
)
from lvmmed_backbones.pretrain.losses.graph_matching import (
    GraphPair,
    linear_matching,
    matching_loss,
)
from lvmmed_backbones.pretrain.losses.graphs import (
    Shared,
    knn_edges,
    random_graphs,
    shared_edges,
    split_edges,
)
from lvmmed_backbones.pretrain.message_passing import Aggregation, refining_layers
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
    map_neck : dict, optional
        Config of a projector of each cell of the feature map, for the local part of the vertex affinities, without
        pooling (Exgra-Med, run_vic.py). None: the cells as they are, as in the paper.
    arguments
        Further arguments of mmpretrain's BaseSelfSupervisor.
    """

    @checked
    def __init__(
        self, backbone: dict, neck: dict, head: dict, map_neck: dict | None = None, **arguments: Any
    ) -> None:
        super().__init__(backbone=backbone, neck=neck, head=head, **arguments)
        self.map_neck = None if map_neck is None else MODELS.build(map_neck)

    def loss(
        self, inputs: list[Tensor], data_samples: list[DataSample], **kwargs: Any
    ) -> dict[str, Tensor]:
        """Compute the loss and the monitors of the matching from two views (N, 3, H, W) of each image."""
        if len(inputs) != 2:
            raise ValueError(f"{len(inputs)} views of each image: LVM-Med takes 2")
        maps = self.backbone(torch.cat(inputs))
        embeddings = self.neck(maps)[0]
        cells = maps[-1] if self.map_neck is None else project_cells(self.map_neck, maps[-1])
        views = torch.stack([sample.views for sample in data_samples])  # (N, 2, 5)
        with torch.autocast(cells.device.type, enabled=False):
            return self.head.loss(cells.float().chunk(2), embeddings.float().chunk(2), views)


def project_cells(neck: nn.Module, maps: Tensor) -> Tensor:
    """Compute maps (N, F, R, S) of projected cells from maps (N, D, R, S)."""
    cells = maps.flatten(2).transpose(1, 2)  # (N, R * S, D)
    projected = neck((cells.flatten(0, 1),))[0].unflatten(0, cells.shape[:2])
    return projected.transpose(1, 2).unflatten(2, maps.shape[2:])


@MODELS.register_module()
class GraphMatchingHead(BaseModule):
    """Computes the affinities of two views of a batch, their matchings, and the distance to the identity.

    The defaults are the text of LVM-Med's paper. The other values are those of the authors' later code, which
    docs/pretraining.md compares with it: A is Exgra-Med's image pretraining (run_vic.py), B its method (llava_pre.py).
    Each part of the method can be switched off, for the paper's ablation (table 6).

    Parameters
    ----------
    channels : int
        Length F of the projector's embeddings.
    graph_size : int, optional
        Images of a graph (A: 10). None: all of a process's batch (the paper, B).
    partitions : int
        Random partitions of the batch into graphs, as `random_graphs` draws them (A: 1).
    neighbours : int
        Number of nearest neighbours in the graphs (the paper, section 3.1, A and B: 5).
    shared_edges : {'none', 'first', 'mutual', 'union'}
        Whether both views have the same edges (the paper, A: none; B: first), as `shared_edges` says.
    message_passing : int
        Number of layers (the paper: 1; A, B: 2); 0: the embeddings as they are.
    aggregation : {'gcn', 'sum', 'mean', 'max'}
        Of message passing: GCN (the paper, section 3.2), or GraphConv (A: sum, B: max).
    dropout : float
        Of GraphConv (A: 0.5).
    affinity : {'cosine', 'softplus'}
        Of vertices and edges: the cosine (the paper, section 3.3, B), or softplus(x . y) - 0.5, with the nearest
        neighbours by Euclidean distance (A).
    local : {'similarity', 'distance'}
        Local part of the vertex affinities: the similarity of matched cells, with the share 1 - alpha (the paper,
        section 3.3), or their distances, which are subtracted as they are (A).
    alpha : float
        Share of the global affinity beside local similarities (the paper: 0.8); 1: no local similarity.
    pairs : int
        Number of matched cell pairs in a local affinity (gamma; the paper, A: 20).
    cells : int
        Largest side of a feature map in local affinities; larger maps are averaged down to it (7: a ResNet's map at
        224 px; a ViT's map of 14 would cost 16 times as much).
    edges : {'before', 'after'}
        Edge affinities compare differences of the embeddings before (the paper's text, as we read it) or after message
        passing (A, B).
    edge_weight : float
        Weight of the edge affinities (the paper: 1; A, B: 0.5); 0: the matching is a linear assignment.
    margin : float
        Subtracted from the affinity of each right match, in the solver alone (A: 1; Rolinek et al., ECCV 2020).
    noise : float
        Scale of the Gumbel noise on vertex and edge affinities (the paper: 1; B: 0.05); 0: blackbox differentiation
        (A).
    samples : int
        Draws of the noise per step (the paper, B: 1).
    lambda_ : float
        Strength of the solver's gradient, as for `MatchingLayer` (the paper, A, B: 80).
    budget : {'fast', 'default', 'best'}
        Budget of the solver.

    Raises
    ------
    ValueError
        If a parameter is out of its range or no such choice, and as `MatchingLayer`.
    """

    @checked
    def __init__(
        self,
        channels: Count,
        graph_size: Count | None = None,
        partitions: Count = 1,
        neighbours: Count = 5,
        shared_edges: Shared = "none",
        message_passing: CountOrZero = 1,
        aggregation: Aggregation = "gcn",
        dropout: ShareBelowOne = 0.0,
        affinity: Literal["cosine", "softplus"] = "cosine",
        local: Literal["similarity", "distance"] = "similarity",
        alpha: Share = 0.8,
        pairs: Count = 20,
        cells: Count = 7,
        edges: Literal["before", "after"] = "before",
        edge_weight: PositiveOrZero = 1.0,
        margin: Number = 0.0,
        noise: PositiveOrZero = 1.0,
        samples: Count = 1,
        lambda_: Positive = 80.0,
        budget: str = "fast",
    ) -> None:
        super().__init__()
        if graph_size is None and partitions > 1:
            raise ValueError(
                f"partitions is {partitions} and graph_size None: several need a size of the graphs"
            )
        self.graph_size = graph_size
        self.partitions = partitions
        self.neighbours = neighbours
        self.shared_edges = shared_edges
        self.affinity = affinity
        self.local = local
        self.alpha = alpha
        self.pairs = pairs
        self.cells = cells
        self.edges = edges
        self.edge_weight = edge_weight
        self.margin = margin
        self.message_passing = refining_layers(channels, message_passing, aggregation, dropout)
        self.matching = MatchingLayer(
            lambda_, samples, vertex_noise=noise, edge_noise=noise, budget=budget
        )

    def loss(
        self,
        maps: tuple[Tensor, Tensor],
        embeddings: tuple[Tensor, Tensor],
        views: Tensor,
    ) -> dict[str, Tensor]:
        """Compute the Hamming distance of the matchings to the identity, per image, with gradients for the affinities.

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
            `loss`, and monitors: `accuracy`, the share of images that are matched to themselves, with noise and margin;
            `accuracy_without_noise`, the same by linear assignment of the vertex affinities, without both;
            `second_order_share`, the share of images that linear assignment with the same noise and margin matches to
            another one; `solver_time`, the time of both solves in seconds.
        """
        if not all(
            z.isfinite().all() for z in embeddings
        ):  # there is no graph; NonFiniteHook ends the run
            return dict(loss=sum(z.sum() for z in embeddings) * torch.nan)
        pair = self.graphs(maps, embeddings, views)
        edges = pair.weighted_edges(self.edge_weight, self.affinity)
        trained = pair.vertex
        if self.margin:
            trained = trained - self.margin * torch.eye(trained.shape[-1], device=trained.device)
        seed = int(torch.randint(2**62, ()))
        distance, matching, solver_time = matching_loss(self.matching, trained, *edges, seed)
        with torch.no_grad():
            linear = linear_matching(trained, self.matching, seed)
            clean = linear_matching(pair.vertex, MatchingLayer(budget=self.matching.budget), seed)
        images = matching.shape[:2].numel()
        return dict(
            loss=distance / images,
            accuracy=matching.diagonal(dim1=1, dim2=2).mean(),
            accuracy_without_noise=clean.diagonal(dim1=1, dim2=2).mean(),
            second_order_share=(matching - linear).abs().sum() / (2 * images),
            solver_time=matching.new_tensor(solver_time),
        )

    def graphs(
        self, maps: tuple[Tensor, Tensor], embeddings: tuple[Tensor, Tensor], views: Tensor
    ) -> GraphPair:
        """Compute the graphs of both views and their vertex affinities; arguments as for `loss`."""
        images: Any = slice(None)  # one graph of all
        if self.graph_size is not None:
            images = random_graphs(len(views), self.graph_size, self.partitions).to(views.device)
        before = [z[images] for z in embeddings]  # (N, F) or (G, n, F)
        first, second = (knn_edges(z, self.neighbours, self.affinity) for z in before)
        edges = shared_edges(first, second, self.shared_edges)
        after = [
            self.message_passing(z.flatten(0, -2), e).reshape(z.shape)
            for z, e in zip(before, edges, strict=True)
        ]
        vertex = AFFINITIES[self.affinity](*after)
        if self.local == "distance":
            vertex = vertex - local_distance(*self._cells(maps, views, images), self.pairs)
        elif self.alpha < 1:
            local = local_affinity(*self._cells(maps, views, images), self.pairs)
            vertex = self.alpha * vertex + (1 - self.alpha) * local
        size = vertex.shape[-1]
        vertex = vertex.reshape(-1, size, size)
        compared = before if self.edges == "before" else after
        source, target = (z.reshape(len(vertex), size, -1) for z in compared)
        return GraphPair(
            vertex, source, target, *(split_edges(e, len(vertex), size) for e in edges)
        )

    def _cells(
        self, maps: tuple[Tensor, Tensor], views: Tensor, images: Any
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the cells of both views (..., C, D), and their positions (..., C, 2), of the images of each graph."""
        rows, columns = (min(side, self.cells) for side in maps[0].shape[2:])
        source, target = (
            adaptive_avg_pool2d(m, (rows, columns)).flatten(2).transpose(1, 2) for m in maps
        )
        source_at, target_at = (cell_positions(views[:, v], rows, columns) for v in range(2))
        return source[images], target[images], source_at[images], target_at[images]
