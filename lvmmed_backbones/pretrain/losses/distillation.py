"""Self-distillation (DINO, Caron et al., ICCV 2021)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, softmax


def distillation_loss(
    outputs: list[Tensor],
    targets: list[Tensor],
    centre: Tensor,
    student_temperature: float,
    teacher_temperature: float,
) -> Tensor:
    """Return the mean cross entropy between the teacher's view and each other view of the student (eq. 3).

    Parameters
    ----------
    outputs : list of Tensor
        Outputs (N, K) of the student for each view.
    targets : list of Tensor
        Outputs (N, K) of the teacher for each of the first views.
    centre : Tensor of shape (K,)
        Centre of the teacher's outputs.
    """
    terms = []
    for t, target in enumerate(targets):
        expected = softmax((target - centre) / teacher_temperature, dim=1)
        for v, output in enumerate(outputs):
            if v != t:
                predicted = log_softmax(output / student_temperature, dim=1)
                terms.append(-(expected * predicted).sum(1).mean())
    return torch.stack(terms).mean()
