"""DINO, VICRegL and DeepCluster-v2: their losses against the papers' formulas, their gradients, their memories."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from mmengine.registry import MODELS, DefaultScope
from mmpretrain.structures import DataSample
from scipy.special import log_softmax, softmax

import lvmmed_backbones.pretrain.registration  # noqa: F401
from lvmmed_backbones.pretrain.losses.clustering import spherical_kmeans
from lvmmed_backbones.pretrain.losses.distillation import distillation_loss
from lvmmed_backbones.pretrain.losses.vicreg import matched_cells, vicreg_loss
from lvmmed_backbones.pretrain.views import cell_positions

N = 16
# At the first step nothing learns that lies before a block's last normalisation, if that begins at 0.
BACKBONE = dict(type="Backbone", model_name="resnet18", output="last", zero_init_last=False)
PROJECTOR = dict(
    type="NonLinearNeck", in_channels=512, hid_channels=64, out_channels=32, with_last_bn=False,
    with_last_bias=True, norm_cfg=dict(type="BN1d"),
)  # fmt: skip
METHODS = {
    "DINO": dict(
        neck=dict(type="DINOHead", in_channels=512, hid_channels=64, bottleneck=32, prototypes=64)
    ),
    "VICRegL": dict(neck=PROJECTOR, in_channels=512, local_channels=32),
    "DeepClusterV2": dict(neck=PROJECTOR, channels=32, clusters=(4, 4)),
}


# Of VICRegL: a bias before BatchNorm, and those before the centring, which the difference of two views has not either.
CANCELLED = ("local.0.bias", "local.3.bias", "neck.fc1.bias")


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        yield


def build(method: str, **more):
    torch.manual_seed(0)
    model = MODELS.build(dict(type=method, backbone=BACKBONE, **METHODS[method] | more))
    if method == "DeepClusterV2":
        model.allocate(N)
        inputs, samples = batch()
        with torch.no_grad():
            model.remember(model.index(samples), model.embed(inputs[0]))
        model.cluster(0)
    return model


def batch(views: int = 2):
    g = torch.Generator().manual_seed(1)
    images = torch.randn(N, 3, 4, 4, generator=g)
    whole = torch.nn.functional.interpolate(images, size=(32, 32), mode="bilinear")
    inputs = [whole + 0.1 * torch.randn(whole.shape, generator=g) for _ in range(views)]
    samples = []
    for number in range(N):
        sample = DataSample(metainfo=dict(sample_idx=number))
        sample.set_field(torch.tensor([[0.0, 0, 1, 1, 0]] * views), "views")
        samples.append(sample)
    return inputs, samples


def total(losses: dict) -> torch.Tensor:
    return sum(value for name, value in losses.items() if "loss" in name)


@pytest.mark.parametrize("method", METHODS)
def test_gradients_reach_what_learns(method: str) -> None:
    model = build(method)
    total(model.loss(*batch())).backward()
    for name, parameter in model.named_parameters():
        if name.startswith("teacher."):
            assert parameter.grad is None, name
        elif method == "VICRegL" and name in CANCELLED:
            assert float(parameter.grad.abs().sum()) < 1e-5, name  # rounding
        else:
            assert float(parameter.grad.abs().sum()) > 1e-5, name


@pytest.mark.parametrize("method", METHODS)
def test_the_loss_falls_and_embeddings_stay_apart(method: str) -> None:
    model = build(method).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    curve = []
    for _ in range(20):
        loss = total(model.loss(*batch()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        curve.append(float(loss.detach()))
    assert np.mean(curve[-3:]) < np.mean(curve[:3])
    with torch.no_grad():
        features = model.extract_feat(batch()[0][0])[-1].mean(dim=(2, 3))
    assert float((features - features.mean(0)).norm() / features.norm()) > 0.05


@pytest.mark.parametrize("method", METHODS)
def test_a_step_after_loading_is_the_step_that_would_have_been(method: str) -> None:
    model = build(method).train()
    model.loss(*batch())
    other = build(method).train()
    other.load_state_dict(copy.deepcopy(model.state_dict()))
    results = []
    for one in (model, other):
        torch.manual_seed(5)
        results.append(total(one.loss(*batch())))
    assert torch.equal(*results)
    for name, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_dinos_loss_is_equation_3() -> None:
    rng = np.random.default_rng(0)
    outputs, targets = rng.normal(size=(4, 5, 7)), rng.normal(size=(2, 5, 7))
    centre = rng.normal(size=7)
    terms = [
        -(softmax((targets[t] - centre) / 0.04, axis=1) * log_softmax(outputs[v] / 0.1, axis=1)).sum(1).mean()
        for t in range(2)
        for v in range(4)
        if v != t
    ]  # fmt: skip
    found = distillation_loss(
        list(torch.tensor(outputs)), list(torch.tensor(targets)), torch.tensor(centre), 0.1, 0.04
    )
    assert float(found) == pytest.approx(np.mean(terms))


def test_dinos_teacher_and_centre_follow_as_averages() -> None:
    model = build("DINO", momentum=0.25, centre_momentum=0.9)
    model.loss(*batch())
    assert model.centre.abs().sum() > 0
    before = model.teacher.module[1].directions.clone()
    with torch.no_grad():
        model.neck.directions += 1
    model.loss(*batch())
    expected = 0.75 * before + 0.25 * model.neck.directions
    torch.testing.assert_close(model.teacher.module[1].directions.data, expected.data)


def test_dinos_temperature_rises() -> None:
    model = build("DINO", first_temperature=0.02, teacher_temperature=0.06, warm_up=4)
    seen = []
    for step in (0, 1, 4, 9):
        model.steps.fill_(step)
        seen.append(model.temperature())
    assert seen == pytest.approx([0.02, 0.03, 0.06, 0.06])


def test_vicregs_loss_is_the_papers() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 12, 5))
    expected = 25 * np.mean((x - y) ** 2)
    for z in (x, y):
        std = np.sqrt(z.var(axis=0, ddof=1) + 1e-4)
        expected += 25 * np.maximum(0, 1 - std).mean() / 2
        cov = np.cov(z.T)
        expected += sum(cov[i, j] ** 2 for i in range(5) for j in range(5) if i != j) / 5
    found = vicreg_loss(torch.tensor(x), torch.tensor(y), (25.0, 25.0, 1.0))
    assert float(found) == pytest.approx(expected)


def test_vicregl_matches_cells_across_a_flip() -> None:
    where = torch.tensor([[0.0, 0, 1, 1, 0], [0.0, 0, 1, 1, 1]])
    one, other = cell_positions(where[:1], 2, 3), cell_positions(where[1:], 2, 3)
    cells = torch.randn(1, 6, 4)
    mirrored = cells.unflatten(1, (2, 3)).flip(2).flatten(1, 2)
    for pairs in (6, 2):
        for kept, partner in matched_cells(cells, mirrored, one, other, pairs):
            assert kept.shape == (pairs, 4)
            assert torch.equal(kept, partner)


def test_kmeans_finds_planted_clusters() -> None:
    rng = torch.Generator().manual_seed(0)
    truth = torch.arange(3).repeat_interleave(20)
    points = torch.eye(3)[truth] + 0.05 * torch.randn(60, 3, generator=rng)
    centres, labels = spherical_kmeans(torch.nn.functional.normalize(points, dim=1), 3, 10, seed=4)
    assert len({(int(a), int(b)) for a, b in zip(truth, labels, strict=True)}) == 3
    torch.testing.assert_close(centres.norm(dim=1), torch.ones(3))


def test_deepcluster_refuses_more_clusters_than_images() -> None:
    with pytest.raises(ValueError, match="4 clusters of 3 images"):
        build("DeepClusterV2").allocate(3)


@pytest.mark.parametrize(
    ("method", "wrong"),
    [
        ("DINO", dict(student_temperature=0.0)),
        ("VICRegL", dict(alpha=2.0)),
        ("VICRegL", dict(pairs=0)),
        ("DeepClusterV2", dict(temperature=-1.0)),
        ("DeepClusterV2", dict(clusters=[1])),
    ],
)
def test_senseless_values_are_named(method: str, wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        build(method, **wrong)


@pytest.mark.parametrize("method", ["DINO", "VICRegL"])
def test_one_view_is_refused(method: str) -> None:
    with pytest.raises(ValueError, match="1 views"):
        build(method).loss(*batch(1))
