"""Measures on a pretrained model that may tell why its features are good: of features, matchings and gradients."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import default_collate
from mmengine.registry import DATASETS, MODELS, DefaultScope
from mmpretrain.models.selfsup import BaseSelfSupervisor
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

import lvmmed_backbones.pretrain.registration  # noqa: F401
from benchmarks.studies.evidence.ideas import SoftMatchingHead
from lvmmed_backbones.matching.layer import MatchingLayer
from lvmmed_backbones.openmmlab.resumption import load_all
from lvmmed_backbones.pretrain.hooks import newest_checkpoint
from lvmmed_backbones.pretrain.losses.graph_matching import (
    GraphPair,
    linear_matching,
    matching_loss,
    matchings,
)
from lvmmed_backbones.pretrain.methods.lvmmed import GraphMatchingHead
from lvmmed_backbones.weights.loading import read

BATCHES = 8
OF_GRADIENTS = 2  # batches whose gradients are compared
DRAWS = 4  # of the noise, for each


def measure(run: Path, config: Config, corpus: Path) -> dict[str, float]:
    """Return measures of the newest checkpoint of a pretraining, on views of images of the corpus.

    Of all methods, of the encoder's pooled features at length 1: `alignment`, the mean squared distance of two views of
    an image, and `uniformity`, the logarithm of the mean of exp(-2 d^2) over pairs of images (Wang and Isola, ICML
    2020, section 4.1); both are better if they are less.

    Of graph matching by the solver, as shares of images, without noise and margin: `vertices`, matched to themselves by
    linear assignment; `corrected` and `broken`, matched to themselves only with, only without edges of the config's
    weight. `agreement`, the mean cosine of the gradients of the encoder's parameters that two draws of the noise give
    for the same batch.

    Parameters
    ----------
    run : Path
        Folder of the pretraining.
    config : Config
        Its config.
    corpus : Path
        Its corpus.

    Raises
    ------
    FileNotFoundError
        If there is no checkpoint.
    """
    model, batches = _load(newest_checkpoint(run), config, corpus)
    rows: list[dict[str, float]] = []
    for number, batch in enumerate(batches):
        row = _of_features(model, batch)
        if isinstance(model.head, GraphMatchingHead) and not isinstance(
            model.head, SoftMatchingHead
        ):
            torch.manual_seed(number)  # the partitions into graphs
            row |= _of_matching(model, batch)
            if number < OF_GRADIENTS:
                row["agreement"] = _agreement(model, batch)
        rows.append(row)
    keys = rows[0]
    return {key: float(np.mean([row[key] for row in rows if key in row])) for key in keys}


def _load(
    checkpoint: Path, config: Config, corpus: Path
) -> tuple[BaseSelfSupervisor, Iterator[dict]]:
    """Return the model of a checkpoint, and batches of the corpus that are ready for it."""
    content = read(checkpoint)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        model = MODELS.build(dict(config.model, data_preprocessor=config.data_preprocessor))
        dataset = DATASETS.build(dict(config.train_dataloader.dataset, root=str(corpus)))
    load_all(model, content.get("state_dict", {}), checkpoint)
    model.train()  # embeddings by the statistics of the batch, as in training
    size = config.train_dataloader.batch_size
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0))
    chosen = order[: BATCHES * size].split(size)
    samples = (default_collate([dataset[int(n), 0] for n in numbers]) for numbers in chosen)
    return model, (model.data_preprocessor(data, training=True) for data in samples)


@torch.no_grad()
def _of_features(model: BaseSelfSupervisor, batch: dict) -> dict[str, float]:
    maps = model.backbone(torch.cat(batch["inputs"][:2]))[-1]
    first, second = normalize(maps.mean((2, 3)), dim=1).chunk(2)
    return dict(alignment=float(alignment(first, second)), uniformity=float(uniformity(first)))


def alignment(first: Tensor, second: Tensor) -> Tensor:
    """Return the mean squared distance of two views (N, F) of the same images, of length 1."""
    return (first - second).square().sum(1).mean()


def uniformity(features: Tensor) -> Tensor:
    """Return log mean exp(-2 d^2) over all pairs of N different images, (N, F) of length 1."""
    return torch.pdist(features).square().mul(-2).exp().mean().log()


@torch.no_grad()
def _of_matching(model: BaseSelfSupervisor, batch: dict) -> dict[str, float]:
    pair, head = _graphs(model, batch), model.head
    layer = MatchingLayer(budget="default")
    right = linear_matching(pair.vertex, layer, seed=0).diagonal(dim1=1, dim2=2) > 0.5
    edges = pair.weighted_edges(head.edge_weight, head.affinity)
    with_edges = matchings(layer, pair.vertex, *edges, seed=0).diagonal(dim1=1, dim2=2) > 0.5
    shares = dict(vertices=right, corrected=with_edges & ~right, broken=right & ~with_edges)
    return {name: float(share.float().mean()) for name, share in shares.items()}


def _agreement(model: BaseSelfSupervisor, batch: dict) -> float:
    parameters = list(model.backbone.parameters())
    pair, head = _graphs(model, batch), model.head
    edges = pair.weighted_edges(head.edge_weight, head.affinity)
    drawn = []
    for seed in range(DRAWS):
        loss, _, _ = matching_loss(head.matching, pair.vertex, *edges, seed)
        slopes = torch.autograd.grad(loss, parameters, retain_graph=True)
        drawn.append(torch.cat([slope.flatten() for slope in slopes]))
    return float(np.mean([float(cosine_similarity(a, b, 0)) for a, b in combinations(drawn, 2)]))


def _graphs(model: BaseSelfSupervisor, data: dict) -> GraphPair:
    """Return the graphs of both views of a batch."""
    maps = model.backbone(torch.cat(data["inputs"]))
    embeddings = model.neck(maps)[0].chunk(2)
    views = torch.stack([sample.views for sample in data["data_samples"]])
    return model.head.graphs(maps[-1].chunk(2), embeddings, views)
