"""Tukey's studentized range: by how much the best and the worst of K equals differ.

`scipy.stats.studentized_range` is the reference in the tests. It takes a tenth of a second for a quantile, and so
seconds for each number of backbones; all quantiles of a number take a tenth of a second here.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import special
from scipy.interpolate import CubicSpline
from scipy.optimize.elementwise import find_root

from reports.statistics.bootstrap import Floats

FREEDOMS = (np.inf, 240, 120, 60, 40, 30, 24, 20, 15, 12, 10, 8, 7, 6, 5, 4, 3.5, 3, 2.5, 2, 1.6, 1.3, 1)  # fmt: skip
MOST_FREEDOM = 1e8  # as good as infinite
WIDEST = 20.0  # standard deviations: no normal sample has such a range


def range_limit(p: float, backbones: int, freedom: Floats) -> Floats:
    """The number of standard errors by which the best and the worst of K equals differ with a chance of p.

    The same scores choose the best and compare it, so a correction for K - 1 comparisons is not enough. Values come
    from a table over degrees of freedom.

    Parameters
    ----------
    freedom : Floats
        Degrees of freedom of the standard error, at least 1.

    References
    ----------
    Tukey, "The problem of multiple comparisons", Princeton, 1953.
    """
    inverse, limits = _range_table(p, backbones)
    return np.interp(1 / np.maximum(freedom, 1), inverse, limits)


def range_chance(t: Floats, backbones: int, freedom: Floats) -> Floats:
    """Probability that the best and the worst of K equals are more than t standard errors apart; NaN for NaN.

    It is the mean of the chance for a known deviation over the distribution of the estimated one, a scaled chi, by the
    trapezoidal rule over its logarithm. The points grow as sinh does, since the logarithm has a long tail.
    """
    chance = np.zeros(np.shape(t))
    weights = np.zeros(np.shape(t))
    freedom = np.minimum(freedom, MOST_FREEDOM)
    width = np.sqrt(
        2 * freedom
    )  # one over the deviation of the logarithm, for many degrees of freedom
    normal_range = _normal_range(backbones)
    for even in np.linspace(-5, 3.5, 171):
        logarithm = np.sinh(even) / width
        log_density = freedom * (logarithm - np.expm1(2 * logarithm) / 2)
        weight = np.cosh(even) * np.exp(log_density)
        reach = np.minimum(np.sqrt(2) * np.abs(t) * np.exp(logarithm), WIDEST)
        chance += weight * normal_range(reach)
        weights += weight
    return np.clip(chance / weights, 0, 1)


@lru_cache(maxsize=64)
def _normal_range(backbones: int) -> CubicSpline:
    """Probability that the range of K standard normal values is beyond a width, from 0 to `WIDEST`."""
    widths = np.linspace(0, WIDEST, 801)
    highest = np.linspace(-9, 9, 361)[:, None]
    density = np.exp(-(highest**2) / 2) / np.sqrt(2 * np.pi) * (highest[1] - highest[0])
    within = special.ndtr(highest) - special.ndtr(highest - widths)  # of the others
    return CubicSpline(widths, 1 - backbones * (density * within ** (backbones - 1)).sum(0))


@lru_cache(maxsize=64)
def _range_table(p: float, backbones: int) -> tuple[Floats, Floats]:
    """1 / degrees of freedom, ascending, and the limit at each."""
    freedoms = np.minimum(FREEDOMS, MOST_FREEDOM)
    # The limit lies between that of one pair and that of all pairs together (Bonferroni).
    one, every = special.stdtrit(freedoms, p / 2), special.stdtrit(freedoms, p / backbones**2)
    limits = find_root(
        lambda t, freedom: special.ndtri(range_chance(t, backbones, freedom)) - special.ndtri(p),
        (-0.9 * one, -1.1 * every),
        args=(freedoms,),
        tolerances=dict(xrtol=1e-9),
    ).x
    return 1 / np.array(FREEDOMS), limits
