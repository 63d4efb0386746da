"""LVM-Med: its loss, its gradients, its switches."""

from __future__ import annotations

import pytest
import torch
from mmengine.registry import MODELS, DefaultScope
from mmpretrain.structures import DataSample

import lvmmed_backbones.pretrain.registration  # noqa: F401
from lvmmed_backbones.matching.layer import MatchingLayer
from lvmmed_backbones.pretrain.losses.graph_matching import hamming_to_identity, matching_loss
from lvmmed_backbones.pretrain.losses.graphs import knn_edges

N = 8


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        yield


def build(**head):
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type="LVMMed",
            # At the first step nothing learns that lies before a block's last normalisation, if that begins at 0.
            backbone=dict(
                type="Backbone", model_name="resnet18", output="last", zero_init_last=False
            ),
            neck=dict(
                type="NonLinearNeck",
                in_channels=512,
                hid_channels=32,
                out_channels=16,
                norm_cfg=dict(type="BN1d"),
            ),
            head=dict(type="GraphMatchingHead", channels=16, neighbours=3, **head),
        )
    )
    return model


def batch(seed: int = 1):
    g = torch.Generator().manual_seed(seed)
    inputs = [torch.randn(N, 3, 64, 64, generator=g) for _ in range(2)]
    samples = []
    for _ in range(N):
        sample = DataSample()
        corner = 0.5 * torch.rand(2, 2, generator=g)
        sample.set_field(
            torch.cat((corner, torch.full((2, 2), 0.5), torch.tensor([[0.0], [1.0]])), 1), "views"
        )
        samples.append(sample)
    return inputs, samples


def losses(model, seed: int = 3):
    torch.manual_seed(seed)
    return model.loss(*batch())


def test_gradients_reach_every_parameter() -> None:
    model = build(message_passing=2)
    losses(model)["loss"].backward()
    silent = [
        name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0
    ]
    assert silent == []


def test_the_loss_is_the_hamming_distance_per_image() -> None:
    found = losses(build(noise=0.5, samples=3))
    assert float(found["loss"]) == pytest.approx(2 * (1 - float(found["accuracy"])), abs=1e-5)
    for name in ("accuracy", "accuracy_without_noise", "second_order_share"):
        assert 0 <= float(found[name]) <= 1
    assert 0 < float(found["solver_time"]) < 5


def affinities(model):
    """Vertex affinities of a batch, on which switches act."""
    inputs, samples = batch()
    maps = model.backbone(torch.cat(inputs))
    z = model.neck(maps)[0].chunk(2)
    views = torch.stack([s.views for s in samples])
    return model.head.graphs(maps[0].chunk(2), z, views).vertex[0]


@pytest.mark.parametrize("switch", [dict(alpha=1.0), dict(message_passing=0)])
def test_local_similarity_and_message_passing_change_vertex_affinities(switch: dict) -> None:
    whole, part = affinities(build()), affinities(build(**switch))
    assert whole.shape == part.shape == (N, N)
    assert not torch.allclose(whole, part)


def test_local_similarity_lets_gradients_into_the_map_alone() -> None:
    model = build(alpha=0.0, edge_weight=0)
    losses(model)["loss"].backward()
    assert all(p.grad is None or not p.grad.abs().sum() for p in model.neck.parameters())
    assert any(p.grad.abs().sum() for p in model.backbone.parameters())


def test_without_second_order_the_matching_is_linear_assignment() -> None:
    found = losses(build(edge_weight=0, samples=4))
    assert float(found["second_order_share"]) == 0
    assert float(losses(build(samples=4))["second_order_share"]) > 0


def test_without_noise_the_seed_does_not_matter() -> None:
    quiet = build(noise=0.0)
    assert losses(quiet, 1)["accuracy"] == losses(quiet, 2)["accuracy"]
    assert losses(quiet, 1)["loss"].grad_fn is not None
    loud = build(noise=3.0, samples=1)
    assert len({float(losses(loud, seed)["accuracy"]) for seed in range(8)}) > 1


def test_the_gradient_is_the_layers_own_and_scales_with_the_loss() -> None:
    torch.manual_seed(0)
    layer = MatchingLayer(lambda_=2.0, samples=4, vertex_noise=1.0, edge_noise=1.0)
    vertex, edges = torch.randn(6, 6), [knn_edges(torch.randn(6, 3), 2) for _ in range(2)]
    edge = torch.randn(12, 12)
    v, e = vertex.clone().requires_grad_(), edge.clone().requires_grad_()
    matching, _ = layer(v[None], e[None], *(x[None] for x in edges), 7)
    hamming_to_identity(matching[0]).backward()
    for factor in (1.0, 65536.0, 1 / 64):
        w, f = vertex.clone().requires_grad_(), edge.clone().requires_grad_()
        loss, seen, _ = matching_loss(layer, w[None], [f], *([x] for x in edges), 7)
        (factor * loss).backward()
        torch.testing.assert_close(w.grad, factor * v.grad)
        torch.testing.assert_close(f.grad, factor * e.grad)
        torch.testing.assert_close(seen, matching.detach())


def test_hamming_distance_counts_what_differs() -> None:
    assert hamming_to_identity(torch.eye(5)) == 0
    assert hamming_to_identity(torch.eye(5)[[1, 0, 2, 3, 4]]) == 4


def test_mixed_precision_matches_in_full() -> None:
    """Of what the encoder gives in half precision everything after it is what it is in single precision, to the bit."""
    model = build(noise=0.0)
    inputs, samples = batch()
    with torch.autocast("cpu", torch.bfloat16):
        half = losses(model)
        maps = model.backbone(torch.cat(inputs))
        embeddings = model.neck(maps)[0]
    assert maps[-1].dtype == torch.bfloat16 and half["loss"].dtype == torch.float32
    torch.manual_seed(3)
    views = torch.stack([sample.views for sample in samples])
    whole = model.head.loss(maps[-1].float().chunk(2), embeddings.float().chunk(2), views)
    assert torch.equal(half["loss"], whole["loss"])
    assert torch.equal(half["accuracy"], whole["accuracy"])
    half["loss"].backward()
    assert all(
        p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in model.parameters()
    )


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"alpha is 1\.5"):
        build(alpha=1.5)
    with pytest.raises(ValueError, match="edge_weight is -1"):
        build(edge_weight=-1)
    with pytest.raises(ValueError, match=r"dropout is 1\.0"):
        build(dropout=1.0)
    with pytest.raises(ValueError, match="partitions is 4 and graph_size None"):
        build(partitions=4)
    with pytest.raises(
        ValueError, match="aggregation is 'median', must be one of gcn, sum, mean, max"
    ):
        build(aggregation="median")
    inputs, samples = batch()
    with pytest.raises(ValueError, match="3 views"):
        build().loss([*inputs, inputs[0]], samples)
    with pytest.raises(ValueError, match="9 neighbours"):
        model = build()
        model.head.neighbours = 9
        model.loss(*batch())
