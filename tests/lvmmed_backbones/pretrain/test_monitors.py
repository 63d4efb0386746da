"""What the monitors measure, against other ways to compute it."""

from __future__ import annotations

import logging
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.optim import OptimWrapper
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import normalize

from lvmmed_backbones.pretrain.monitors import (
    GradientHook,
    NeighbourProbeHook,
    effective_rank,
    neighbour_accuracy,
    spread,
)


def test_effective_rank_counts_equal_directions() -> None:
    corners = torch.cat((torch.eye(5), -torch.eye(5)))  # centred, 5 equal singular values
    assert effective_rank(corners) == pytest.approx(5, rel=1e-5)
    line = torch.linspace(-1, 1, 20)[:, None] * torch.randn(1, 8)
    assert effective_rank(line + 3) == pytest.approx(1, abs=0.01)


def test_effective_rank_is_the_entropy_of_eigenvalues() -> None:
    x = torch.randn(30, 6, generator=torch.Generator().manual_seed(0))
    values = np.sqrt(np.linalg.eigvalsh(np.cov(x.numpy().T)))
    shares = values / values.sum()
    assert effective_rank(x) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), rel=1e-4)


def test_a_collapsed_encoder_has_no_rank_and_no_spread() -> None:
    same = torch.randn(1, 8).expand(16, 8)
    assert effective_rank(same) == 0 and spread(same) < 1e-6
    assert spread(torch.cat((torch.eye(5), -torch.eye(5)))) == pytest.approx(1)


def test_neighbours_judge_as_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 20)
    features = rng.normal(size=(60, 8)) + 0.8 * np.eye(8)[labels]
    centred = normalize(features - features.mean(0))
    expected = cross_val_score(KNeighborsClassifier(1), centred, labels, cv=LeaveOneOut()).mean()
    found = neighbour_accuracy(torch.tensor(features), torch.tensor(labels), 1)
    assert found == pytest.approx(expected) and 0.4 < found < 1


def test_a_probe_wants_two_classes(tmp_path) -> None:
    (tmp_path / "only").mkdir()
    with pytest.raises(ValueError, match="holds 0 folders with images"):
        NeighbourProbeHook(str(tmp_path), 32)


def watched(gradients: list[float], caplog, **options) -> list[str]:
    """What the hook says of steps with such gradients of two parameters, each half of the square."""
    parts = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    wrapper = OptimWrapper(torch.optim.SGD(parts, lr=1e-30), clip_grad=dict(max_norm=1.0))
    runner = SimpleNamespace(optim_wrapper=wrapper, logger=logging.getLogger("run"), iter=0)
    hook = GradientHook(**options)
    hook.before_train(runner)
    caplog.clear()
    for number, length in enumerate(gradients):
        runner.iter = number
        loss = sum(part * length / math.sqrt(2) for part in parts)
        wrapper.update_params(loss)
    return [record.message for record in caplog.records]


def test_an_exploding_gradient_is_told_with_step_and_norm(caplog) -> None:
    usual = [1.0, 2.0, 3.0] * 5
    assert watched([*usual, 1.9e4], caplog) == []
    (line,) = watched([*usual, 2.1e4, 5e4], caplog)
    assert line.startswith(
        "EXPLODING GRADIENT at step 16: its norm is 2.1e+04, the median of the 15 "
    )
    assert "steps before it 2." in line
    assert len(watched([*usual, 1e6, *usual, 1e6], caplog, interval=16)) == 2
    (line,) = watched([1.0, math.nan, math.inf], caplog)
    assert "at step 2: its norm is nan" in line
    assert watched([1e-9, 1.0, 1e9], caplog) == []  # of so few steps nothing is usual
    assert watched([0.0] * 20 + [1.0], caplog) == []
