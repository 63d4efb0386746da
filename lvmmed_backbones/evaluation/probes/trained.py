"""Probes that are trained by batches: attentive pooling of patch tokens, and one 1x1 convolution on feature maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate


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


class DenseProbe(nn.Module):
    """Normalised feature maps through one 1x1 convolution, scaled up to the mask.

    Parameters
    ----------
    channels : int
        D of the maps.
    classes : int
        C.

    References
    ----------
    Oquab et al., "DINOv2", TMLR 2024, section 7.4 and `dinov2/eval/segmentation`: BatchNorm, then a linear layer.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.classifier = nn.Conv2d(channels, classes, 1)

    def forward(self, maps: Tensor, size: tuple[int, int]) -> Tensor:
        """Turn maps (B, D, h, w) into logits (B, C, H, W) of the given size."""
        logits = self.classifier(self.norm(maps))
        return interpolate(logits, size, mode="bilinear", align_corners=False)


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
    classes, learning_rates, seed, steps, batch_size
        As in `train_dense`.

    Returns
    -------
    list of AttentivePooling
        In evaluation mode, one for each learning rate.
    """
    length = tokens[torch.tensor([0])].shape[2]
    heads = next(heads for heads in (8, 4, 2, 1) if length % heads == 0)

    def loss(probe: nn.Module, rows: Tensor, batch: Tensor) -> Tensor:
        return cross_entropy(probe(batch), labels[rows].to(batch.device))

    return _train(
        lambda: AttentivePooling(length, classes, heads),
        loss,
        tokens,
        learning_rates,
        seed,
        steps,
        batch_size,
    )


def train_dense(
    maps: Rows,
    masks: Rows,
    classes: int,
    learning_rates: Sequence[float],
    seed: int = 0,
    steps: int = 500,
    batch_size: int = 16,
) -> list[DenseProbe]:
    """Train a dense probe for each learning rate on the same batches, by AdamW with a cosine schedule.

    Parameters
    ----------
    maps : Rows
        (N, D, h, w).
    masks : Rows
        (N, H, W) integers from 0 to C - 1; 255 is left out of the loss.
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
    list of DenseProbe
        In evaluation mode, one for each learning rate.
    """
    channels = maps[torch.tensor([0])].shape[1]

    def loss(probe: nn.Module, rows: Tensor, batch: Tensor) -> Tensor:
        mask = masks[rows].long().to(batch.device)
        return cross_entropy(probe(batch, mask.shape[1:]), mask, ignore_index=255)

    return _train(
        lambda: DenseProbe(channels, classes), loss, maps, learning_rates, seed, steps, batch_size
    )


def _train(
    make: Callable[[], nn.Module],
    loss: Callable[[nn.Module, Tensor, Tensor], Tensor],
    inputs: Rows,
    learning_rates: Sequence[float],
    seed: int,
    steps: int,
    batch_size: int,
) -> list:
    """Train one probe for each learning rate; all begin alike and see the same batches."""
    probes = []
    for _ in learning_rates:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            probes.append(make().train())
    optimizers = [
        torch.optim.AdamW(probe.parameters(), rate, weight_decay=0.01)
        for probe, rate in zip(probes, learning_rates, strict=True)
    ]
    schedules = [
        torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps) for optimizer in optimizers
    ]
    generator = torch.Generator().manual_seed(seed)
    batch_size = min(batch_size, len(inputs))
    order = torch.empty(0, dtype=torch.long)
    for _ in range(steps):
        if len(order) < batch_size:
            order = torch.randperm(len(inputs), generator=generator)
        rows, order = order[:batch_size].sort().values, order[batch_size:]
        batch = inputs[rows].float()
        for probe, optimizer, schedule in zip(probes, optimizers, schedules, strict=True):
            optimizer.zero_grad(set_to_none=True)
            loss(probe, rows, batch).backward()
            optimizer.step()
            schedule.step()
    return [probe.eval().requires_grad_(False) for probe in probes]
