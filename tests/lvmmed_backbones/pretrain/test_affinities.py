"""Affinities against loops that follow the texts and scripts of the authors word by word."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lvmmed_backbones.pretrain.losses import affinities
from lvmmed_backbones.pretrain.losses.affinities import (
    cosine_affinity,
    edge_affinity,
    local_affinity,
    local_distance,
    softplus_affinity,
)
from lvmmed_backbones.pretrain.losses.graphs import knn_edges

sizes = st.integers(3, 7)
seeds = st.integers(0, 2**31)


def cosine(a, b) -> float:
    a, b = np.asarray(a, float), np.asarray(b, float)
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


@given(sizes, sizes, seeds)
@settings(max_examples=30, deadline=None)
def test_global_and_edge_affinities_are_cosines(n: int, m: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    z, y = (torch.randn(count, 6, generator=generator) for count in (n, m))
    vertex = cosine_affinity(z, y)
    assert vertex.shape == (n, m)
    for i in range(n):
        for a in range(m):
            assert vertex[i, a] == pytest.approx(cosine(z[i], y[a]), abs=1e-5)
    e, f = knn_edges(z, 2), knn_edges(y, 2)
    edge = edge_affinity(z, e, y, f)
    for p, (i, j) in enumerate(e.tolist()):
        for q, (a, b) in enumerate(f.tolist()):
            assert edge[p, q] == pytest.approx(cosine(z[i] - z[j], y[a] - y[b]), abs=1e-4)


def slow_local(x, y, at, to, pairs: int) -> float:
    """One image of each view: cells (C, D) and their positions (C, 2)."""
    total = 0.0
    for one, other, here, there in ((x, y, at, to), (y, x, to, at)):
        cells = range(len(one))
        by_position = []
        for c in cells:
            distances = [math.dist(here[c], there[d]) for d in range(len(other))]
            d = int(np.argmin(distances))
            by_position.append((distances[d], cosine(one[c], other[d])))
        by_position.sort(key=lambda pair: pair[0])
        by_feature = sorted((max(cosine(one[c], v) for v in other) for c in cells), reverse=True)
        total += np.mean([value for _, value in by_position[:pairs]])
        total += np.mean(by_feature[:pairs])
    return total / 4


@given(st.integers(1, 3), st.integers(1, 4), st.sampled_from([1, 4, 6]), st.integers(1, 8), seeds)
@settings(max_examples=25, deadline=None)
def test_local_affinities_are_the_loops(n: int, m: int, c: int, pairs: int, seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    x, y = torch.randn(n, c, 3, generator=g), torch.randn(m, c, 3, generator=g)
    at, to = torch.rand(n, c, 2, generator=g), torch.rand(m, c, 2, generator=g)
    found = local_affinity(x, y, at, to, pairs)
    for i in range(n):
        for a in range(m):
            expected = slow_local(x[i].numpy(), y[a].numpy(), at[i].tolist(), to[a].tolist(), pairs)
            assert found[i, a] == pytest.approx(expected, abs=1e-4)


def test_chunks_change_nothing(monkeypatch) -> None:
    g = torch.Generator().manual_seed(0)
    x, y = (torch.randn(7, 9, 5, generator=g, requires_grad=True) for _ in range(2))
    at, to = (torch.rand(7, 9, 2, generator=g) for _ in range(2))
    whole = local_affinity(x, y, at, to, 4)
    gradient = torch.autograd.grad(whole.square().sum(), x)[0]
    monkeypatch.setattr(affinities, "CHUNK", 9 * 9 * 7)  # one image at a time
    parts = local_affinity(x, y, at, to, 4)
    torch.testing.assert_close(parts, whole)
    torch.testing.assert_close(torch.autograd.grad(parts.square().sum(), x)[0], gradient)


@given(sizes, sizes, seeds)
@settings(max_examples=30, deadline=None)
def test_softplus_affinities_are_the_loops(n: int, m: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    z, y = (torch.randn(count, 6, generator=generator).double() for count in (n, m))

    def softplus(a, b) -> float:
        return math.log1p(math.exp(float(a @ b))) - 0.5

    vertex = softplus_affinity(z, y)
    e, f = knn_edges(z, 2, "softplus"), knn_edges(y, 2, "softplus")
    edge = edge_affinity(z, e, y, f, "softplus")
    for i in range(n):
        for a in range(m):
            assert vertex[i, a] == pytest.approx(softplus(z[i], y[a]))
    for p, (i, j) in enumerate(e.tolist()):
        for q, (a, b) in enumerate(f.tolist()):
            assert edge[p, q] == pytest.approx(softplus(z[i] - z[j], y[a] - y[b]))


def slow_distance(x, y, at, to, pairs: int) -> list[list[float]]:
    """Of images of both views: cells (N, C, D) and their positions (N, C, 2)."""

    def kept(cells, here, there) -> list:
        nearest = [min(math.dist(p, q) for q in there) for p in here]
        chosen = sorted(range(len(here)), key=lambda c: nearest[c])[:pairs]
        return [cells[c] for c in sorted(chosen)]

    one = [kept(x[i], at[i], to[i]) for i in range(len(x))]
    other = [kept(y[i], to[i], at[i]) for i in range(len(x))]

    def apart(a, b) -> float:
        return math.sqrt(sum(math.dist(c, d) ** 2 for c, d in zip(a, b, strict=True)))

    images = range(len(x))
    return [[apart(x[i], y[a]) + apart(one[i], other[a]) for a in images] for i in images]


@given(st.integers(1, 4), st.sampled_from([1, 4, 6]), st.integers(1, 8), seeds)
@settings(max_examples=25, deadline=None)
def test_local_distances_are_the_loops(n: int, c: int, pairs: int, seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    x, y = (torch.randn(n, c, 3, generator=g) for _ in range(2))
    at, to = (torch.rand(n, c, 2, generator=g) for _ in range(2))
    found = local_distance(x, y, at, to, pairs)
    expected = slow_distance(x.tolist(), y.tolist(), at.tolist(), to.tolist(), pairs)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("local", [local_affinity, local_distance])
def test_local_parts_of_several_graphs_are_those_of_each(local) -> None:
    g = torch.Generator().manual_seed(0)
    x, y = (torch.randn(3, 5, 9, 4, generator=g) for _ in range(2))
    at, to = (torch.rand(3, 5, 9, 2, generator=g) for _ in range(2))
    alone = [local(*graph, 4) for graph in zip(x, y, at, to, strict=True)]
    torch.testing.assert_close(local(x, y, at, to, 4), torch.stack(alone))
