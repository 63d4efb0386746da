"""What the monitors measure, against other ways to compute it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import normalize

from lvmmed_backbones.pretrain.monitors import (
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
