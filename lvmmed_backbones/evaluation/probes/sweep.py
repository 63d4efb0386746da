"""Linear classifiers trained by SGD at many learning rates and seeds at once, as DINOv2 evaluates."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from lvmmed_backbones.evaluation.probes.logistic import LinearModels

MOMENTUM = 0.9


def sweep_learning_rates(
    features: Tensor,
    labels: Tensor,
    classes: int,
    learning_rates: Sequence[float],
    seeds: Sequence[int] = (0,),
    steps: int = 1250,
    batch_size: int = 128,
) -> LinearModels:
    """Train softmax classifiers by SGD with momentum and a cosine schedule, without weight decay.

    All learning rates of a seed see the same batches, so that they are one matrix product.

    Parameters
    ----------
    features : Tensor
        (N, D). They are taken as they are, so learning rates depend on their size.
    labels : Tensor
        (N,) integers from 0 to C - 1.
    classes : int
        C.
    learning_rates : sequence of float
        K, each the first of its schedule, for the mean of the batch.
    seeds : sequence of int
        B seeds of the first weights and of the batches.
    steps : int
        Number of batches.
    batch_size : int
        Images of a batch; fewer where there are fewer.

    Returns
    -------
    LinearModels
        Of B seeds and K learning rates.

    References
    ----------
    Oquab et al., "DINOv2", TMLR 2024, section 7.1 and `dinov2/eval/linear.py`: first weights of deviation 0.01, SGD
    with momentum 0.9, cosine to 0, the best of 13 learning rates on the valid split.
    """
    features = features.float()
    number, length = features.shape
    batch_size = min(batch_size, number)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    weights = torch.stack(
        [
            torch.normal(0.0, 0.01, (length, classes), generator=generator)
            for generator in generators
        ]
    ).to(features.device)
    weights = weights.unsqueeze(2).repeat(1, 1, len(learning_rates), 1)  # (B, D, K, C)
    biases = weights.new_zeros(len(seeds), 1, len(learning_rates), classes)
    rates = torch.tensor(learning_rates).to(weights)[:, None]
    target = one_hot(labels, classes).to(weights)
    velocity, bias_velocity = torch.zeros_like(weights), torch.zeros_like(biases)
    orders = [torch.empty(0, dtype=torch.long)] * len(seeds)
    for step in range(steps):
        if len(orders[0]) < batch_size:
            orders = [torch.randperm(number, generator=generator) for generator in generators]
        batch = torch.stack([order[:batch_size] for order in orders])
        orders = [order[batch_size:] for order in orders]
        images = features[batch]
        logits = (images @ weights.flatten(2)).unflatten(2, weights.shape[2:]) + biases
        error = (logits.softmax(3) - target[batch].unsqueeze(2)) / batch_size
        rate = rates * (1 + math.cos(math.pi * step / steps)) / 2
        velocity = MOMENTUM * velocity + (images.mT @ error.flatten(2)).unflatten(
            2, weights.shape[2:]
        )
        bias_velocity = MOMENTUM * bias_velocity + error.sum(1, keepdim=True)
        weights, biases = weights - rate * velocity, biases - rate * bias_velocity
    return LinearModels(
        weights.transpose(1, 2),
        biases.squeeze(1),
        torch.isfinite(weights).all(3).all(1),
    )
