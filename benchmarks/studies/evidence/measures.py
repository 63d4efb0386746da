"""Measures on trained models: what the second order and lambda do to the matching, and noise to the gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from statistics import mean
from typing import Any

import pandas as pd
import torch
from mmengine.config import Config
from mmengine.dataset import default_collate
from mmengine.registry import DATASETS, MODELS, DefaultScope
from mmpretrain.models.selfsup import BaseSelfSupervisor
from torch import Tensor
from torch.nn.functional import cosine_similarity

import lvmmed_backbones.pretrain.registration  # noqa: F401
from benchmarks.studies.evidence.study import AGAIN, RESULT, read_result
from benchmarks.studies.evidence.variants import VARIANTS
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.matching.layer import MatchingLayer
from lvmmed_backbones.openmmlab.resumption import load_all
from lvmmed_backbones.pretrain import CONFIGS
from lvmmed_backbones.pretrain.hooks import newest_checkpoint
from lvmmed_backbones.pretrain.losses.graph_matching import (
    GraphPair,
    hamming_to_identity,
    linear_matching,
    matching_loss,
)
from lvmmed_backbones.weights.loading import read

BATCH = 64
# Of `changes`:
WEIGHTS = (0.1, 1.0)
LAMBDAS = (80.0, 8.0, 0.8, 0.08)
BUDGET = "default"
# Of `gradients`: noise, samples, and weight of the edge affinities
SETTINGS = [
    *((0.1, samples, weight) for samples in (1, 4, 16, 64) for weight in (0, 0.1, 1.0)),
    *((noise, 16, 0) for noise in (0.03, 0.3, 1.0)),
]
DRAWS = 6

Row = dict[str, Any]


def changes(*, runs: Sequence[Path], corpus: Path) -> list[Row]:
    """Measure what the second order and lambda change in the matching: `python -m benchmarks.studies.evidence changes`.

    Parameters
    ----------
    runs : sequence of Path
        Folders of runs of LVM-Med, of which the newest checkpoint is taken.
    corpus : Path
        The corpus whose images are matched.

    Returns
    -------
    list of dict
        For each run a row for each weight of the edge affinities and one for each lambda. The rows of a weight, without
        noise, hold shares of all images: `linear`, matched to themselves by linear assignment; `changed`, matched
        otherwise with edges; `corrected` and `broken`, matched to themselves only with, only without edges. The rows of
        a lambda, with 16 samples of noise 0.1 and without edges, hold `returned`: the share matched to themselves once
        the costs are moved.

    Raises
    ------
    FileNotFoundError
        If there is no checkpoint.
    """
    return _means(_changes_of_batch, ["of", "value"], runs, corpus, batches=8)


def gradients(*, runs: Sequence[Path], corpus: Path) -> list[Row]:
    """Measure how far two draws of the noise agree on the gradient: `python -m benchmarks.studies.evidence gradients`.

    Parameters
    ----------
    runs : sequence of Path
        Folders of runs of LVM-Med, of which the newest checkpoint is taken.
    corpus : Path
        The corpus whose images are matched.

    Returns
    -------
    list of dict
        For each run a row for each scale of the noise, number of samples and weight of the edge affinities, at lambda
        80. `agreement` is the mean cosine between the gradients of the encoder's parameters that two draws of the noise
        give for the same batch. At 1 the estimate has no noise; at c, a share c of its squared length is the expected
        gradient.

    Raises
    ------
    FileNotFoundError
        If there is no checkpoint.
    """
    keys = ["noise", "samples", "edge_weight"]
    return _means(_agreements_of_batch, keys, runs, corpus, batches=4)


def _means(
    measure: Callable[[BaseSelfSupervisor, dict], list[Row]],
    keys: list[str],
    runs: Sequence[Path],
    corpus: Path,
    batches: int,
) -> list[Row]:
    """Return the rows of each run: those that `measure` returns for a batch, as means over the batches by `keys`."""
    rows: list[Row] = []
    for run in runs:
        model, data = _load(newest_checkpoint(run), corpus, batches)
        frame = pd.DataFrame([row for batch in data for row in measure(model, batch)])
        means = frame.groupby(keys, sort=False).mean().round(4).reset_index().astype(object)
        means.insert(0, "run", run.name)
        rows += means.where(means.notna(), "").to_dict("records")
    return rows


@torch.no_grad()
def _changes_of_batch(model: BaseSelfSupervisor, batch: dict) -> list[Row]:
    pair = _graphs(model, batch)
    layer = MatchingLayer(budget=BUDGET)
    linear = linear_matching(pair.vertex, layer, seed=0)
    right = linear.diagonal(dim1=1, dim2=2) > 0.5
    rows: list[Row] = []
    for weight in WEIGHTS:
        matching = torch.stack(layer(list(pair.vertex), *pair.weighted_edges(weight), 0)[0])
        right_with_edges = matching.diagonal(dim1=1, dim2=2) > 0.5
        shares = dict(
            linear=right,
            changed=(matching - linear).abs().sum(dim=2) / 2,
            corrected=right_with_edges & ~right,
            broken=right & ~right_with_edges,
        )
        means = {name: float(share.float().mean()) for name, share in shares.items()}
        rows.append(dict(of="weight", value=weight, **means))
    return rows + [dict(of="lambda", value=x, returned=returned(pair.vertex, x)) for x in LAMBDAS]


def _agreements_of_batch(model: BaseSelfSupervisor, batch: dict) -> list[Row]:
    parameters = list(model.backbone.parameters())
    pair = _graphs(model, batch)
    rows = []
    for noise, samples, weight in SETTINGS:
        layer = MatchingLayer(80.0, samples, vertex_noise=noise, edge_noise=noise)
        edges = pair.weighted_edges(weight)
        drawn = []
        for seed in range(DRAWS):
            loss, _, _ = matching_loss(layer, pair.vertex, *edges, seed)
            slopes = torch.autograd.grad(loss, parameters, retain_graph=True)
            drawn.append(torch.cat([slope.flatten() for slope in slopes]))
        cosines = [float(cosine_similarity(a, b, dim=0)) for a, b in combinations(drawn, 2)]
        setting = dict(noise=noise, samples=samples, edge_weight=weight)
        rows.append(dict(**setting, agreement=mean(cosines)))
    return rows


def _load(
    checkpoint: Path, corpus: Path, batches: int
) -> tuple[BaseSelfSupervisor, Iterator[dict]]:
    """Return the model of a checkpoint, and batches of the corpus that are ready for it."""
    content = read(checkpoint)
    config = _config_of(checkpoint.parent)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        model = MODELS.build(dict(config.model, data_preprocessor=config.data_preprocessor))
        dataset = DATASETS.build(dict(config.train_dataloader.dataset, root=str(corpus)))
    load_all(model, content.get("state_dict", {}), checkpoint)
    model.train()  # embeddings by the statistics of the batch, as in training
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0))
    chosen = order[: batches * BATCH].split(BATCH)
    samples = (default_collate([dataset[int(n), 0] for n in numbers]) for numbers in chosen)
    return model, (model.data_preprocessor(data, training=True) for data in samples)


def _config_of(run: Path) -> Config:
    """Return the config of a run's variant, which our code has; the text in the run's files is not read.

    Raises
    ------
    FileNotFoundError, Refused
        If the run has no result, or its variant was not trained.
    """
    file = run / RESULT
    name = read_result(file)["variant"]
    variant = VARIANTS[name]
    if variant.config is None:
        raise Refused(file, f"is of the variant {name!r}, which was not trained", AGAIN)
    config = Config.fromfile(CONFIGS / f"{variant.config}.py")
    config.merge_from_dict(dict(variant.changes))
    return config


def _graphs(model: BaseSelfSupervisor, data: dict) -> GraphPair:
    """Return the graphs of both views of a batch."""
    maps = model.backbone(torch.cat(data["inputs"]))
    embeddings = model.neck(maps)[0].chunk(2)
    views = torch.stack([sample.views for sample in data["data_samples"]])
    return model.head.graphs(maps[-1].chunk(2), embeddings, views)


def returned(vertex: Tensor, lambda_: float) -> float:
    """Return the share of images matched to themselves by costs moved against the gradient of the Hamming distance.

    Parameters
    ----------
    vertex : Tensor
        Vertex affinities (G, N, N) of G pairs of graphs.
    lambda_ : float
        How far the costs are moved.
    """
    layer = MatchingLayer(lambda_, samples=16, vertex_noise=0.1)
    leaf = vertex.detach().requires_grad_()
    with torch.enable_grad():
        matching = linear_matching(leaf, layer, seed=0)
        (gradient,) = torch.autograd.grad(hamming_to_identity(matching), leaf)
    moved = matching - lambda_ * gradient  # gradient = (matching - moved) / lambda_
    return float(moved.detach().diagonal(dim1=1, dim2=2).mean())
