"""Linear regression with a squared penalty on frozen features, for all penalties at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lvmmed_backbones.evaluation.probes.logistic import LinearModels, principal_axes, standardised


def fit_ridge(features: Tensor, targets: Tensor, penalties: Sequence[float]) -> LinearModels:
    r"""Fit linear regressions on standardised features.

    Each minimises the mean squared error plus :math:`\lambda \, \lVert W \rVert^2`; the bias is not penalised. In
    scikit-learn's words ``alpha = lambda * N``.

    Parameters
    ----------
    features : Tensor
        (N, D), or (B, N, D) for B draws of N training images each.
    targets : Tensor
        (N, T) or (B, N, T) numbers.
    penalties : sequence of float
        K values of lambda, positive.

    Returns
    -------
    LinearModels
        Their `logits` are the predictions.

    Raises
    ------
    ValueError
        If a penalty is not positive.
    """
    if not penalties or not min(penalties) > 0:
        raise ValueError(f"penalties {list(penalties)}: give at least one, all positive")
    features = features.double() if features.ndim == 3 else features.double().unsqueeze(0)
    targets = targets.double() if targets.ndim == 3 else targets.double().unsqueeze(0)
    center = targets.mean(1, keepdim=True)
    columns, mean, scale = standardised(features)
    axes, scores, variances = principal_axes(columns)
    covariance = scores.mT @ (targets - center) / targets.shape[1]
    shrunk = variances.unsqueeze(1) + torch.tensor(penalties).to(variances)[:, None]
    weights = scale.mT.unsqueeze(1) * (
        axes.unsqueeze(1) @ (covariance.unsqueeze(1) / shrunk.unsqueeze(3))
    )
    biases = center - (mean.unsqueeze(1) @ weights).squeeze(2)
    return LinearModels(weights, biases, torch.ones(weights.shape[:2], dtype=torch.bool))
