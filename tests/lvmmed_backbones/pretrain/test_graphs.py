"""Graphs over a batch: partitions, nearest neighbours and shared edges, against their definitions."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lvmmed_backbones.pretrain.losses.graphs import (
    SHARED,
    knn_edges,
    random_graphs,
    shared_edges,
    split_edges,
)

seeds = st.integers(0, 2**31)


def pairs(edges: torch.Tensor) -> list[tuple[int, int]]:
    return [(int(i), int(j)) for i, j in edges]


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 5), seeds)
@settings(max_examples=200, deadline=None)
def test_partitions_use_every_image_equally_often_up_to_the_remainder(
    images: int, size: int, partitions: int, seed: int
) -> None:
    size = min(size, images)
    torch.manual_seed(seed)
    graphs = random_graphs(images, size, partitions)
    assert graphs.shape == (partitions * images // size, size)
    assert all(len(set(graph)) == size for graph in graphs.tolist())
    counts = Counter(graphs.flatten().tolist())
    assert set(counts) <= set(range(images))
    dropped = [partitions - counts[image] for image in range(images)]
    assert set(dropped) <= {0, 1} and sum(dropped) == partitions * images % size
    torch.manual_seed(seed)
    assert torch.equal(random_graphs(images, size, partitions), graphs)


def test_partitions_are_random() -> None:
    """Each image is in a graph with each other one equally often, remainders or not."""
    torch.manual_seed(0)
    together = torch.zeros(10, 10)
    for _ in range(2000):
        for graph in random_graphs(10, 4, 3):
            together[graph[:, None], graph] += 1
    # 7 graphs of 4 x 3 pairs over 10 x 9: 0.933 of a draw; deviation about 0.02
    others = together[~torch.eye(10, dtype=torch.bool)] / 2000
    assert (
        others.mean() == pytest.approx(7 * 12 / 90) and (others - others.mean()).abs().max() < 0.1
    )


def test_a_graph_of_the_whole_batch_has_every_image_once() -> None:
    assert random_graphs(6, 6).sort().values.tolist() == [[0, 1, 2, 3, 4, 5]]


@pytest.mark.parametrize("size", [0, 7])
def test_graphs_that_are_no_part_of_the_batch_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"graphs of {size} images in a batch of 6"):
        random_graphs(6, size)


@given(st.integers(3, 7), st.integers(1, 2), st.sampled_from(["cosine", "softplus"]), seeds)
@settings(max_examples=50, deadline=None)
def test_edges_lead_to_the_nearest(n: int, k: int, affinity: str, seed: int) -> None:
    """By cosine, or by distance where the affinity depends on lengths; in each of several graphs as in it alone."""
    z = torch.randn(3, n, 5, generator=torch.Generator().manual_seed(seed))

    def near(x: torch.Tensor, y: torch.Tensor) -> float:
        if affinity == "cosine":
            return float(x @ y / (x.norm() * y.norm()))
        return -float((x - y).norm())

    edges = pairs(knn_edges(z, k, affinity))
    expected = []
    for g, graph in enumerate(z.double()):
        for i in range(n):
            others = sorted(
                (j for j in range(n) if j != i), key=lambda j: -near(graph[i], graph[j])
            )
            expected += [(g * n + i, g * n + j) for j in others[:k]]
    assert edges == expected
    assert pairs(knn_edges(z[0], k, affinity)) == expected[: n * k]


@pytest.mark.parametrize("k", [0, 4, 9])
def test_too_many_neighbours_are_refused(k: int) -> None:
    with pytest.raises(ValueError, match=f"{k} neighbours in a graph of 4"):
        knn_edges(torch.randn(4, 3), k)


@given(st.integers(3, 8), st.integers(1, 2), seeds)
@settings(max_examples=50, deadline=None)
def test_views_share_the_edges_that_their_option_says(n: int, k: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    first, second = (knn_edges(torch.randn(2, n, 4, generator=generator), k) for _ in range(2))
    one, other = set(pairs(first)), set(pairs(second))
    expected = dict(
        none=(one, other),
        first=(one, one),
        mutual=(one & other,) * 2,
        union=(one | other,) * 2,
    )
    assert set(expected) == set(SHARED)
    for shared, sets in expected.items():
        found = shared_edges(first, second, shared)
        for edges, expected_set in zip(found, sets, strict=True):
            assert sorted(pairs(edges)) == sorted(expected_set)
            assert edges[:, 0].tolist() == sorted(edges[:, 0].tolist())
    assert torch.equal(shared_edges(first, second, "none")[1], second)  # in their order


@given(st.integers(1, 4), st.integers(2, 6), st.floats(0, 1), seeds)
@settings(max_examples=50, deadline=None)
def test_edges_of_the_union_are_split_into_graphs(
    graphs: int, size: int, share: float, seed: int
) -> None:
    """Graphs without edges too."""
    generator = torch.Generator().manual_seed(seed)
    kept = torch.rand(graphs, size, size, generator=generator) < share
    union = torch.block_diag(*kept.int()).nonzero()
    parts = split_edges(union, graphs, size)
    assert [pairs(part) for part in parts] == [pairs(graph.nonzero()) for graph in kept]
