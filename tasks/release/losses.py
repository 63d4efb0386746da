"""The loss of the released end-to-end segmentation (utils/endtoend.py:7-37, 60-64)."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

SMOOTH = 1e-6


def batch_dice_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """One minus the soft Dice, the mean over all classes with the background, each over the whole batch at once.

    Without squares: 2 sum(p t) / (sum(p) + sum(t)), both with 1e-6.

    Parameters
    ----------
    logits : Tensor
        (B, C, H, W).
    truth : Tensor
        (B, H, W) labels 0 to C - 1.
    """
    probabilities = logits.softmax(1)
    wanted = one_hot(truth.long(), logits.shape[1]).permute(0, 3, 1, 2)
    both = (probabilities * wanted).sum((0, 2, 3))
    total = probabilities.sum((0, 2, 3)) + wanted.sum((0, 2, 3))
    return 1 - ((2 * both + SMOOTH) / (total + SMOOTH)).mean()


def segmentation_losses(logits: Tensor, truth: Tensor) -> dict[str, Tensor]:
    """The two parts of the loss, whose sum is trained: mean pixel cross-entropy and `batch_dice_loss`."""
    return dict(
        loss_ce=cross_entropy(logits, truth.long()), loss_dice=batch_dice_loss(logits, truth)
    )
