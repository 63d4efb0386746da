"""A probe that is trained by batches: attentive pooling of patch tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy


class Rows(Protocol):
    """An array on the disk or in memory, from which rows are taken."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Tensor) -> Tensor: ...


class AttentivePooling(nn.Module):
    """A learned query looks at all patch tokens; a linear classifier reads what it takes from them.

    Parameters
    ----------
    length : int
        D of the tokens.
    classes : int
        C.
    heads : int
        Heads of the attention; D must be a multiple.

    References
    ----------
    El-Nouby et al., "AIM", ICML 2024, section 5; Bardes et al., "V-JEPA", TMLR 2024, appendix.
    """

    def __init__(self, length: int, classes: int, heads: int = 8) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(length)
        self.query = nn.Parameter(torch.randn(1, 1, length) * 0.02)
        self.attention = nn.MultiheadAttention(length, heads, batch_first=True)
        self.classifier = nn.Linear(length, classes)

    def forward(self, tokens: Tensor) -> Tensor:
        """Turn tokens (B, T, D) into logits (B, C)."""
        tokens = self.norm(tokens)
        query = self.query.expand(len(tokens), -1, -1)
        pooled, _ = self.attention(query, tokens, tokens, need_weights=False)
        return self.classifier(pooled.squeeze(1))


def train_attentive(
    tokens: Rows,
    labels: Tensor,
    classes: int,
    learning_rates: Sequence[float],
    seed: int = 0,
    steps: int = 500,
    batch_size: int = 64,
) -> list[AttentivePooling]:
    """Train a pooling for each learning rate on the same batches, by AdamW with a cosine schedule.

    Parameters
    ----------
    tokens : Rows
        (N, T, D).
    labels : Tensor
        (N,) integers from 0 to C - 1.
    classes : int
        C.
    learning_rates : sequence of float
        The first of each schedule.
    seed : int
        Seed of the first weights and of the batches.
    steps : int
        Number of batches.
    batch_size : int
        Images of a batch; fewer where there are fewer.

    Returns
    -------
    list of AttentivePooling
        In evaluation mode, one for each learning rate.
    """
    length = tokens[torch.tensor([0])].shape[2]
    heads = next(heads for heads in (8, 4, 2, 1) if length % heads == 0)
    probes = []
    for _ in learning_rates:  # all begin alike
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            probes.append(AttentivePooling(length, classes, heads).train())
    optimizers = [
        torch.optim.AdamW(probe.parameters(), rate, weight_decay=0.01)
        for probe, rate in zip(probes, learning_rates, strict=True)
    ]
    schedules = [
        torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps) for optimizer in optimizers
    ]
    generator = torch.Generator().manual_seed(seed)
    batch_size = min(batch_size, len(tokens))
    order = torch.empty(0, dtype=torch.long)
    for _ in range(steps):
        if len(order) < batch_size:
            order = torch.randperm(len(tokens), generator=generator)
        rows, order = order[:batch_size].sort().values, order[batch_size:]
        batch, target = tokens[rows].float(), labels[rows]
        for probe, optimizer, schedule in zip(probes, optimizers, schedules, strict=True):
            optimizer.zero_grad(set_to_none=True)
            cross_entropy(probe(batch), target).backward()
            optimizer.step()
            schedule.step()
    return [probe.eval().requires_grad_(False) for probe in probes]
