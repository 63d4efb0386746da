"""The ideas of docs/evidence.md: each does what it is called, beside an independent reference."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.registry import MODELS, DefaultScope

import lvmmed_backbones.pretrain.registration  # noqa: F401
from benchmarks.studies.evidence.ideas import (
    ContrastAndMatchingHead,
    CurriculumHead,
    SoftMatchingHead,
    contrastive_loss,
    log_plan,
)
from benchmarks.studies.evidence.methods import ALL, COMMON, HEAD, IDEAS, METHODS
from lvmmed_backbones.pretrain import CONFIGS
from lvmmed_backbones.pretrain.methods.lvmmed import GraphMatchingHead

N, F = 12, 8


def batch(seed: int = 0) -> tuple[tuple, tuple, torch.Tensor]:
    """Maps, embeddings and places of two views of N images."""
    random = torch.Generator().manual_seed(seed)
    first = torch.randn(N, F, generator=random)
    second = first + 0.3 * torch.randn(N, F, generator=random)
    maps = torch.randn(2, N, 16, 2, 2, generator=random).unbind()
    views = torch.tensor([0.0, 0.0, 1.0, 1.0, 0.0]).expand(N, 2, 5)
    return maps, (first.requires_grad_(), second.requires_grad_()), views


@pytest.mark.parametrize(("structure", "epsilon"), [(0.0, 0.05), (0.25, 0.3), (0.75, 0.3)])
def test_the_soft_matching_is_that_of_pot(structure: float, epsilon: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ot.gromov import entropic_fused_gromov_wasserstein

    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 4))
    y = x + 0.5 * rng.normal(size=(N, 4))
    cost = rng.random((N, N))
    source, target = (np.linalg.norm(z[:, None] - z[None], axis=2) / 3 for z in (x, y))
    uniform = np.full(N, 1 / N)
    wanted = entropic_fused_gromov_wasserstein(
        cost, source, target, uniform, uniform, "square_loss", epsilon=epsilon, alpha=structure,
        solver="PGD", max_iter=200, tol=1e-12, numItermax=5000, stopThr=1e-12,
    )  # fmt: skip
    problem = [torch.from_numpy(array)[None] for array in (cost, source, target)]
    plan = log_plan(*problem, structure, epsilon, outer=200, inner=500).exp()[0].numpy()
    np.testing.assert_allclose(plan, wanted, atol=1e-7)
    short = log_plan(*problem, structure, epsilon).exp()[0].numpy()  # as in training
    np.testing.assert_allclose(short, wanted, atol=2e-3)


def test_the_soft_matching_learns_to_match_each_image_to_itself() -> None:
    maps, embeddings, views = batch()
    head = SoftMatchingHead(F, epsilon=0.1, structure=0.25, neighbours=3)
    found = head.loss(maps, embeddings, views)
    found["loss"].backward()
    assert 0 < found["loss"] < math.log(N) and 0 < found["accuracy"] <= 1
    assert all(z.grad.abs().sum() > 0 for z in embeddings)
    equal = head.loss((maps[0], maps[0]), (embeddings[0], embeddings[0]), views)
    assert equal["loss"] < found["loss"] and equal["accuracy"] == 1


def test_the_noise_falls_from_the_first_step_to_the_last() -> None:
    head = CurriculumHead(F, first_noise=0.4, last_noise=0.1, neighbours=3)
    hub = MessageHub.get_current_instance()
    for done, noise in ((0, 0.4), (50, 0.2), (100, 0.1)):
        hub.update_info("iter", done)
        hub.update_info("max_iters", 100)
        head.loss(*batch())
        assert head.matching.vertex_noise == head.matching.edge_noise == pytest.approx(noise)


def test_simclrs_loss_is_its_equation() -> None:
    _, (first, second), _ = batch()
    z = torch.cat((first, second)).detach().numpy().astype(float)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    terms = []
    for i in range(2 * N):
        similar = np.exp(z @ z[i] / 0.2)
        terms.append(-np.log(similar[(i + N) % (2 * N)] / (similar.sum() - similar[i])))
    found = contrastive_loss(first, second, 0.2).item()
    assert found == pytest.approx(np.mean(terms), rel=1e-5)


def test_both_losses_are_added() -> None:
    maps, embeddings, views = batch()
    alone = GraphMatchingHead(F, neighbours=3)
    both = ContrastAndMatchingHead(F, contrast=2.0, temperature=0.2, neighbours=3)
    both.load_state_dict(alone.state_dict())
    found = []
    for head in (alone, both):
        torch.manual_seed(1)
        found.append(float(head.loss(maps, embeddings, views)["loss"]))
    assert found[1] - found[0] == pytest.approx(
        2 * float(contrastive_loss(*embeddings, 0.2)), rel=1e-4
    )


def test_each_idea_is_a_head_of_its_own() -> None:
    heads = {METHODS[idea].fixed[f"{HEAD}.type"] for idea in IDEAS}
    assert heads == {"SoftMatchingHead", "CurriculumHead", "ContrastAndMatchingHead"}


@pytest.mark.parametrize("name", [name for name, method in ALL.items() if method.config])
def test_every_method_builds_its_model(name: str) -> None:
    method = ALL[name]
    config = Config.fromfile(CONFIGS / f"{method.config}.py")
    for setting in method.settings()[:2]:
        config.merge_from_dict({**COMMON, **method.fixed, **setting})
        with DefaultScope.overwrite_default_scope("mmpretrain"):
            model = MODELS.build(dict(config.model, data_preprocessor=config.data_preprocessor))
        assert any(parameter.requires_grad for parameter in model.parameters())
