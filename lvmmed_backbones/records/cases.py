"""The scores of a run's cases in one metric, and a check that the run's score is their mean."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from lvmmed_backbones.records.checked import AGAIN

# In these metrics a run's score is the mean over its test cases. mAP50 and kappa are computed on all images together,
# and nothing is known of other metrics.
MEANS = ("dice", "iou", "accuracy", "average_precision")
CLOSE = 1e-4  # largest difference of a score and the mean of its cases: either may be rounded to four digits


def _is_mean_of_cases(metric: str) -> bool:
    """Whether a run's score in a metric, such as dice or dice/vessel, is the mean over its cases."""
    return metric.partition("/")[0] in MEANS


def case_scores(
    rows: Sequence[Mapping[str, Any]],
    metric: str,
) -> dict[str, float]:
    """Return the score of each case in a metric, NaN where it is undefined.

    Parameters
    ----------
    rows : sequence of mapping
        Rows of the record's `cases`.
    metric : str
        The metric of the run's score.

    Returns
    -------
    dict of str to float
        Empty if such a figure is no mean of cases, or the cases lack the metric.

    Raises
    ------
    ValueError
        If a case comes twice, or its score is no fraction.
    """
    scores: dict[str, float] = {}
    for row in rows:
        if metric not in row:
            continue
        case, score = row["case"], row[metric]
        if case in scores:
            raise ValueError(f"case {case} comes twice. Restore the file, or {AGAIN}.")
        scores[case] = math.nan if score is None else float(score)
        if not (math.isnan(scores[case]) or 0 <= scores[case] <= 1):
            raise ValueError(
                f"case {case} has {metric} {score}, not a fraction in [0, 1]. "
                f"Restore the file, or {AGAIN}."
            )
    return scores if _is_mean_of_cases(metric) else {}


def over_sites(
    scores: Mapping[str, float], metric: str, value: float, metrics: Mapping[str, float | None]
) -> bool:
    """Whether a score is the mean over sites (the first folder of a case's name) of the mean over each site's cases.

    It is if the run reports its metric for each site, such as dice/BMC. A record without these may have either mean.

    Parameters
    ----------
    scores : mapping of str to float
        What `case_scores` returned, at least one.

    Raises
    ------
    ValueError
        If the score is not the mean of the cases.
    """
    sited = all(f"{metric}/{site(case)}" in metrics for case in scores)
    for sites in (True,) if sited else (False, True):
        if abs(_mean_of(scores, sites) - value) <= CLOSE:
            return sites
    mean = _mean_of(scores, sited)
    average = "have no score" if math.isnan(mean) else f"average {mean:.4f}"
    raise ValueError(
        f"{metric} is {value:.4f}, but its {len(scores)} cases {average}. "
        f"Restore the file, or {AGAIN}."
    )


def site(case: str) -> str:
    """Return the first folder of a case's name."""
    return case.partition("/")[0]


def _mean_of(scores: Mapping[str, float], sites: bool) -> float:
    """Return the mean of the defined scores, or of the means of the sites that have one; NaN if there is none."""
    groups: dict[str, list[float]] = defaultdict(list)
    for case, score in scores.items():
        if not math.isnan(score):
            groups[site(case) if sites else ""].append(score)
    means = [statistics.fmean(group) for group in groups.values()]
    return statistics.fmean(means) if means else math.nan
