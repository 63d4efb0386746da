"""What a metric is: its name in texts, whether it is shown in percent, and whether less of it is better."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Metric:
    """A metric, as its values are read.

    Attributes
    ----------
    name : str
        In texts.
    percent : bool
        Whether its values, 1 at most, are shown in percent; others are shown as they are, in their own unit.
    less_is_better : bool
        Whether it counts errors.
    least, most : float
        Its range.
    """

    name: str
    percent: bool = True
    less_is_better: bool = False
    least: float = 0.0
    most: float = 1.0

    @property
    def ranks(self) -> bool:
        """Whether backbones can be ranked by it: it is a score, or counts errors; a setting is neither."""
        return self.percent or self.less_is_better


ANY = math.inf
METRICS = {
    "dice": Metric("Dice"),
    "iou": Metric("IoU"),
    "slice_dice": Metric("mean Dice of slices"),
    "slice_iou": Metric("mean IoU of slices"),
    "volume_iou": Metric("IoU of volumes"),
    "map50": Metric("mAP50"),
    "map": Metric("mAP"),
    "accuracy": Metric("accuracy"),
    "balanced_accuracy": Metric("balanced accuracy"),
    "kappa": Metric("kappa", least=-1),
    "macro_f1": Metric("macro F1"),
    "auroc": Metric("AUROC"),
    "probability": Metric("probability of the true class"),
    "average_precision": Metric("average precision"),
    "precision": Metric("precision"),
    "r2": Metric("R²", least=-ANY),
    "r2_or_0": Metric("R², 0 if negative"),
    "pearson": Metric("Pearson's r", least=-1),
    "invariance": Metric("invariance", least=-ANY),
    "ece": Metric("calibration error", less_is_better=True),
    "brier": Metric("Brier score", percent=False, less_is_better=True, most=2),
    "mae": Metric("mean absolute error", percent=False, less_is_better=True, most=ANY),
    "setting": Metric("setting of the probe", percent=False, least=-ANY, most=ANY),
    "adjustment": Metric("adjustment of the probe", percent=False, least=-ANY, most=ANY),
    "draws": Metric("draws", percent=False, most=ANY),
    "epoch": Metric("epoch tested", percent=False, most=ANY),
}

LAST = "last_"  # before the scores of the last epoch, which the release's recipe tests beside the best one


def describe_metric(metric: str) -> Metric:
    """Return what is known of a metric.

    Parameters
    ----------
    metric : str
        As in a record: the name of a known metric, perhaps with a part (dice/vessel) or a condition of its images
        (accuracy_noise_3, accuracy_without_copies) behind it, or last_ before it. An unknown one is as any
        score: more is better; its range is not known.
    """
    base, _, part = metric.removeprefix(LAST).partition("/")
    known = base
    while known not in METRICS and "_" in known:
        known = known.rpartition("_")[0]
    found = METRICS.get(known, Metric(base, least=-ANY, most=ANY))
    condition = base[len(known) + 1 :].replace("_", " ") if known in METRICS else ""
    epoch = "last epoch" if metric.startswith(LAST) else ""
    name = ", ".join(filter(None, [found.name, condition, part, epoch]))
    return replace(found, name=name)


def metric_name(metric: str) -> str:
    """The name of a metric in texts: 'Dice' of dice, 'Dice, vessel' of dice/vessel; an unknown one as it is."""
    return describe_metric(metric).name


def value_text(metric: str, value: float) -> str:
    """A value of a metric: in percent with one decimal, or as it is with four digits."""
    return f"{100 * value:.1f}" if describe_metric(metric).percent else f"{value:.4g}"
