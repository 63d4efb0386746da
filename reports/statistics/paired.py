"""Two backbones on the same cases, case by case: differences and effect sizes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from reports.reading.scores import Scores, on_common_cases
from reports.statistics.bootstrap import Floats, sum_by_unit

# Of differences of fractions, so that 2/3 - 1/3 equals 1/3, and 1e-17 is no difference.
DECIMALS = 9


@dataclass(frozen=True)
class Differences:
    """A minus B for each independent case, seeds averaged.

    Attributes
    ----------
    values : Floats
        (U,) difference of each case, or of each patient over all slices, in [-1, 1].
    weights : Floats
        (U,) weight of each in the difference of the headlines; they sum to 1.
    """

    values: Floats
    weights: Floats


def case_differences(a: Scores, b: Scores) -> Differences:
    """Differences of two backbones on the cases that both have; none if the headline is no mean of cases.

    Raises
    ------
    ValueError
        If they are not of one task, protocol and metric, or have cases but none in common.
    """
    a, b = on_common_cases([a, b])
    if not a.cases:
        return Differences(np.zeros(0), np.zeros(0))
    by_case = np.nanmean(a.values, axis=0) - np.nanmean(b.values, axis=0)
    groups = np.unique(a.strata)
    values, weights = [], []
    for group in groups:
        inside = a.strata == group
        sums, counts = sum_by_unit(by_case[None, inside], a.patients[inside])
        values.append(sums[0] / counts[0])
        weights.append(counts[0] / counts.sum() / len(groups))
    return Differences(np.round(np.concatenate(values), DECIMALS), np.concatenate(weights))


def rank_biserial(values: Floats) -> float:
    """Matched-pairs rank-biserial correlation, in [-1, 1]: share of the ranks in favour of A minus that of B.

    Parameters
    ----------
    values : Floats
        (n,) differences; zeros do not count, and all zeros give NaN.

    References
    ----------
    Kerby, "The simple difference formula", Comprehensive Psychology 3, 2014.
    """
    values = values[values != 0]
    if not values.size:
        return float("nan")
    ranks = stats.rankdata(np.abs(values))
    return float((np.sign(values) * ranks).sum() / ranks.sum())


def cohens_dz(values: Floats) -> float:
    """Mean of the differences over their sample standard deviation; NaN for fewer than two, or if all are equal.

    References
    ----------
    Lakens, "Calculating and reporting effect sizes", Frontiers in Psychology 4:863, 2013, equation 6.
    """
    if values.size < 2 or np.ptp(values) < 10.0**-DECIMALS:
        return float("nan")
    return float(values.mean() / values.std(ddof=1))
