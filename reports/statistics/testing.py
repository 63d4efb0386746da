"""Tests of a difference between two backbones, with an explanation instead of a p-value where data are too few."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from scipy import stats

from reports.statistics.bootstrap import Floats
from reports.statistics.paired import Differences

MIN_SEEDS = 2  # one seed says nothing of others
MIN_PAIRS = 6  # with five, no two-sided test of signs or ranks can reach 0.05: 2 / 2^5 = 0.0625
FLIPS = 4999
EXACT = 12  # up to so many pairs all 2^n signs are tried
FREEDOMS = (
    np.inf,
    240,
    120,
    60,
    40,
    30,
    24,
    20,
    15,
    12,
    10,
    8,
    7,
    6,
    5,
    4,
    3.5,
    3,
    2.5,
    2,
    1.6,
    1.3,
    1,
)


@dataclass(frozen=True)
class Test:
    """The outcome of a test.

    Attributes
    ----------
    p : float or None
        Two-sided p-value, in [0, 1]; None where the data are too few for one.
    reason : str
        Why there is none, as a sentence; empty if there is one.
    """

    __test__ = False  # no test case of pytest

    p: float | None
    reason: str = ""


def wilcoxon(values: Floats) -> Test:
    """Wilcoxon's signed-rank test that differences are symmetric about zero; ties share ranks, zeros as Pratt has it.

    Over cases with seeds averaged, it speaks of the networks that were trained, on other cases; of other seeds it says
    nothing. scipy takes the exact distribution for up to 50 differences without ties or zeros (13 with), else the
    normal one.

    Parameters
    ----------
    values : Floats
        (n,); an explanation instead of a p-value for fewer than 6 that are not zero.

    References
    ----------
    Wilcoxon, Biometrics Bulletin 1(6), 1945; Pratt, JASA 54(287), 1959.
    """
    few = why_no_test(values)
    if few:
        return Test(None, few)
    return Test(float(stats.wilcoxon(values, zero_method="pratt").pvalue))


def sign_flip(differences: Differences, seed: int = 0) -> Test:
    """Permutation test that the mean difference is zero: under the null each case's difference may change its sign.

    All 2^n signs up to n = 12, else 4999 drawn at random and the observed one. As Wilcoxon's, it speaks of the networks
    that were trained; unlike it, of the mean that tables show.

    Parameters
    ----------
    differences : Differences
        An explanation instead of a p-value for fewer than 6 that are not zero.

    References
    ----------
    Phipson and Smyth, "Permutation p-values should never be zero", Stat. Appl. Genet. Mol. Biol. 9(1), 2010: the
    observed signs are one of the permutations.
    """
    few = why_no_test(differences.values)
    if few:
        return Test(None, few)
    shares = differences.values * differences.weights
    least = abs(shares.sum()) - 1e-12 * np.abs(shares).sum()
    shown = shares[shares != 0]
    if len(shown) <= EXACT:
        return Test(float((np.abs(all_signs(len(shown)) @ shown) >= least).mean()))
    signs = random_signs(1 << len(shares).bit_length(), seed)[:, : len(shares)]
    flipped = np.abs(signs @ shares)
    return Test(float((1 + (flipped >= least).sum()) / (1 + FLIPS)))


def why_no_test(values: Floats) -> str:
    """Why differences are too few for a test, as a sentence; empty if they are enough."""
    if not values.size:
        return "The headline is no mean over cases."
    number = np.count_nonzero(values)
    if number == 0:
        return "Both score the same on every case."
    if number < MIN_PAIRS:
        return f"Only {number} cases differ; a test needs at least {MIN_PAIRS}."
    return ""


def all_signs(number: int) -> Floats:
    """Every assignment of n signs: (2^n, n)."""
    return np.array(list(product((1.0, -1.0), repeat=number)))


@lru_cache(maxsize=16)
def random_signs(number: int, seed: int) -> Floats:
    """Random signs, (4999, n): the same for all comparisons, since drawing takes longer than using."""
    signs = np.random.default_rng([seed, number]).choice([1.0, -1.0], size=(FLIPS, number))
    signs.flags.writeable = False
    return signs


def holm(p: Floats) -> Floats:
    """p-values adjusted so that the chance of any false positive in a row is kept: (..., T) to (..., T), NaN: no test.

    References
    ----------
    Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6(2), 1979.
    """
    order = np.argsort(p, axis=-1)  # NaN last
    tests = np.isfinite(p).sum(-1, keepdims=True)
    steps = np.maximum(tests - np.arange(p.shape[-1]), 1)
    adjusted = np.maximum.accumulate(np.take_along_axis(p, order, -1) * steps, axis=-1)
    found = np.empty(p.shape)
    np.put_along_axis(found, order, np.minimum(adjusted, 1.0), -1)
    return found


def range_limit(p: float, backbones: int, freedom: Floats) -> Floats:
    """How many standard errors apart the best and the worst of K equals are with a chance of p.

    Tukey's studentized range: the best of several was chosen by the same figures that it is compared by, so that a
    correction for K - 1 comparisons is not enough. From a table over degrees of freedom, since each value takes a
    tenth of a second.

    Parameters
    ----------
    freedom : Floats
        Of the standard error, at least 1.

    References
    ----------
    Tukey, "The problem of multiple comparisons", Princeton, 1953.
    """
    inverse, limits = range_table(p, backbones)
    return np.interp(1 / np.maximum(freedom, 1), inverse, limits)


def range_chance(t: Floats, backbones: int, freedom: Floats) -> Floats:
    """How likely the best and the worst of K equals are more than t standard errors apart; NaN for NaN."""
    found = np.full(np.shape(t), np.nan)
    known = np.isfinite(t)
    found[known] = stats.studentized_range.sf(np.sqrt(2) * t[known], backbones, freedom[known])
    return found


@lru_cache(maxsize=16)
def range_table(p: float, backbones: int) -> tuple[Floats, Floats]:
    """1 / degrees of freedom, ascending, and the limit at each."""
    freedoms = np.array(FREEDOMS)
    limits = stats.studentized_range.isf(p, backbones, freedoms) / np.sqrt(2)
    return 1 / freedoms, limits
