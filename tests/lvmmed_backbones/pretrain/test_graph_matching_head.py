"""The options of LVM-Med's head: what each does, against enumeration and against the head that had none of them."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from lvmmed_backbones.matching import Problem, solve
from lvmmed_backbones.matching.layer import MatchingLayer
from lvmmed_backbones.pretrain.losses.graph_matching import hamming_to_identity, matching_loss
from lvmmed_backbones.pretrain.losses.graphs import knn_edges, random_graphs
from lvmmed_backbones.pretrain.message_passing import normalised_adjacency
from lvmmed_backbones.pretrain.methods.lvmmed import GraphMatchingHead
from lvmmed_backbones.pretrain.views import cell_positions

N, F, K = 13, 6, 2
RELEASE = dict(
    message_passing=2,
    aggregation="sum",
    affinity="softplus",
    local="distance",
    edges="after",
    edge_weight=0.5,
    margin=1.0,
    noise=0.0,
)


def head_of(**options: Any) -> GraphMatchingHead:
    torch.manual_seed(0)
    return GraphMatchingHead(F, **{"neighbours": K, "cells": 3, **options})


def batch() -> tuple[list[Tensor], list[Tensor], Tensor]:
    """Maps and embeddings of two views that resemble each other, and their positions."""
    generator = torch.Generator().manual_seed(1)

    def views_of(*shape: int) -> list[Tensor]:
        common = torch.randn(*shape, generator=generator)
        two = [common + 0.7 * torch.randn(*shape, generator=generator) for _ in range(2)]
        return [view.requires_grad_() for view in two]

    return views_of(N, 4, 3, 3), views_of(N, F), torch.rand(N, 2, 5, generator=generator)


def gradients(head: GraphMatchingHead, seed: int = 5) -> tuple[dict, list[Tensor]]:
    """Monitors, and the gradients of maps and embeddings."""
    maps, embeddings, views = batch()
    torch.manual_seed(seed)
    found = head.loss(tuple(maps), tuple(embeddings), views)
    leaves = [*maps, *embeddings]
    slopes = torch.autograd.grad(found["loss"], leaves, allow_unused=True)
    return found, [
        torch.zeros_like(x) if g is None else g for x, g in zip(leaves, slopes, strict=True)
    ]


def before_options(maps, embeddings, views, weights, seed: int) -> Tensor:
    """The loss of the head before it had options: one graph, GCN, cosines, as version 0.1 computed it."""
    edges = [knn_edges(z, K) for z in embeddings]

    def directions(x: Tensor, dim: int = 1) -> Tensor:
        scale = x.detach().abs().amax(dim, keepdim=True).clamp_min(1e-5)
        scaled = x / scale
        length = torch.linalg.vector_norm(scaled, dim=dim, keepdim=True)
        short = length * scale < 1e-5
        return torch.where(short, 0, scaled / torch.where(short, 1, length))

    refined = []
    for z, e in zip(embeddings, edges, strict=True):
        adjacency = normalised_adjacency(e, N)
        for weight in weights:
            z = torch.nn.functional.leaky_relu(adjacency @ weight(z), 0.2)
        refined.append(z)
    x, y = (directions(adaptive_avg_pool2d(m, (3, 3)).flatten(2).transpose(1, 2), 2) for m in maps)
    at, to = (cell_positions(views[:, v], 3, 3) for v in range(2))
    cosine = torch.einsum("icd,aed->iace", x, y)
    distance = torch.cdist(at.flatten(0, 1), to.flatten(0, 1))
    distance = distance.unflatten(1, (N, 9)).unflatten(0, (N, 9)).transpose(1, 2)
    local = torch.zeros(N, N)
    for c, d in ((cosine, distance), (cosine.transpose(2, 3), distance.transpose(2, 3))):
        least, nearest = d.min(dim=3)
        kept = least.topk(9, dim=2, largest=False).indices
        by_position = c.gather(3, nearest[..., None])[..., 0].gather(2, kept)
        by_feature = c.max(dim=3).values.topk(9, dim=2).values
        local = local + by_position.mean(2) + by_feature.mean(2)
    vertex = 0.8 * (directions(refined[0]) @ directions(refined[1]).T) + (1 - 0.8) * (local / 4)
    features = [directions(z[e[:, 0]] - z[e[:, 1]]) for z, e in zip(embeddings, edges, strict=True)]
    edge = 1.0 * (features[0] @ features[1].T)
    layer = MatchingLayer(80.0, 1, vertex_noise=1.0, edge_noise=1.0)
    torch.manual_seed(seed)
    drawn = int(torch.randint(2**62, ()))
    leaves = [affinity.detach()[None].requires_grad_() for affinity in (vertex, edge)]
    matching, _ = layer(*leaves, *(e[None] for e in edges), drawn)
    distance = hamming_to_identity(matching[0])
    slopes = torch.autograd.grad(distance, leaves)
    linear = (vertex * slopes[0][0]).sum() + (edge * slopes[1][0]).sum()
    return (distance.detach() + linear - linear.detach()) / N


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_the_defaults_are_the_head_without_options_to_the_bit(layers: int) -> None:
    head = head_of(message_passing=layers)
    found, slopes = gradients(head)
    maps, embeddings, views = batch()
    loss = before_options(maps, embeddings, views, head.message_passing.weights, 5)
    assert torch.equal(found["loss"], loss)
    for one, other in zip(slopes, torch.autograd.grad(loss, [*maps, *embeddings]), strict=True):
        assert torch.equal(one, other)


# What changes, and beside what.
OPTIONS = [
    (dict(graph_size=5), {}),
    (dict(partitions=2), dict(graph_size=5)),
    (dict(neighbours=3), {}),
    *((dict(shared_edges=shared), {}) for shared in ("first", "mutual", "union")),
    *((dict(aggregation=aggregation), {}) for aggregation in ("sum", "mean", "max")),
    (dict(dropout=0.5), dict(aggregation="sum", message_passing=2)),
    (dict(affinity="softplus"), {}),
    (dict(local="distance"), {}),
    (dict(alpha=0.1), {}),
    (dict(pairs=1), {}),
    (dict(pairs=1), dict(local="distance")),
    (dict(cells=2), {}),
    (dict(edges="after"), {}),
    (dict(edge_weight=0.1), {}),
    (dict(margin=0.5), dict(noise=0.0)),
    (dict(noise=0.1), {}),
    (dict(samples=3), {}),
    (dict(lambda_=0.01), {}),
]


@pytest.mark.parametrize(("changed", "beside"), OPTIONS)
def test_every_option_reaches_the_gradient(changed: dict, beside: dict) -> None:
    _, without = gradients(head_of(**beside))
    _, slopes = gradients(head_of(**{**beside, **changed}))
    assert all(g.isfinite().all() for g in slopes)
    assert any(not torch.equal(one, other) for one, other in zip(slopes, without, strict=True))


def softplus(a: Tensor, b: Tensor) -> float:
    return math.log1p(math.exp(float(a @ b))) - 0.5


def refined_by_loops(head: GraphMatchingHead, x: Tensor) -> tuple[Tensor, set[tuple[int, int]]]:
    """Embeddings (n, F) of one graph after two layers of GraphConv with sums, and its edges."""
    n = len(x)
    edges = set()
    for i in range(n):
        nearest = sorted((j for j in range(n) if j != i), key=lambda j: float((x[i] - x[j]).norm()))
        edges |= {(i, j) for j in nearest[:K]}
    for layer in range(2):
        own, received = head.message_passing.own[layer], head.message_passing.received[layer]
        w, v, b = (p.detach().double() for p in (own.weight, received.weight, received.bias))
        x = x.relu() if layer else x
        total = [sum((x[i] for i, to in edges if to == j), 0 * x[j]) for j in range(n)]
        x = torch.stack([w @ x[j] + v @ total[j] + b for j in range(n)])
    return x, edges


def distances_by_loops(maps, views, pairs: int) -> np.ndarray:
    """Distances (N, N) of the images: of all cells, plus that of the cells nearest to the other view."""
    cells = [m.detach().flatten(2).mT for m in maps]
    at = [cell_positions(views[:, v], 3, 3) for v in range(2)]

    def kept(v: int, image: int) -> Tensor:
        apart = [min(math.dist(p, q) for q in at[1 - v][image]) for p in at[v][image]]
        chosen = sorted(sorted(range(9), key=lambda c: apart[c])[:pairs])
        return cells[v][image][chosen]

    found = np.zeros((N, N))
    for i, a in itertools.product(range(N), repeat=2):
        found[i, a] = (cells[0][i] - cells[1][a]).norm() + (kept(0, i) - kept(1, a)).norm()
    return found


def best_by_enumeration(vertex: np.ndarray, z, edges, weight: float) -> tuple[int, ...]:
    """The matching of largest gain among all permutations."""

    def gain(p: tuple[int, ...]) -> float:
        carried = [(i, j) for i, j in edges[0] if (p[i], p[j]) in edges[1]]
        return sum(vertex[i, a] for i, a in enumerate(p)) + weight * sum(
            softplus(z[0][i] - z[0][j], z[1][p[i]] - z[1][p[j]]) for i, j in carried
        )

    return max(itertools.permutations(range(len(vertex))), key=gain)


def brute_force(head: GraphMatchingHead, seed: int) -> float:
    """The loss of `RELEASE` by loops of its own and without the solver."""
    maps, embeddings, views = batch()
    torch.manual_seed(seed)
    graphs = random_graphs(N, head.graph_size, head.partitions)
    distances = distances_by_loops(maps, views, head.pairs)
    wrong = 0
    for graph in graphs:
        z, edges = zip(
            *(refined_by_loops(head, x.detach()[graph].double()) for x in embeddings), strict=True
        )
        vertex = np.array([[softplus(x, y) for y in z[1]] for x in z[0]])
        vertex -= distances[np.ix_(graph, graph)] + head.margin * np.eye(len(graph))
        best = best_by_enumeration(vertex, z, edges, head.edge_weight)
        wrong += sum(i != p for i, p in enumerate(best))
    return 2 * wrong / graphs.numel()


@pytest.mark.parametrize("margin", [1.0, 4.0])
def test_the_release_is_what_enumeration_finds(margin: float) -> None:
    options = dict(RELEASE, margin=margin, graph_size=5, partitions=2, pairs=4)
    head = head_of(**options)
    expected = brute_force(head, seed=5)
    found, _ = gradients(head)
    assert float(found["loss"].detach()) == pytest.approx(expected) and 0 < expected < 2


def test_the_margin_acts_on_the_solver_and_not_on_the_monitor_without_it() -> None:
    plain, _ = gradients(head_of(noise=0.0))
    hindered, _ = gradients(head_of(noise=0.0, margin=0.5))
    assert hindered["loss"] > plain["loss"]
    assert hindered["accuracy_without_noise"] == plain["accuracy_without_noise"]
    never, _ = gradients(head_of(noise=0.0, margin=50.0))
    assert float(never["accuracy"]) == 0


def test_partitions_are_drawn_from_the_seed_of_the_step() -> None:
    head = head_of(graph_size=5, partitions=3, noise=0.0)
    again, other = gradients(head, seed=5), gradients(head, seed=6)
    first = gradients(head, seed=5)
    assert all(torch.equal(x, y) for x, y in zip(first[1], again[1], strict=True))
    assert any(not torch.equal(x, y) for x, y in zip(first[1], other[1], strict=True))


def test_images_of_no_graph_get_no_gradient() -> None:
    head = head_of(
        graph_size=5, edge_weight=0.5, alpha=1.0, message_passing=0
    )  # 2 graphs of 13 images
    _, slopes = gradients(head)
    torch.manual_seed(5)
    used = set(random_graphs(N, 5).flatten().tolist())
    for image in set(range(N)) - used:
        assert not slopes[2][image].any() and not slopes[3][image].any()


def several(graphs: int = 7, n: int = 10, samples: int = 3):
    """Graphs of n images, their edge affinities and edges; a layer with noise."""
    generator = torch.Generator().manual_seed(0)
    z, y = (torch.randn(graphs, n, 8, generator=generator) for _ in range(2))
    source, target = ([knn_edges(x, 4) for x in view] for view in (z, y))
    vertex = (z @ y.mT / 8).requires_grad_()
    edge = [
        torch.randn(4 * n, 4 * n, generator=generator, requires_grad=True) for _ in range(graphs)
    ]
    layer = MatchingLayer(3.0, samples, vertex_noise=0.3, edge_noise=0.3, threads=2)
    return layer, vertex, edge, source, target


def test_graphs_in_one_call_are_matched_as_one_by_one_to_the_bit() -> None:
    layer, vertex, edge, source, target = several()
    loss, matching, _ = matching_loss(layer, vertex, edge, source, target, 11)
    slopes = torch.autograd.grad(loss, [vertex, *edge])
    total = 0.0
    for g in range(len(vertex)):
        arrays = (vertex[g].detach().numpy(), source[g].numpy(), target[g].numpy())
        affinity = edge[g].detach().numpy()
        gradient = 1 - 2 * torch.eye(10)  # of the Hamming distance
        moved = arrays[0].astype(np.float64) - layer.lambda_ * gradient.numpy()
        solutions = []
        for costs in (arrays[0], moved):
            mean = torch.zeros(10, 10)
            for s in range(layer.samples):
                draw = Problem(costs, *arrays[1:], affinity).with_noise(
                    0.3, 0.3, 11 + g * layer.samples + s
                )
                found = solve(draw, layer.budget, seed=11).target
                mean[torch.arange(10), torch.from_numpy(found).long()] += np.float32(1 / 3)
            solutions.append(mean)
        assert torch.equal(matching[g], solutions[0])
        assert torch.equal(slopes[0][g], (solutions[0] - solutions[1]) / layer.lambda_)
        total += float(hamming_to_identity(solutions[0]))
    assert float(loss.detach()) == pytest.approx(total)


def test_threads_change_nothing() -> None:
    results = []
    for threads in (1, 2, 5):
        layer, vertex, edge, source, target = several()
        layer.threads = threads
        loss, matching, _ = matching_loss(layer, vertex, edge, source, target, 11)
        results.append([loss, matching, *torch.autograd.grad(loss, [vertex, *edge])])
    for other in results[1:]:
        assert all(torch.equal(x, y) for x, y in zip(results[0], other, strict=True))
