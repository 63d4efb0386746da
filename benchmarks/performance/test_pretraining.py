"""Cost of a step of pretraining: LVM-Med beside SimCLR, the loader, the memory of the affinities."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS, DefaultScope

import lvmmed_backbones.pretrain.registration  # noqa: F401
from lvmmed_backbones.corpus.building import build
from lvmmed_backbones.matching.layer import MatchingLayer
from lvmmed_backbones.pretrain import CONFIGS
from lvmmed_backbones.pretrain.losses.affinities import cosine_affinity, local_affinity
from lvmmed_backbones.pretrain.losses.graph_matching import GraphPair, matching_loss
from lvmmed_backbones.pretrain.losses.graphs import knn_edges, split_edges

BATCH, SIZE = 64, 64


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """512 images of 256 px."""
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "in").mkdir()
    rng = np.random.default_rng(0)
    for number in range(512):
        image = cv2.resize(rng.integers(0, 256, (12, 12), np.uint8), (256, 256))
        cv2.imwrite(str(folder / "in" / f"{number}.png"), image)
    build([("x", folder / "in")], folder / "out", workers=2)
    return folder / "out"


def _batch(corpus: Path, name: str) -> tuple[list, Callable]:
    """Return the views of a batch of a mini config, and their data set."""
    config = Config.fromfile(CONFIGS / f"{name}.py")
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        dataset = DATASETS.build(dict(config.train_dataloader.dataset, root=str(corpus)))
        return [dataset[n] for n in range(BATCH)], dataset


@pytest.mark.parametrize("method", ["simclr", "lvmmed"])
def test_steps(benchmark, corpus: Path, method: str) -> None:
    """Forward, backward and update, ResNet-50, 64 px, 64 images, two views of each."""
    samples, _ = _batch(corpus, f"{method}_resnet18_mini")
    config = Config.fromfile(CONFIGS / f"{method}_resnet50_paper.py")
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        model = MODELS.build(dict(config.model, data_preprocessor=config.data_preprocessor))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    data = dict(
        inputs=[torch.stack([s["inputs"][v] for s in samples]) for v in range(2)],
        data_samples=[s["data_samples"] for s in samples],
    )
    solver = []

    def step() -> None:
        losses = model(**model.data_preprocessor(data, training=True), mode="loss")
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
        solver.append(float(losses.get("solver_time", 0)))

    benchmark.group = "a step of pretraining, ResNet-50, 64 px, 64 images"
    benchmark.pedantic(step, rounds=8, warmup_rounds=1)
    benchmark.extra_info["solver's share"] = float(np.median(solver) / benchmark.stats["median"])


def test_matching_of_small_graphs(benchmark) -> None:
    """Both solves of 80 graphs of 10 images, as a step of lvmmed_resnet50_release on one GPU with 800 images has."""
    generator = torch.Generator().manual_seed(0)
    x, noise = torch.randn(2, 80, 10, 128, generator=generator)
    y = 0.5 * x + 0.75**0.5 * noise
    edges = [split_edges(knn_edges(view, 5), 80, 10) for view in (x, y)]
    pair = GraphPair(cosine_affinity(x, y), x, y, *edges)
    weighted = pair.weighted_edges(0.5)
    benchmark.group = "both solves of 80 graphs of 10"
    benchmark(lambda: matching_loss(MatchingLayer(80.0), pair.vertex, *weighted, seed=0))


def test_loading(benchmark, corpus: Path) -> None:
    """The views of a batch of 64 images, in one process."""
    _, dataset = _batch(corpus, "lvmmed_resnet18_mini")
    benchmark.group = "views of 64 images"
    benchmark(lambda: [dataset[n] for n in range(BATCH)])


def test_affinities_of_a_large_batch(benchmark) -> None:
    """Local affinities and their gradients: 256 images, maps of 7 x 7 cells and 2048 channels, as ResNet-50 at 224 px.

    For comparison: what autograd keeps of the encoder for both views of as many images, measured on 8 of them.
    """
    maps = [torch.randn(256, 49, 2048, requires_grad=True) for _ in range(2)]
    places = [torch.rand(256, 49, 2) for _ in range(2)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def run() -> None:
        local_affinity(*maps, *places, 20).square().sum().backward()

    benchmark.group = "local affinities, 256 images, 7 x 7 cells"
    benchmark.pedantic(run, rounds=1)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20
    benchmark.extra_info["peak memory, GB"] = grown
    benchmark.extra_info["kept of the encoder, GB"] = _kept_by_encoder(8) / 8 * 2 * 256


def _kept_by_encoder(images: int) -> float:
    """Return the GB that a ResNet-50 keeps for its backward pass over images of 224 px; each tensor counts once."""
    model = Config.fromfile(CONFIGS / "lvmmed_resnet50_paper.py").model
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        backbone = MODELS.build(model.backbone).train()
    kept = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    weights = {parameter.untyped_storage().data_ptr() for parameter in backbone.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        maps = backbone(torch.zeros(images, 3, 224, 224))
    assert maps[-1].requires_grad
    return sum(size for address, size in kept.items() if address not in weights) / 2**30
