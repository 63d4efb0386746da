"""Message passing against loops over vertices and edges, written from the papers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lvmmed_backbones.pretrain.losses.graphs import knn_edges
from lvmmed_backbones.pretrain.message_passing import (
    AGGREGATIONS,
    GCN,
    GraphConv,
    normalised_adjacency,
    refining_layers,
)

sizes = st.integers(3, 7)
seeds = st.integers(0, 2**31)
SUMMARIES = {"sum": np.sum, "mean": np.mean, "max": np.max}


@given(sizes, seeds)
@settings(max_examples=30, deadline=None)
def test_message_passing_is_the_formula(n: int, seed: int) -> None:
    torch.manual_seed(seed)
    z = torch.randn(n, 4)
    edges = knn_edges(z, 2)
    a = np.eye(n)
    for i, j in edges.tolist():
        a[i, j] = a[j, i] = 1
    degree = a.sum(1)
    expected = np.array(
        [[a[i, j] / math.sqrt(degree[i] * degree[j]) for j in range(n)] for i in range(n)]
    )
    np.testing.assert_allclose(normalised_adjacency(edges, n).numpy(), expected, rtol=1e-5)
    network = GCN(4, layers=2)
    h = z.double().numpy()
    for weight in network.weights:
        h = expected @ h @ weight.weight.detach().double().numpy().T
        h = np.where(h > 0, h, 0.2 * h)
    np.testing.assert_allclose(network(z, edges).detach().numpy(), h, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_without_layers_message_passing_changes_nothing(aggregation: str) -> None:
    z = torch.randn(6, 4)
    assert torch.equal(refining_layers(4, 0, aggregation)(z, knn_edges(z, 2)), z)


@given(sizes, st.sampled_from(list(SUMMARIES)), seeds)
@settings(max_examples=40, deadline=None)
def test_graphconv_is_the_formula(n: int, aggregation: str, seed: int) -> None:
    """Vertex by vertex: its own weights, plus those of the messages that come along its incoming edges."""
    torch.manual_seed(seed)
    z = torch.randn(n, 4)
    edges = knn_edges(z, 2)
    network = GraphConv(4, 2, aggregation)
    h = z.double().numpy()
    for layer, (own, received) in enumerate(zip(network.own, network.received, strict=True)):
        w, v, b = (
            x.detach().double().numpy() for x in (own.weight, received.weight, received.bias)
        )
        if layer:
            h = np.maximum(h, 0)
        new = []
        for i in range(n):
            messages = [h[source] for source, target in edges.tolist() if target == i]
            message = SUMMARIES[aggregation](messages, axis=0) if messages else np.zeros(4)
            new.append(w @ h[i] + v @ message + b)
        h = np.array(new)
    np.testing.assert_allclose(network(z, edges).detach().numpy(), h, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("aggregation", SUMMARIES)
def test_gradients_of_graphconv_are_finite_differences(aggregation: str) -> None:
    torch.manual_seed(0)
    z = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    network = GraphConv(3, 2, aggregation).double()
    edges = knn_edges(z, 2)
    assert torch.autograd.gradcheck(lambda x: network(x, edges), z)


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_graphs_of_a_union_do_not_see_each_other(aggregation: str) -> None:
    torch.manual_seed(0)
    z = torch.randn(3, 6, 4)
    network = refining_layers(4, 2, aggregation)
    union = network(z.flatten(0, 1), knn_edges(z, 2)).view_as(z)
    alone = torch.stack([network(x, knn_edges(x, 2)) for x in z])
    torch.testing.assert_close(union, alone)


def test_dropout_acts_between_layers_in_training_alone() -> None:
    torch.manual_seed(0)
    z = torch.randn(6, 4)
    edges = knn_edges(z, 2)
    network = GraphConv(4, 2, dropout=0.5)
    assert not torch.equal(network(z, edges), network(z, edges))
    network.eval()
    assert torch.equal(network(z, edges), network(z, edges))
    single = GraphConv(4, 1, dropout=0.5)
    assert torch.equal(single(z, edges), single(z, edges))
