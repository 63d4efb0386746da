"""The distance of a matching to the identity (LVM-Med, NeurIPS 2023, section 3.4)."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from lvmmed_backbones.matching.layer import MatchingLayer


def matching_loss(
    layer: MatchingLayer, vertex: Tensor, edge: Tensor, edges: list[Tensor], seed: int
) -> tuple[Tensor, Tensor, float]:
    """Return the Hamming distance of a matching to the identity, sum of v (1 - v*) + v* (1 - v) (LVM-Med, eq. 6).

    The gradient for the affinities is computed at once, and attached to the loss as a linear function of them. The
    estimate moves the costs by `lambda_` times the gradient of the loss. Computed later, it would change with every
    factor that a loss scaler, gradient accumulation or a mean puts before the loss. Attached so, it scales with them.

    Parameters
    ----------
    vertex : Tensor of shape (N, N)
    edge : Tensor of shape (E_s, E_t)
    edges : list of Tensor
        Edges (E_s, 2) and (E_t, 2).
    seed : int
        Seed of noise and solver.

    Returns
    -------
    (Tensor, Tensor, float)
        The loss; the matching (N, N) without gradients; the time of both solves in seconds.
    """
    start = time.perf_counter()
    leaves = [affinity.detach()[None].requires_grad_() for affinity in (vertex, edge)]
    matching, _ = layer(*leaves, *(e[None] for e in edges), seed)
    distance = hamming_to_identity(matching[0])
    gradients = torch.autograd.grad(distance, leaves)
    seconds = time.perf_counter() - start
    linear = (vertex * gradients[0][0]).sum() + (edge * gradients[1][0]).sum()
    return distance.detach() + linear - linear.detach(), matching[0].detach(), seconds


def hamming_to_identity(matching: Tensor) -> Tensor:
    """Return the sum of v (1 - v*) + v* (1 - v) for a matching v (N, N), or a mean of matchings; v* is the identity."""
    identity = torch.eye(len(matching), device=matching.device)
    return (matching * (1 - identity) + identity * (1 - matching)).sum()
