"""Effect sizes of paired differences: how large a difference is against its spread, whatever the unit."""

from __future__ import annotations

import numpy as np
from scipy import stats

from reports.statistics.bootstrap import Floats
from reports.statistics.paired import DECIMALS


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
