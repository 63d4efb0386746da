"""The probe of a regression: its penalty is chosen on the valid images, the test images are seen once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from lvmmed_backbones.evaluation.classification import Split
from lvmmed_backbones.evaluation.probes.ridge import fit_ridge

PENALTIES = tuple(float(penalty) for penalty in np.logspace(-5, 3, 17))


@dataclass(frozen=True)
class Line:
    """A linear regression of a split.

    Attributes
    ----------
    penalty : float
        That the valid images chose, by the smallest mean squared error.
    predict : callable
        From features (M, D) to numbers (M,).
    """

    penalty: float
    predict: Callable[[NDArray[np.floating]], NDArray[np.float64]]


def ridge(
    features: NDArray[np.floating],
    targets: NDArray[np.float64],
    splits: Sequence[Split],
    penalties: Sequence[float] = PENALTIES,
) -> list[Line]:
    """Linear regression with a squared penalty on standardised features (N, D), for targets (N,)."""
    x, y = torch.from_numpy(features), torch.from_numpy(targets)
    lines = []
    for split in splits:
        models = fit_ridge(x[split.train], y[split.train].unsqueeze(1), penalties)
        predictions = models.logits(x[split.valid])[0, :, :, 0].numpy()
        errors = np.square(predictions - targets[split.valid]).mean(1)
        best = int(np.flatnonzero(errors == errors.min())[-1])
        weights, bias = models.weights[0, best, :, 0].numpy(), float(models.biases[0, best, 0])

        def predict(
            queries: NDArray, weights: NDArray = weights, bias: float = bias
        ) -> NDArray[np.float64]:
            return queries.astype(np.float64) @ weights + bias

        lines.append(Line(float(penalties[best]), predict))
    return lines
