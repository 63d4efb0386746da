"""Dice and IoU of prompted masks: of all structures together, by the rules of LVM-Med's release.

Two scores are called 3D IoU in the paper's tables. For prompts it is the mean over the slices of a volume, and a slice
with nothing in truth and prediction counts 1: `slice_iou`. `volume_iou` counts the voxels of the whole volume.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from mmengine.registry import METRICS

from lvmmed_backbones.evaluation.overlap import overlap_counts
from lvmmed_backbones.records.gallery import IGNORED
from tasks.metrics import case_name, released
from tasks.metrics.segmentation import SegmentationScores

Counts = tuple[int, int, int]  # pixels in both masks, in the prediction, in the truth


def counted(prediction: np.ndarray, truth: np.ndarray) -> Counts:
    """Count the pixels of two masks of one shape, not 0 in both, in the prediction, in the truth; 255 does not count.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    both, predicted, true = overlap_counts(
        prediction > 0, np.where(truth == IGNORED, IGNORED, truth > 0), 2
    )[:, 1].tolist()
    return both, predicted, true


def dice(counts: Counts) -> float:
    """Return 2 |A n B| / (|A| + |B|); where the truth is empty 1 if the prediction is empty, too, else 0."""
    both, predicted, true = counts
    return 2 * both / (predicted + true) if true else float(predicted == 0)


def iou(counts: Counts) -> float:
    """Return the release's IoU of counts: 1 where both masks are empty."""
    return float(released.iou(np.array(counts)))


@METRICS.register_module()
class PromptedScores(SegmentationScores):
    """Scores of prompted masks in 0..1; `dice` and `iou` of images, `slice_iou` and `volume_iou` of volumes.

    The score of a run is the mean over its cases.

    Parameters
    ----------
    case : {"image", "volume"}
        'image', or 'volume': the slices of a folder are one case.
    headline : {"dice", "iou", "slice_iou", "volume_iou"}
        Reported first, so that it selects the checkpoint.
    unprompted : {"skip", "count"}
        An image without a prompt is no case, and a slice without one is none of the mean of slices; or, as released,
        it counts as any other. The voxels of a volume are always all counted.
    group, cases_file
        As of `SegmentationScores`.
    """

    def __init__(
        self,
        case: Literal["image", "volume"] = "image",
        headline: Literal["dice", "iou", "slice_iou", "volume_iou"] = "dice",
        unprompted: Literal["skip", "count"] = "skip",
        group: Literal["site"] | None = None,
        cases_file: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(case, "dice", group, cases_file, **kwargs)
        known = ("dice", "iou") if case == "image" else ("slice_iou", "volume_iou")
        if headline not in known:
            raise ValueError(
                f"headline={headline!r}: choose {' or '.join(known)} of a case={case!r}"
            )
        if unprompted not in ("skip", "count"):
            raise ValueError(f"unprompted={unprompted!r}: choose 'skip' or 'count'")
        self.headline = headline  # type: ignore[assignment]
        self.scores, self.unprompted = known, unprompted

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the pixels of every sample's `pred_sem_seg` and `gt_sem_seg`, both (1, H, W)."""
        for sample in data_samples:
            name = case_name(sample["img_path"])
            masks = (sample[key]["data"].cpu().numpy() for key in ("pred_sem_seg", "gt_sem_seg"))
            try:
                counts = counted(*masks)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
            self.results.append((self.case_of(name), (counts, sample["box"] is not None)))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Score each case, and average.

        Raises
        ------
        ValueError
            If no image had a prompt.
        """
        if not any(prompted for _, (_, prompted) in results):
            raise ValueError(
                f"none of {len(results)} images has a structure, so there is no box to prompt with: see their masks"
            )
        slices: dict[str, list[tuple[Counts, bool]]] = defaultdict(list)
        for name, slice_ in results:
            slices[name].append(slice_)
        score = self._of_image if self.case == "image" else self._of_volume
        return self.averaged({name: score(parts) for name, parts in slices.items()})

    def _counts(self, parts: Sequence[tuple[Counts, bool]]) -> list[Counts]:
        return [counts for counts, prompted in parts if prompted or self.unprompted == "count"]

    def _of_image(self, parts: Sequence[tuple[Counts, bool]]) -> dict[str, float]:
        kept = self._counts(parts)
        return (
            {"dice": dice(kept[0]), "iou": iou(kept[0])}
            if kept
            else {"dice": np.nan, "iou": np.nan}
        )

    def _of_volume(self, parts: Sequence[tuple[Counts, bool]]) -> dict[str, float]:
        kept = self._counts(parts)
        both, predicted, true = np.sum([counts for counts, _ in parts], 0).tolist()
        return {
            "slice_iou": float(np.mean([iou(counts) for counts in kept])) if kept else np.nan,
            "volume_iou": iou((both, predicted, true)),
        }
