"""Whether a difference is more than chance, where chance has two sources: the seeds, and the test cases.

All functions take arrays of one shape, with a value per difference.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import special
from scipy.optimize.elementwise import find_root

from reports.statistics.bootstrap import NEGLIGIBLE, Floats


class Level(NamedTuple):
    """A source of chance.

    Attributes
    ----------
    variance : Floats
        Variance of the difference with it; 0 if it adds none.
    freedom : Floats
        Degrees of freedom of that variance, above 0.
    """

    variance: Floats
    freedom: Floats


def p_values(difference: Floats, seeds: Level, cases: Level) -> Floats:
    """Two-sided p-values of the hypothesis that there is no difference; NaN where nothing varies.

    It is the mean of two p-values of the ratio of difference to standard error. Satterthwaite's has approximate degrees
    of freedom. It errs too often if most of the error is the spread of few seeds and this happens to look small.
    Behrens and Fisher's, in which the spread of each source is uncertain by itself, errs too seldom. If one source
    alone varies, both are Student's. docs/statistics.md has the error rates of the mean.

    References
    ----------
    Satterthwaite, "An approximate distribution of estimates of variance components", Biometrics Bulletin 2(6),
    1946.
    Fisher, "The fiducial argument in statistical inference", Annals of Eugenics 6(4), 1935.
    """
    total, freedom = satterthwaite(seeds, cases)
    known = total > NEGLIGIBLE
    error = np.sqrt(np.where(known, total, 1.0))
    t = np.abs(difference) / error
    p = (2 * special.stdtr(freedom, -t) + behrens_fisher(t, seeds, cases)) / 2
    return np.where(known, p, np.nan)


def satterthwaite(seeds: Level, cases: Level) -> tuple[Floats, Floats]:
    """Variance of a sum of two independent sources, and its degrees of freedom (infinite if nothing varies)."""
    total = seeds.variance + cases.variance
    spread = seeds.variance**2 / seeds.freedom + cases.variance**2 / cases.freedom
    known = total > NEGLIGIBLE
    return total, np.where(known, total**2 / np.where(known, spread, 1.0), np.inf)


def behrens_fisher(t: Floats, seeds: Level, cases: Level) -> Floats:
    """Probability that sqrt(s) T_seeds + sqrt(1 - s) T_cases is beyond +-t; s is the seeds' share of the variance.

    The trapezoidal rule integrates over the lesser of the two. Its points grow as sinh does, since T has long tails.
    """
    total = seeds.variance + cases.variance
    share = np.clip(seeds.variance / np.where(total > NEGLIGIBLE, total, 1.0), 0, 1)
    first = share >= 0.5
    more, less = np.sqrt(np.maximum(share, 1 - share)), np.sqrt(np.minimum(share, 1 - share))
    of_more = np.where(first, seeds.freedom, cases.freedom)
    of_less = np.where(first, cases.freedom, seeds.freedom)
    integral, weights = np.zeros(np.shape(t)), np.zeros(np.shape(t))
    for point, width in zip(*_integration_nodes(), strict=True):
        weight = width * _student_density(point, of_less)
        integral += weight * special.stdtr(of_more, (less * point - t) / more)
        weights += weight
    return 2 * integral / weights


@lru_cache(maxsize=1)
def _integration_nodes() -> tuple[Floats, Floats]:
    """The points of the integral, and the width of each."""
    even = np.linspace(-7, 7, 57)
    return np.sinh(even), np.cosh(even) * (even[1] - even[0])


def _student_density(point: float, freedom: Floats) -> Floats:
    """Student's density at a point, up to a factor."""
    return np.exp(-(freedom + 1) / 2 * np.log1p(point**2 / freedom))


def limit(p: Floats | float, seeds: Level, cases: Level) -> Floats:
    """The difference whose p-value is p; NaN where nothing varies.

    Parameters
    ----------
    p : Floats or float
        p-values in (0, 1), of the shape of the levels, or one for all.
    """
    total = seeds.variance + cases.variance
    known = total > NEGLIGIBLE
    # The lower bound is the limit if both variances were known. The upper bound is twice the limit of half the p-value
    # with the lesser freedom: each source is beyond half of it in at most half of the cases.
    p, least = np.broadcast_arrays(np.asarray(p, float), np.minimum(seeds.freedom, cases.freedom))
    bracket = -special.ndtri(p / 2), -2 * special.stdtrit(least, p / 4)
    levels = [np.where(known, level, 1.0) for level in (*seeds, *cases)]
    t = find_root(_exceeds, bracket, args=(*levels, p), tolerances=dict(xrtol=1e-9)).x
    return np.where(known, t * np.sqrt(total), np.nan)


def _exceeds(
    t: Floats, of_seeds: Floats, seeds: Floats, of_cases: Floats, cases: Floats, p: Floats
) -> Floats:
    """How far the p-value of t standard errors lies beyond p, in normal quantiles: nearly a line."""
    difference = t * np.sqrt(of_seeds + of_cases)
    p_of_t = p_values(difference, Level(of_seeds, seeds), Level(of_cases, cases))
    return special.ndtri(p / 2) - special.ndtri(np.clip(p_of_t, 1e-300, 1) / 2)
