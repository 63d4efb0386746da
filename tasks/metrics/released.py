"""Scores as the released end-to-end segmentation computes them, where the suite's differ.

evaluate.py:8-57, utils/endtoend.py:40-58: one class, 1e-6 above and below, 1 where neither mask has the class, at the
size that the network sees.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Literal

import numpy as np
from mmengine.registry import METRICS
from numpy.typing import NDArray

from tasks.metrics.segmentation import SegmentationScores

SMOOTH = 1e-6


def dice(found: NDArray) -> NDArray[np.float64]:
    """(2 both + 1e-6) / (sum + 1e-6) of each class of (3, C) `overlap_counts`: 1 where neither has it."""
    both, total = found[0], found[1] + found[2]
    return (2 * both + SMOOTH) / (total + SMOOTH)


def iou(found: NDArray) -> NDArray[np.float64]:
    """(both + 1e-6) / (union + 1e-6) of each class of (3, C) `overlap_counts`: 1 where neither has it."""
    both, predicted, true = found
    return (both + SMOOTH) / (predicted + true - both + SMOOTH)


@METRICS.register_module()
class ReleasedScores(SegmentationScores):
    """Dice of one class per image (2D), or its IoU over the voxels of a volume (3D); the mean over cases.

    Beside it the mean over all foreground classes, as `dice_all` and `iou_all`: of MMWHS the release scores the left
    atrium alone (trap 3). Of volumes also the class's means over slices, as `slice_dice` and `slice_iou`, which the
    release prints, too: a slice without the class, rightly found empty, has 1.

    Parameters
    ----------
    case : {"image", "volume"}
        What is scored at once; a volume's slices lie in a folder.
    label : int
        The class.
    group : {"site"}, optional
        As of `SegmentationScores`: the mean per site, too, and the run's score is the mean over sites.
    cases_file : str, optional
        File to write the score of every case to.
    """

    def __init__(
        self,
        case: Literal["image", "volume"],
        label: int,
        group: Literal["site"] | None = None,
        cases_file: str | None = None,
        **kwargs: Any,
    ) -> None:
        headline: Literal["dice", "iou"] = "dice" if case == "image" else "iou"
        super().__init__(case, headline, group, cases_file, **kwargs)
        self.label = label

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Sum the counts of each case, score it, and average the cases."""
        found: dict[str, NDArray] = defaultdict(lambda: np.zeros((), np.int64))
        for case, part in results:
            found[case] = found[case] + part
        means = self.averaged({case: self._scores(total) for case, total in found.items()})
        if self.case == "volume":
            slices = [self._scores(part) for _, part in results]
            means |= {f"slice_{n}": float(np.mean([s[n] for s in slices])) for n in ("dice", "iou")}
        return means

    def _scores(self, found: NDArray) -> dict[str, float]:
        scores = {}
        for name, per_class in (("dice", dice(found)), ("iou", iou(found))):
            scores[name] = float(per_class[self.label])
            scores[f"{name}_all"] = float(per_class[1:].mean())
        return scores
