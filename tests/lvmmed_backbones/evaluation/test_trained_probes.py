"""Probes that are trained by batches, beside torch's own modules and optimisers."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from lvmmed_backbones.evaluation.probes.sweep import sweep_learning_rates
from lvmmed_backbones.evaluation.probes.trained import train_attentive


def test_the_sweep_is_torchs_sgd() -> None:
    generator = torch.Generator().manual_seed(7)
    features = torch.randn(50, 6, generator=generator)
    labels = torch.arange(50) % 3
    rates, steps, batch = [0.5, 0.05], 30, 16
    models = sweep_learning_rates(features, labels, 3, rates, [4, 5], steps, batch)
    for seed_number, seed in enumerate((4, 5)):
        for rate_number, rate in enumerate(rates):
            draws = torch.Generator().manual_seed(seed)
            layer = nn.Linear(6, 3)
            with torch.no_grad():
                layer.weight.copy_(torch.normal(0.0, 0.01, (6, 3), generator=draws).T)
                layer.bias.zero_()
            optimizer = torch.optim.SGD(layer.parameters(), rate, momentum=0.9)
            order = torch.empty(0, dtype=torch.long)
            for step in range(steps):
                if len(order) < batch:
                    order = torch.randperm(50, generator=draws)
                rows, order = order[:batch], order[batch:]
                optimizer.param_groups[0]["lr"] = rate * (1 + math.cos(math.pi * step / steps)) / 2
                optimizer.zero_grad()
                cross_entropy(layer(features[rows]), labels[rows]).backward()
                optimizer.step()
            torch.testing.assert_close(
                models.weights[seed_number, rate_number],
                layer.weight.T.detach(),
                atol=1e-5,
                rtol=1e-4,
            )
            torch.testing.assert_close(
                models.biases[seed_number, rate_number], layer.bias.detach(), atol=1e-5, rtol=1e-4
            )


def test_a_learning_rate_that_diverges_is_told() -> None:
    features = torch.randn(20, 3, generator=torch.Generator().manual_seed(0)) * 1e20
    models = sweep_learning_rates(features, torch.arange(20) % 2, 2, [1e-30, 1e30], steps=5)
    assert models.converged.tolist() == [[True, False]]


def test_attention_finds_the_token_that_tells_the_class() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(200) % 2
    tokens = torch.randn(200, 9, 16, generator=generator)
    place = torch.randint(0, 9, (200,), generator=generator)
    tokens[torch.arange(200), place, 0] = 6.0
    tokens[torch.arange(200), place, 1] = torch.where(labels == 1, 6.0, -6.0)
    bad, good = train_attentive(tokens[:150], labels[:150], 2, [1e-7, 1e-2], steps=200)
    right = (good(tokens[150:]).argmax(1) == labels[150:]).float().mean()
    assert right > 0.95
    assert right > (bad(tokens[150:]).argmax(1) == labels[150:]).float().mean()


def test_training_leaves_the_global_random_state_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    train_attentive(torch.zeros(4, 2, 2), torch.zeros(4, dtype=torch.long), 2, [0.1], steps=2)
    assert torch.equal(before, torch.get_rng_state())
