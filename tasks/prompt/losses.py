"""The loss of a predicted mask: a pure function of tensors."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from lvmmed_backbones.records.gallery import IGNORED

SMOOTH = 1e-5
Targets = Literal["binary", "labels"]


def soft_dice_loss(logits: Tensor, targets: Tensor, counted: Tensor | None = None) -> Tensor:
    """Return 1 - Dice with squares, of each image, and the mean of them.

    1 - (2 sum(p t) + s) / (sum(p^2) + sum(t^2) + s), with p the sigmoid of the logits and s = 1e-5: MONAI's DiceLoss
    with `sigmoid=True, squared_pred=True, reduction="mean"`.

    Parameters
    ----------
    logits : Tensor
        (B, H, W).
    targets : Tensor
        (B, H, W), 0 or 1; the release's of MMWHS are 0 to 7, and the loss of a right mask is below 0 then.
    counted : Tensor, optional
        (B, H, W), 1 where a pixel counts and 0 elsewhere; None: all count.
    """
    p, t = logits.sigmoid(), targets.to(logits.dtype)
    if counted is not None:
        p, t = p * counted, t * counted
    both, squares = (p * t).sum((1, 2)), (p**2 + t**2).sum((1, 2))
    return (1 - (2 * both + SMOOTH) / (squares + SMOOTH)).mean()


def mask_losses(
    logits: Tensor, labels: Tensor, targets: Targets = "binary", cross_entropy: float = 0.0
) -> dict[str, Tensor]:
    """Return the parts of the loss of masks.

    The paper says Dice and cross-entropy. The release asks MONAI 1.1 for both, whose cross-entropy is over channels: of
    one channel it is 0 for any input, so what was minimised is Dice alone. From MONAI 1.3 on the same call adds a
    binary cross-entropy.

    Parameters
    ----------
    logits, labels : Tensor
        (B, H, W); a label of 255 does not count.
    targets : {"binary", "labels"}
        What the mask is compared with: 1 where there is any structure, or the label itself, as the release does.
    cross_entropy : float
        Weight of the binary cross-entropy, a mean over pixels; 0: none, as released.
    """
    counted = (labels != IGNORED).to(logits.dtype)
    truth = torch.where(
        labels == IGNORED, 0, labels if targets == "labels" else (labels > 0).long()
    )
    truth = truth.to(logits.dtype)
    losses = {"loss_dice": soft_dice_loss(logits, truth, counted)}
    if cross_entropy:
        each = binary_cross_entropy_with_logits(logits, truth, reduction="none")
        losses["loss_bce"] = cross_entropy * (each * counted).sum() / counted.sum().clamp(min=1)
    return losses
