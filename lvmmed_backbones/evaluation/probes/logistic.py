"""Logistic regression on frozen features: many penalties and many draws of training images in one batched L-BFGS."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import softplus

from lvmmed_backbones.evaluation.cores import shared_cores

MEMORY = 10  # pairs of L-BFGS
LOGITS = 2**26  # numbers that one batch of penalties may hold at a time: 0.5 GB


@dataclass(frozen=True)
class LinearModels:
    """Linear classifiers of B draws of training images and K penalties.

    Attributes
    ----------
    weights : Tensor
        (B, K, D, C).
    biases : Tensor
        (B, K, C).
    converged : Tensor
        (B, K) bool: the gradient fell below the tolerance.
    """

    weights: Tensor
    biases: Tensor
    converged: Tensor

    def logits(self, features: Tensor) -> Tensor:
        """Return (B, K, N, C) logits of features (N, D), or of the draws' own (B, N, D)."""
        features = features.to(self.weights)
        if features.ndim == 3:
            features = features.unsqueeze(1)
        return features @ self.weights + self.biases.unsqueeze(-2)


def fit_logistic(
    features: Tensor,
    labels: Tensor,
    classes: int,
    penalties: Sequence[float],
    tolerance: float = 1e-5,
    steps: int = 1000,
) -> LinearModels:
    r"""Fit softmax classifiers, to convergence, on standardised features.

    Each minimises the mean cross-entropy plus :math:`\lambda / 2 \, \lVert W \rVert^2`; the bias is not penalised. In
    scikit-learn's words ``C = 1 / (lambda * N)`` for three classes and more, ``2 / (lambda * N)`` for two, where it
    fits one weight vector in place of two.

    Parameters
    ----------
    features : Tensor
        (N, D), or (B, N, D) for B draws of N training images each. Each draw is standardised by its own mean and
        standard deviation; a feature that is constant counts as 0.
    labels : Tensor
        (N,) or (B, N) integers from 0 to C - 1; or floating (N, C) or (B, N, C) shares of the classes, from 0 to 1,
        that add up to 1 for each row.
    classes : int
        C. A class without training images gets a probability that falls with its penalty.
    penalties : sequence of float
        K values of lambda, positive.
    tolerance : float
        Largest absolute entry of the gradient at which a model counts as converged.
    steps : int
        Most L-BFGS steps.

    Returns
    -------
    LinearModels
        For features that are not standardised: mean and deviation are part of weights and biases.

    Raises
    ------
    ValueError
        If shapes do not fit, a label is none of the classes, a penalty is not positive, or a feature is no number.

    Notes
    -----
    The penalty does not change if features are rotated, so the problem is solved along the principal axes of the
    features, of which there are min(N, D). There the curvature of the loss is at most half the variance along an axis
    (Böhning, "Multinomial logistic regression algorithm", 1992), and its inverse is what L-BFGS starts from: a
    hundred steps do where plain L-BFGS needs thousands; some hundreds, where classes are separable and penalties small.
    """
    features, target = _checked(features, labels, classes, penalties)
    if classes == 2:  # the classes' vectors are each other's opposite: one is enough
        target = target[..., 1:]
    cores = torch.get_num_threads() if features.device.type == "cpu" else 1
    parts = min(cores, len(features))
    fit = partial(_fit, penalties=penalties, tolerance=tolerance, steps=steps)
    with shared_cores(parts) as threads:
        fitted = list(threads.map(fit, features.chunk(parts), target.chunk(parts)))
    return LinearModels(*(torch.cat(part) for part in zip(*fitted, strict=True)))


def _fit(
    features: Tensor, target: Tensor, penalties: Sequence[float], tolerance: float, steps: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Weights, biases and convergence, as in `LinearModels`, of some draws; of a target (B, N, 1) for two classes."""
    columns, mean, scale = standardised(features)
    axes, scores, variances = principal_axes(columns)
    per_batch = max(1, LOGITS // target.numel())
    fitted = [
        _minimise(scores, variances, target, batch, tolerance, steps)
        for batch in torch.tensor(penalties).to(features).split(per_batch)
    ]
    along_axes, biases, converged = (torch.cat(part, 1) for part in zip(*fitted, strict=True))
    if target.shape[2] == 1:
        along_axes, biases = (torch.cat([-x, x], -1) / 2 for x in (along_axes, biases))
    weights = scale.mT.unsqueeze(1) * (axes.unsqueeze(1) @ along_axes)
    biases = biases - (mean.unsqueeze(1) @ weights).squeeze(2)
    return weights, biases, converged


def _checked(
    features: Tensor, labels: Tensor, classes: int, penalties: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """Features (B, N, D) and shares of the classes (B, N, C), both in double precision, or ValueError."""
    if features.ndim == 2:
        features, labels = features.unsqueeze(0), labels.unsqueeze(0)
    shares = labels.double() if labels.is_floating_point() else None
    if shares is not None:
        if shares.ndim != 3 or shares.shape[2] != classes:
            raise ValueError(f"shares of shape {tuple(shares.shape)}: there are {classes} classes")
        if not (shares.min() >= 0 and (shares.sum(2) - 1).abs().max() < 1e-6):
            raise ValueError("shares of the classes must be 0 or more, and add up to 1")
        labels = shares.argmax(2)
    if features.ndim != 3 or labels.shape != features.shape[:2] or 0 in features.shape:
        raise ValueError(
            f"features of shape {tuple(features.shape)} and labels of shape {tuple(labels.shape)}: "
            "give (N, D) and (N,), or (B, N, D) and (B, N), none of them empty"
        )
    if not (int(labels.min()) >= 0 and int(labels.max()) < classes):
        raise ValueError(
            f"labels from {int(labels.min())} to {int(labels.max())}: there are {classes} classes, from 0 on"
        )
    if not penalties or not min(penalties) > 0:
        raise ValueError(f"penalties {list(penalties)}: give at least one, all positive")
    features = features.double()
    if not torch.isfinite(features).all():
        raise ValueError("features hold NaN or infinity: see what the backbone returns")
    if shares is None:
        shares = torch.nn.functional.one_hot(labels, classes).to(features)
    return features, shares


def standardised(features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Features (B, N, D) of mean 0 and deviation 1 in each draw, their mean, and what they were multiplied by.

    A feature that is constant is multiplied by 0.
    """
    mean = features.mean(1, keepdim=True)
    deviation = features.std(1, correction=0, keepdim=True)
    # A constant feature has a deviation of rounding errors.
    constant = deviation <= 1e-12 * mean.abs().clamp_min(1e-300)
    scale = torch.where(constant, 0, 1 / deviation.masked_fill(constant, 1))
    return (features - mean) * scale, mean, scale


def principal_axes(features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The features (B, N, D), centred, along their R = min(N, D) principal axes.

    Returns
    -------
    (Tensor, Tensor, Tensor)
        Axes (B, D, R), the features along them (B, N, R), and their variances (B, R).
    """
    _, number, length = features.shape
    if length <= number:
        variances, axes = torch.linalg.eigh(features.mT @ features / number)
        return axes, features @ axes, variances.clamp_min(0)
    variances, images = torch.linalg.eigh(features @ features.mT / number)
    variances = variances.clamp_min(0)
    # Directions without variance: rounding errors, to be divided by nothing.
    empty = variances <= 1e-12 * variances.amax(1, keepdim=True)
    spread = (number * variances).sqrt()
    axes = features.mT @ (images / spread.masked_fill(empty, torch.inf).unsqueeze(1))
    return axes, images * spread.masked_fill(empty, 0).unsqueeze(1), variances.masked_fill(empty, 0)


def _minimise(
    scores: Tensor,
    variances: Tensor,
    target: Tensor,
    penalties: Tensor,
    tolerance: float,
    steps: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """L-BFGS on scores (B, N, R), a problem for each draw and penalty; weights (B, K, R, C), biases and convergence.

    Inside, tensors are (B, R + 1, K, C) and (B, N, K, C): all penalties of a draw are one matrix product. A target of
    two classes has C = 1, and so have weights and biases: they are those of class 1 less those of class 0.
    """
    batch, number, axes = scores.shape
    classes, count = target.shape[2], len(penalties)
    columns = torch.cat([scores, scores.new_ones(batch, number, 1)], 2)  # the last is the bias
    target = target.unsqueeze(2)
    # What the penalty weighs, and the inverse of the largest curvature, (B, R + 1, K, 1).
    weight = torch.outer(torch.cat([scores.new_ones(axes), scores.new_zeros(1)]), penalties)
    weight = weight[None, :, :, None]
    curvature = torch.cat([variances, variances.new_ones(batch, 1)], 1) / 2
    binary = classes == 1
    if binary:  # half of the difference is each class's
        weight, curvature = weight / 2, curvature / 2
    inverse = 1 / (curvature[:, :, None, None] + weight)

    def loss_of(at: Tensor, logits: Tensor) -> Tensor:
        total = softplus(logits, threshold=40).squeeze(3) if binary else logits.logsumexp(3)
        entropy = total - (logits * target).sum(3)
        return entropy.mean(1) + (weight * at.square()).sum((1, 3)) / 2

    def gradient_of(at: Tensor, logits: Tensor) -> Tensor:
        probabilities = logits.sigmoid() if binary else logits.softmax(3)
        error = ((probabilities - target) / number).flatten(2)
        return (columns.mT @ error).unflatten(2, (-1, classes)) + weight * at

    parameters = scores.new_zeros(batch, axes + 1, count, classes)
    logits = scores.new_zeros(batch, number, count, classes)
    result = parameters.clone()
    converged = torch.zeros(batch, count, dtype=torch.bool, device=scores.device)
    active = torch.arange(count, device=scores.device)
    loss, gradient = loss_of(parameters, logits), gradient_of(parameters, logits)
    pairs: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=MEMORY)
    for _ in range(steps):
        done = gradient.abs().amax((1, 3)) <= tolerance
        converged[:, active] = done
        if done.all(0).any():  # penalties that have converged for all draws leave
            result[:, :, active] = parameters
            still = ~done.all(0)
            if not still.any():
                break
            active, loss, done = active[still], loss[:, still], done[:, still]
            parameters, logits, gradient, weight, inverse = (
                tensor[:, :, still] for tensor in (parameters, logits, gradient, weight, inverse)
            )
            pairs = deque(
                (tuple(tensor[:, :, still] for tensor in pair) for pair in pairs), maxlen=MEMORY
            )
        step = -_inverse_times(gradient, inverse, pairs)
        slope = (gradient * step).sum((1, 3))
        step_logits = (columns @ step.flatten(2)).unflatten(2, (-1, classes))
        length = torch.where(done, 0.0, 1.0).to(loss)
        for _ in range(30):  # halved until the loss falls as its slope promises (Armijo)
            factor = length[:, None, :, None]
            reached = loss_of(parameters + factor * step, logits + factor * step_logits)
            short = reached > loss + 1e-4 * length * slope + 1e-15
            if not short.any():
                break
            length = torch.where(short, length / 2, length)
        factor = length[:, None, :, None]
        step = factor * step
        parameters, logits = parameters + step, logits + factor * step_logits
        before, loss, gradient = gradient, reached, gradient_of(parameters, logits)
        change = gradient - before
        product = _dot(step, change)
        useful = product > 1e-12 * _dot(change, change).clamp_min(1e-300)
        pairs.append((step, change, torch.where(useful, 1 / product, 0)))
    result[:, :, active] = parameters
    result = result.transpose(1, 2)
    return result[:, :, :axes], result[:, :, axes], converged


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """The product of two arrays (B, R, K, C) of each draw and penalty, (B, 1, K, 1)."""
    return torch.einsum("brkc,brkc->bk", a, b)[:, None, :, None]


def _inverse_times(
    gradient: Tensor, inverse: Tensor, pairs: Sequence[tuple[Tensor, Tensor, Tensor]]
) -> Tensor:
    """The two-loop recursion of L-BFGS (Nocedal and Wright, "Numerical Optimization", algorithm 7.4)."""
    product, shares = gradient, []
    for step, change, curvature in reversed(pairs):
        shares.append(curvature * _dot(step, product))
        product = product - shares[-1] * change
    if pairs:  # the curvature is smaller than its bound: by how much, the last step has shown
        step, change, curvature = pairs[-1]
        product = product / (curvature * _dot(change, inverse * change)).clamp_min(1e-300)
    product = inverse * product
    for (step, change, curvature), share in zip(pairs, reversed(shares), strict=True):
        product = product + step * (share - curvature * _dot(change, product))
    return product
