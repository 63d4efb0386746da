"""Every affinity and loss at embeddings where lengths and spreads vanish or overflow; and, elsewhere, as it was."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.registry import MODELS, DefaultScope
from torch import Tensor
from torch.nn.functional import cross_entropy

import lvmmed_backbones.pretrain.registration  # noqa: F401
from lvmmed_backbones.matching.layer import MatchingLayer
from lvmmed_backbones.pretrain import necks
from lvmmed_backbones.pretrain.losses import affinities
from lvmmed_backbones.pretrain.losses.affinities import (
    cosine_affinity,
    edge_affinity,
    local_affinity,
    local_distance,
    softplus_affinity,
)
from lvmmed_backbones.pretrain.losses.directions import LEAST, directions
from lvmmed_backbones.pretrain.losses.distillation import distillation_loss
from lvmmed_backbones.pretrain.losses.graph_matching import matching_loss
from lvmmed_backbones.pretrain.losses.graphs import knn_edges
from lvmmed_backbones.pretrain.losses.vicreg import matched_cells, vicreg_loss
from lvmmed_backbones.pretrain.message_passing import GCN

N, F = 8, 6
seeds = st.integers(0, 2**31)


def drawn(*shape: int, seed: int, dtype=torch.float32) -> Tensor:
    """The same numbers in every precision."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def equal(z: Tensor) -> Tensor:
    return z[:1].expand_as(z).clone()


def two_equal(z: Tensor) -> Tensor:
    z = z.clone()
    z[1] = z[0]
    return z


def nearly_equal(z: Tensor) -> Tensor:
    """As two crops that show nothing, which differ by rounding."""
    return z[:1] * (1 + 3e-7 * torch.arange(len(z), dtype=z.dtype)[:, None])


def opposite(z: Tensor) -> Tensor:
    z = z.clone()
    z[1::2] = -z[::2]
    return z


PLACES: dict[str, Callable[[Tensor], Tensor]] = {
    "ordinary": lambda z: z,
    "equal": equal,
    "two equal": two_equal,
    "nearly equal": nearly_equal,
    "opposite": opposite,
    "zero": torch.zeros_like,
    "one zero": lambda z: torch.cat((torch.zeros_like(z[:1]), z[1:])),
    "huge": lambda z: 1e30 * z,
    "one huge": lambda z: torch.cat((1e30 * z[:1], z[1:])),
    "tiny": lambda z: 1e-30 * z,
    "denormal": lambda z: 1e-42 * z,
    "on the edge": lambda z: LEAST * z / z.norm(dim=1, keepdim=True),
}


def encoded(neck: str, z: Tensor) -> Tensor:
    """The embeddings that a neck's last layer gave, as its method sees them."""
    kind = getattr(necks, neck)
    if kind is necks.SwAVDirectionNeck:
        made = kind(F, 0, F)
        made.projection_neck = torch.nn.Identity()
        return made.forward_projection(z)
    made = (
        kind(F, F, F, norm_cfg=dict(type="BN1d")) if kind is necks.DirectionNeck else kind(F, F, F)
    )
    base = type(made).__mro__[1]
    forward, base.forward = base.forward, lambda self, x: x
    try:
        return made((z,))[0]
    finally:
        base.forward = forward


def vertex(z: Tensor, y: Tensor) -> Tensor:
    return cosine_affinity(z, y).square().sum()


def edge(z: Tensor, y: Tensor) -> Tensor:
    return edge_affinity(z, knn_edges(z, 3), y, knn_edges(y, 3)).square().sum()


def cells_of(z: Tensor) -> tuple[Tensor, Tensor]:
    """Features (2, 4, F) of cells, and where they lie."""
    at = torch.rand(2, 4, 2, generator=torch.Generator().manual_seed(5))
    return z.reshape(2, 4, F), at.to(z.dtype)


def local(z: Tensor, y: Tensor) -> Tensor:
    (one, at), (other, to) = cells_of(z), cells_of(y)
    return local_affinity(one, other, at, to.flip(1), 3).square().sum()


def distance(z: Tensor, y: Tensor) -> Tensor:
    (one, at), (other, to) = cells_of(z), cells_of(y)
    return local_distance(one, other, at, to.flip(1), 3).sum()


def softplus(z: Tensor, y: Tensor) -> Tensor:
    edges = [knn_edges(x, 3, "softplus") for x in (z, y)]
    edge = edge_affinity(z, edges[0], y, edges[1], "softplus")
    return softplus_affinity(z, y).mean() + edge.mean()


def passed(z: Tensor, y: Tensor) -> Tensor:
    torch.manual_seed(0)
    network = GCN(F, 2).to(z.dtype)
    return cosine_affinity(network(z, knn_edges(z, 2)), network(y, knn_edges(y, 2))).square().sum()


def lvmmed(z: Tensor, y: Tensor) -> Tensor:
    layer = MatchingLayer(lambda_=80.0, samples=4, vertex_noise=0.1, edge_noise=0.1, budget="fast")
    edges = [knn_edges(x, 3) for x in (z, y)]
    affinity = edge_affinity(z, edges[0], y, edges[1])
    vertex = cosine_affinity(z, y)[None]
    return matching_loss(layer, vertex, [affinity], *([e] for e in edges), 3)[0] / N


def simclr(z: Tensor, y: Tensor) -> Tensor:
    """mmpretrain's own loss, behind our neck."""
    both = torch.stack((z, y), 1).flatten(0, 1)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        head = MODELS.build(
            dict(type="ContrastiveHead", loss=dict(type="CrossEntropyLoss"), temperature=0.1)
        )
    model = MODELS.get("mmpretrain.SimCLR").__new__(MODELS.get("mmpretrain.SimCLR"))
    torch.nn.Module.__init__(model)
    model.backbone, model.head = torch.nn.Identity(), head
    model.neck = lambda x: (encoded("DirectionNeck", both),)
    images = [torch.zeros(N, 1, 1, 1)] * 2
    return model.loss(images, [])["loss"]


def moco(z: Tensor, y: Tensor) -> Tensor:
    """As mmpretrain's `MoCo.loss`, behind our neck."""
    q = torch.nn.functional.normalize(encoded("MoCoV2DirectionNeck", z), dim=1)
    k = torch.nn.functional.normalize(encoded("MoCoV2DirectionNeck", y), dim=1).detach()
    queue = directions(drawn(16, F, seed=9, dtype=z.dtype))
    logits = torch.cat(((q * k).sum(1, keepdim=True), q @ queue.T), 1) / 0.2
    return cross_entropy(logits, torch.zeros(N, dtype=torch.long))


def swav(z: Tensor, y: Tensor) -> Tensor:
    torch.manual_seed(0)
    loss = MODELS.get("mmpretrain.SwAVLoss")(F, num_crops=[2], num_prototypes=5).to(z.dtype)
    return loss(encoded("SwAVDirectionNeck", torch.cat((z, y))))


def barlow(z: Tensor, y: Tensor) -> Tensor:
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        head = MODELS.build(
            dict(
                type="LatentCrossCorrelationHead",
                in_channels=F,
                loss=dict(type="CrossCorrelationLoss"),
            )
        )
    return head.to(z.dtype).loss(z, y)


def deepcluster(z: Tensor, y: Tensor) -> Tensor:
    centres = directions(drawn(4, F, seed=9, dtype=z.dtype))
    labels = torch.arange(N) % 4
    return sum(cross_entropy(directions(x) @ centres.T / 0.1, labels) for x in (z, y))  # type: ignore[return-value]


def dino(z: Tensor, y: Tensor) -> Tensor:
    """Of embeddings before DINO's bottleneck becomes of length 1."""
    prototypes = directions(drawn(7, F, seed=9, dtype=z.dtype))
    outputs = [directions(x) @ prototypes.T for x in (z, y)]
    return distillation_loss(
        outputs, [x.detach() for x in outputs], torch.zeros(7, dtype=z.dtype), 0.1, 0.04
    )


def dino_logits(z: Tensor, y: Tensor) -> Tensor:
    return distillation_loss([z, y], [z.detach(), y.detach()], z.new_zeros(F), 0.1, 0.04)


def vicreg(z: Tensor, y: Tensor) -> Tensor:
    return vicreg_loss(z, y, (25.0, 25.0, 1.0))


def vicregl(z: Tensor, y: Tensor) -> Tensor:
    (one, at), (other, to) = cells_of(z), cells_of(y)
    return sum(vicreg(*pair) for pair in matched_cells(one, other, at, to.flip(1), 3))  # type: ignore[return-value]


BY_DIRECTION = [
    vertex, edge, local, passed, lvmmed, simclr, moco, swav, deepcluster, dino
]  # fmt: skip
# By values: a loss of huge ones may be infinite, which ends a run.
BY_VALUE = [barlow, dino_logits, vicreg, vicregl, softplus, distance]
# The sum of squares of some tens of cosines, or a loss over a temperature of 0.04 or more, or a matching's gradient of
# at most `lambda_`: what comes from above is less than this.
ABOVE = 1e3


def at(place: str, seed: int) -> list[Tensor]:
    views = [drawn(N, F, seed=seed + number) for number in range(2)]
    return [PLACES[place](z).requires_grad_() for z in views]


@pytest.mark.parametrize("loss", BY_DIRECTION)
@pytest.mark.parametrize("place", PLACES)
@given(seed=seeds)
@settings(max_examples=5, deadline=None)
def test_what_depends_on_directions_has_bounded_gradients(
    loss: Callable, place: str, seed: int
) -> None:
    views = at(place, seed)
    value = loss(*views)
    assert torch.isfinite(value)
    for gradient in torch.autograd.grad(value, views, allow_unused=True):
        if gradient is not None:
            assert torch.isfinite(gradient).all()
            assert gradient.abs().max() <= ABOVE / LEAST


@pytest.mark.parametrize("loss", BY_VALUE)
@pytest.mark.parametrize("place", PLACES)
@given(seed=seeds)
@settings(max_examples=5, deadline=None)
def test_what_depends_on_values_has_finite_gradients_or_ends_the_run(
    loss: Callable, place: str, seed: int
) -> None:
    views = at(place, seed)
    value = loss(*views)
    if not torch.isfinite(value):
        # of powers of 1e30
        assert "huge" in place and loss in (vicreg, vicregl, softplus, distance)
        return
    for gradient in torch.autograd.grad(value, views):
        assert torch.isfinite(gradient).all()
        assert "huge" in place or gradient.abs().max() <= 1e4


@pytest.mark.parametrize("loss", [vertex, edge, local, moco, swav, deepcluster, dino])
def test_an_embedding_of_zero_gets_no_gradient(loss: Callable) -> None:
    views = at("zero", 0)
    for gradient in torch.autograd.grad(loss(*views), views, allow_unused=True):
        assert gradient is None or not gradient.any()


def test_an_edge_between_equal_embeddings_adds_nothing() -> None:
    """Where torch's own normalisation gave gradients of 1e12."""
    z, y = drawn(4, F, seed=0), drawn(4, F, seed=1)
    z[1] = z[0]
    z.requires_grad_()
    edges = torch.tensor([[0, 1], [2, 3]])
    found = edge_affinity(z, edges, y, edges)
    assert not found[0].any()
    found.sum().backward()
    assert not z.grad[:2].any() and z.grad[2:].abs().max() < 10
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(affinities, "directions", torch.nn.functional.normalize)
        again = z.detach().requires_grad_()
        edge_affinity(again, edges, y, edges).sum().backward()
        assert again.grad[:2].abs().max() > 1e10


@given(seeds, st.floats(0.05, 100))
@settings(max_examples=50, deadline=None)
def test_ordinary_directions_are_x_by_its_length(seed: int, scale: float) -> None:
    """Against the quotient in float64, and its gradient by hand."""
    x, above = scale * drawn(5, F, seed=seed), drawn(5, F, seed=seed + 1)
    x.requires_grad_()
    found = directions(x)
    found.backward(above)
    exact, g = x.detach().double(), above.double()
    length = exact.norm(dim=1, keepdim=True)
    unit = exact / length
    torch.testing.assert_close(found.double(), unit, atol=1e-6, rtol=0)
    expected = (g - unit * (g * unit).sum(1, keepdim=True)) / length
    torch.testing.assert_close(x.grad * length, expected * length, atol=2e-6, rtol=0)


def plain(function: Callable) -> Callable:
    """A function in which vectors are divided by their length as such."""

    def quotient(x: Tensor, dim: int = 1) -> Tensor:
        return x / x.square().sum(dim, keepdim=True).sqrt()

    def call(*views: Tensor) -> Tensor:
        with pytest.MonkeyPatch.context() as patch:
            for module in (affinities, necks, sys.modules[__name__]):
                patch.setattr(module, "directions", quotient)
            return function(*views)

    return call


@pytest.mark.parametrize(
    "loss",
    [
        vertex,
        edge,
        local,
        distance,
        softplus,
        moco,
        swav,
        deepcluster,
        dino,
        vicreg,
        dino_logits,
        barlow,
    ],
)
@given(seed=seeds)
@settings(max_examples=5, deadline=None)
def test_ordinary_values_and_gradients_are_those_of_float64(loss: Callable, seed: int) -> None:
    views = at("ordinary", seed)
    exact = [view.detach().double().requires_grad_() for view in views]
    value, reference = loss(*views), plain(loss)(*exact)
    unit = max(1.0, float(reference.detach().abs()))
    assert float((value.double() - reference).abs()) <= 1e-6 * unit
    gradients = torch.autograd.grad(value, views, allow_unused=True)
    expected = torch.autograd.grad(reference, exact, allow_unused=True)
    for one, other in zip(gradients, expected, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            unit = max(1.0, float(other.abs().max()))
            torch.testing.assert_close(one.double(), other, atol=2e-6 * unit, rtol=0)


@pytest.mark.parametrize(
    "loss", [vertex, edge, local, distance, softplus, swav, deepcluster, dino, vicreg]
)
def test_gradients_are_finite_differences(loss: Callable) -> None:
    views = [drawn(N, F, seed=number, dtype=torch.float64).requires_grad_() for number in (3, 4)]
    gradients = torch.autograd.grad(loss(*views), views, allow_unused=True)
    step = 1e-6
    for number, gradient in enumerate(gradients):
        if gradient is None or loss in (swav, dino):  # their targets take no gradient
            continue
        for i, j in ((0, 0), (3, 2), (7, 5)):
            moved = []
            for sign in (1, -1):
                changed = [view.detach().clone() for view in views]
                changed[number][i, j] += sign * step
                moved.append(float(loss(*changed)))
            expected = (moved[0] - moved[1]) / (2 * step)
            assert float(gradient[i, j]) == pytest.approx(expected, rel=1e-4, abs=1e-6)
