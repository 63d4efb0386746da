"""The number of seeds that would settle whether two backbones differ."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from reports.statistics.bootstrap import NEGLIGIBLE, Floats
from reports.statistics.significance import Level, satterthwaite

POWER = 0.8
MOST_SEEDS = 100
ALL = 10**9


def more_seeds(
    difference: Floats,
    by_run: Floats,
    gained: Floats,
    cases: Level,
    seeds: Floats,
    alpha: Floats | float = 0.05,
    power: float = POWER,
) -> Floats:
    """Number of seeds of each backbone with which the test would likely come out below `alpha`; infinite: no number.

    The true difference and spreads are taken to be those observed. The spread of seeds shrinks with their number, that
    of cases stays. The difference must reach t(1 - alpha/2) + t(power) standard errors, as in any calculation of a
    sample size. A number above `MOST_SEEDS` says that more than so many are needed.

    Parameters
    ----------
    difference : Floats
        Observed difference, in [-1, 1]; of any shape, as are the other arrays.
    by_run, gained : Floats
        Variance of a run with its seed, and how many of its degrees of freedom come from other tasks.
    cases : Level
        Variance of the difference with the cases.
    seeds : Floats
        Number of seeds that there are, the larger of the two; at least 2.
    alpha : Floats or float
        Level of the test, in (0, 1); it is smaller than 0.05 if tests are corrected.
    power : float
        Chance to settle it, in (0, 1).

    References
    ----------
    Hillis, Obuchowski and Berbaum, "Power estimation for multireader ROC methods", Academic Radiology 18(2), 2011.
    """
    for name, value in (("alpha", np.asarray(alpha)), ("power", np.asarray(power))):
        if not ((value > 0) & (value < 1)).all():
            raise ValueError(f"{name} is {value}, not in (0, 1).")

    def enough(number: Floats) -> NDArray[np.bool_]:
        total, freedom = satterthwaite(Level(2 * by_run / number, 2 * number - 2 + gained), cases)
        freedom = np.minimum(freedom, ALL)
        needed = special.stdtrit(freedom, power) - special.stdtrit(freedom, np.asarray(alpha) / 2)
        return np.abs(difference) >= needed * np.sqrt(total)

    low = np.maximum(seeds, 2).astype(float)
    high = np.full(low.shape, MOST_SEEDS + 1.0)
    first = enough(low)
    # enough(high), or high is beyond; not enough(low), or low is the least.
    while (low + 1 < high).any():
        middle = np.floor((low + high) / 2)
        reached = enough(middle)
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    number = np.where(first, np.maximum(seeds, 2), high)
    never = ~enough(np.full(low.shape, float(ALL))) | (np.abs(difference) < NEGLIGIBLE)
    return np.where(never, np.inf, number)
