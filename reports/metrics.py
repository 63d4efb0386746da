"""The metrics that reports know: what they are called, and which of them are means over cases."""

from __future__ import annotations

# A run's figure is the mean over its test cases. Of any other metric it is not, whatever its cases score: mAP50 and
# kappa are of all images together, and of a metric that is not known here nobody can tell.
MEANS = ("dice", "iou", "accuracy")
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


def is_mean_of_cases(metric: str) -> bool:
    """Whether a run's figure in a metric, such as dice or dice/vessel, is the mean over its cases."""
    return metric.partition("/")[0] in MEANS


def metric_name(metric: str) -> str:
    """What a metric is called: 'Dice' of dice, 'Dice, vessel' of dice/vessel; one that is not known, as it is."""
    base, _, part = metric.partition("/")
    name = NAMES.get(base, base)
    return f"{name}, {part}" if part else name
