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
    """Mean cross entropy between the teacher's view and each other view of the student (eq. 3).

    Parameters
    ----------
    outputs : list of Tensor
        Of the student, (N, K) for each view.
    targets : list of Tensor
        Of the teacher, (N, K) for each of the first views.
    centre : Tensor
        (K,).
    """
    terms = []
    for t, target in enumerate(targets):
        wanted = softmax((target - centre) / teacher_temperature, dim=1)
        for v, output in enumerate(outputs):
            if v != t:
                found = log_softmax(output / student_temperature, dim=1)
                terms.append(-(wanted * found).sum(1).mean())
    return torch.stack(terms).mean()
