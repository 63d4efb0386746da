"""Dice and IoU, per class and per image or volume."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.registry import METRICS

from lvmmed_backbones.evaluation.overlap import mean_scores, overlap_counts, overlap_scores
from tasks.metrics import case_name, write_cases


@METRICS.register_module()
class SegmentationScores(BaseMetric):
    """Dice and IoU of the foreground classes (all but class 0), in 0..1.

    A case's score is the mean over the foreground classes that its truth or its prediction holds; the score of a
    run is the mean over its cases. A case without any foreground in both is left out of the mean.

    Parameters
    ----------
    case : {"image", "volume"}
        'image', or 'volume': the slices of a folder are counted together, as one case (3D IoU). A slice without a
        folder belongs to no volume, and is refused.
    headline : {"dice", "iou"}
        'dice' or 'iou': reported first, so that it selects the checkpoint; the other is reported too.
    group : {"site"}, optional
        'site' reports the mean per first folder of the case names too, as `dice/SITE`, and the run's score is then the
        mean over sites. A case without a folder has no site, and is refused.
    cases_file : str, optional
        File to write the score of every case to, or None.
    """

    default_prefix = ""  # so that scores keep their names; mmengine warns of None
    scores: tuple[str, ...] = ("dice", "iou")  # of a case

    def __init__(
        self,
        case: Literal["image", "volume"] = "image",
        headline: Literal["dice", "iou"] = "dice",
        group: Literal["site"] | None = None,
        cases_file: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if case not in ("image", "volume"):
            raise ValueError(f"case={case!r}: choose 'image' or 'volume'")
        self.case = case
        self.headline = headline
        self.group = group
        self.cases_file = cases_file

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the overlap of every sample's `pred_sem_seg` and `gt_sem_seg`, both (1, H, W).

        Raises
        ------
        ValueError
            Naming the image, if it lies in no folder though volumes or sites are counted, or has a label beyond the
            classes; 255 in the truth is no label: such pixels do not count.
        """
        num_classes = len(self.dataset_meta["classes"])
        for sample in data_samples:
            prediction = sample["pred_sem_seg"]["data"].cpu().numpy()
            truth = sample["gt_sem_seg"]["data"].cpu().numpy()
            name = case_name(sample["img_path"])
            try:
                counts = overlap_counts(prediction, truth, num_classes)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
            self.results.append((self.case_of(name), counts))

    def case_of(self, name: str) -> str:
        """Return the case that an image belongs to. Raises ValueError if it lies in no folder, but must."""
        case = name.rpartition("/")[0] if self.case == "volume" else name
        if not case or (self.group and "/" not in case):
            expected = "SITE/" * bool(self.group) + "VOLUME/" * (self.case == "volume")
            raise ValueError(
                f"{name}: an image is expected to lie in {expected}, which names what it is counted with. "
                "Prepare the data set with such folders, or set case='image' and group=None"
            )
        return case

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Sum the counts of each case and average the cases' scores."""
        counts: dict[str, np.ndarray] = defaultdict(lambda: np.zeros((), np.int64))
        for name, part in results:
            counts[name] = counts[name] + part
        classes = self.dataset_meta["classes"]
        return self.averaged(
            {name: overlap_scores(count, classes) for name, count in counts.items()}
        )

    def averaged(self, cases: Mapping[str, dict[str, float]]) -> dict[str, float]:
        """Write the scores of the cases, and return their means; the headline comes first."""
        if self.cases_file:
            write_cases(self.cases_file, cases)
        metrics = mean_scores(list(cases.values()))
        if self.group:
            sites: dict[str, list] = defaultdict(list)
            for name, scores in cases.items():
                sites[name.split("/")[0]].append(scores)
            means = {site: mean_scores(scores) for site, scores in sorted(sites.items())}
            metrics.update(mean_scores(list(means.values())))
            for site, scores in means.items():
                metrics.update({f"{key}/{site}": scores[key] for key in self.scores})
        return {self.headline: metrics[self.headline], **metrics}
