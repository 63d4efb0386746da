"""What the metrics that reports know are called."""

from __future__ import annotations

NAMES = {
    "dice": "Dice",
    "iou": "IoU",
    "map50": "mAP50",
    "map": "mAP50:95",
    "accuracy": "accuracy",
    "kappa": "kappa",
    "macro_f1": "macro F1",
    "auroc": "AUROC",
    "probability": "probability of the true class",
}


def metric_name(metric: str) -> str:
    """What a metric is called: 'Dice' of dice, 'Dice, vessel' of dice/vessel; one that is not known, as it is."""
    base, _, part = metric.partition("/")
    name = NAMES.get(base, base)
    return f"{name}, {part}" if part else name
