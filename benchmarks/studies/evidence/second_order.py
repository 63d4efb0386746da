"""What the second order and lambda do to the matching of a trained model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import default_collate
from mmengine.registry import DATASETS, MODELS, DefaultScope
from mmpretrain.models.selfsup import BaseSelfSupervisor
from torch import Tensor

import lvmmed_backbones.pretrain.registration  # noqa: F401
from benchmarks.studies.evidence.results import AGAIN, RESULT, read_result
from benchmarks.studies.evidence.variants import VARIANTS
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.matching.layer import MatchingLayer
from lvmmed_backbones.openmmlab.resumption import load_all
from lvmmed_backbones.pretrain import CONFIGS
from lvmmed_backbones.pretrain.hooks import newest_checkpoint
from lvmmed_backbones.pretrain.losses.affinities import edge_affinity, knn_edges
from lvmmed_backbones.pretrain.losses.graph_matching import hamming_to_identity
from lvmmed_backbones.weights.loading import read

BATCH, BATCHES = 64, 8
WEIGHTS = (0.1, 1.0)
LAMBDAS = (80.0, 8.0, 0.8, 0.08)
BUDGET = "default"


def changes(*, runs: Sequence[Path], corpus: Path) -> list[dict[str, Any]]:
    """What the second order and lambda change in the matching: `python -m benchmarks.studies.evidence changes`.

    Parameters
    ----------
    runs : sequence of Path
        Folders of runs of LVM-Med, of which the newest checkpoint is taken.
    corpus : Path
        Whose images are matched.

    Returns
    -------
    list of dict
        The rows of each run, as of `changes_of`.

    Raises
    ------
    FileNotFoundError
        If there is no checkpoint.
    """
    return [row for run in runs for row in changes_of(run, corpus)]


def changes_of(run: Path, corpus: Path) -> list[dict[str, Any]]:
    """A row for each weight of the edge affinities and for each lambda.

    The rows of a weight, without noise, as shares of all images: `linear`, matched to themselves by linear assignment;
    `changed`, matched otherwise with edges; `corrected` and `broken`, matched to themselves only with, only without
    edges. The rows of a lambda, 16 samples of noise 0.1 and no edges: `returned`, matched to themselves once the costs
    are moved.

    Parameters
    ----------
    run : Path
        The folder of a run of LVM-Med, of which the newest checkpoint is taken.

    Raises
    ------
    FileNotFoundError
        If there is no checkpoint.
    """
    found: dict[tuple[str, float], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for vertex, similar, edges in problems(newest_checkpoint(run), corpus):
        none = [e[:0] for e in edges]
        before = solved(vertex, vertex.new_zeros(0, 0), none)
        right = before.diagonal() > 0.5
        for weight in WEIGHTS:
            matching = solved(vertex, weight * similar, edges)
            now = matching.diagonal() > 0.5
            row = found["weight", weight]
            row["linear"].append(float(right.float().mean()))
            row["changed"].append(float((matching - before).abs().sum() / (2 * len(vertex))))
            row["corrected"].append(float((now & ~right).float().mean()))
            row["broken"].append(float((right & ~now).float().mean()))
        for lambda_ in LAMBDAS:
            found["lambda", lambda_]["returned"].append(returned(vertex, lambda_))
    columns = ("linear", "changed", "corrected", "broken", "returned")
    return [
        dict(run=run.name, of=kind, value=value)
        | {name: round(mean(row[name]), 4) if name in row else "" for name in columns}
        for (kind, value), row in found.items()
    ]


def problems(checkpoint: Path, corpus: Path) -> Iterator[tuple[Tensor, Tensor, list[Tensor]]]:
    """Vertex affinities (N, N), edge affinities (E_s, E_t) and edges of batches, as the checkpoint's head sees them."""
    model, batches = loaded(checkpoint, corpus, BATCHES)
    for data in batches:
        with torch.no_grad():
            yield problem(model, data)


def loaded(
    checkpoint: Path, corpus: Path, number: int
) -> tuple[BaseSelfSupervisor, Iterator[dict]]:
    """The model of a checkpoint, and batches of its corpus ready for it."""
    content = read(checkpoint)
    config = config_of(checkpoint.parent)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        model = MODELS.build(dict(config.model, data_preprocessor=config.data_preprocessor))
        dataset = DATASETS.build(dict(config.train_dataloader.dataset, root=str(corpus)))
    load_all(model, content.get("state_dict", {}), checkpoint)
    model.train()  # embeddings by the statistics of the batch, as in training
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0))
    chosen = order[: number * BATCH].split(BATCH)
    samples = (default_collate([dataset[int(n), 0] for n in batch]) for batch in chosen)
    return model, (model.data_preprocessor(data, training=True) for data in samples)


def config_of(run: Path) -> Config:
    """The config of a run of the study: that of its variant, which our code has, and not the text in its files.

    Raises
    ------
    FileNotFoundError, Refused
        If the run has no result, or one of no variant.
    """
    file = run / RESULT
    name = read_result(file)["variant"]
    variant = VARIANTS[name]
    if variant.config is None:
        raise Refused(file, f"is of the variant {name!r}, which was not trained", AGAIN)
    config = Config.fromfile(CONFIGS / f"{variant.config}.py")
    config.merge_from_dict(dict(variant.changes))
    return config


def problem(model: BaseSelfSupervisor, data: dict) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Vertex affinities (N, N), edge affinities (E_s, E_t) and edges of a batch."""
    maps = model.backbone(torch.cat(data["inputs"]))
    embeddings = model.neck(maps)[0].chunk(2)
    views = torch.stack([sample.views for sample in data["data_samples"]])
    edges = [knn_edges(z, model.head.neighbours) for z in embeddings]
    vertex = model.head.vertex_affinity(maps[-1].chunk(2), embeddings, views, edges)
    return vertex, edge_affinity(embeddings[0], edges[0], embeddings[1], edges[1]), edges


def solved(vertex: Tensor, edge: Tensor, edges: list[Tensor]) -> Tensor:
    """The matching (N, N) without noise."""
    layer = MatchingLayer(budget=BUDGET)
    return layer(vertex[None], edge[None], *(e[None] for e in edges))[0][0]


def returned(vertex: Tensor, lambda_: float) -> float:
    """Share of images that are matched to themselves by costs moved against the gradient of the Hamming distance."""
    layer = MatchingLayer(lambda_, samples=16, vertex_noise=0.1)
    leaf = vertex.detach()[None].requires_grad_()
    none = leaf.new_zeros(1, 0, 2)
    with torch.enable_grad():
        matching = layer(leaf, leaf.new_zeros(1, 0, 0), none, none, 0)[0][0]
        gradient = torch.autograd.grad(hamming_to_identity(matching), leaf)[0][0]
    moved = matching - lambda_ * gradient  # gradient = (matching - moved) / lambda_
    return float(moved.detach().diagonal().mean())
