"""Two backbones on the same cases, case by case."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from reports.reading.scores import Scores, on_common_cases
from reports.statistics.bootstrap import Floats, sum_by_unit

DECIMALS = 9  # of differences of fractions: 1/3 and 2/3 - 1/3 are a tie, 1e-17 is none


@dataclass(frozen=True)
class Differences:
    """A minus B for each independent case, seeds averaged.

    Attributes
    ----------
    values : Floats
        (U,) differences, in [-1, 1], of each case, or of a patient over his slices.
    weights : Floats
        (U,) with which each enters the difference of the headlines; they sum to 1.
    """

    values: Floats
    weights: Floats


def case_differences(a: Scores, b: Scores) -> Differences:
    """Differences of two backbones on the cases that both have: (0,) where the headline is no mean of cases.

    Raises
    ------
    ValueError
        If they are not of one task, protocol and metric, or have cases but none in common.
    """
    one, other = on_common_cases([a, b])
    if not one.cases:
        return Differences(np.zeros(0), np.zeros(0))
    by_case = np.nanmean(one.values, axis=0) - np.nanmean(other.values, axis=0)
    groups = np.unique(one.strata)
    values, weights = [], []
    for group in groups:
        inside = one.strata == group
        sums, counts = sum_by_unit(by_case[None, inside], one.patients[inside])
        values.append(sums[0] / counts[0])
        weights.append(counts[0] / counts.sum() / len(groups))
    return Differences(np.round(np.concatenate(values), DECIMALS), np.concatenate(weights))


def rank_biserial(values: Floats) -> float:
    """Matched-pairs rank-biserial correlation, in [-1, 1]: share of the ranks in favour of A less that in favour of B.

    Parameters
    ----------
    values : Floats
        (n,) differences; zeros do not count. NaN if nothing differs.

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
    """Mean of the differences over their sample standard deviation; NaN for fewer than two, or all alike.

    References
    ----------
    Lakens, "Calculating and reporting effect sizes", Frontiers in Psychology 4:863, 2013, equation 6.
    """
    if values.size < 2 or np.ptp(values) < 10.0**-DECIMALS:
        return float("nan")
    return float(values.mean() / values.std(ddof=1))
