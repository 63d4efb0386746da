"""Tests of a difference between two backbones, with an explanation instead of a p-value where data are too few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from scipy import stats

from reports.statistics.bootstrap import Floats, satterthwaite
from reports.statistics.paired import Differences, Levels, Pair, difference

MIN_SEEDS = 3  # with two, the spread of seeds is one difference
MIN_PAIRS = 6  # with five, no two-sided test of signs or ranks can reach 0.05: 2 / 2^5 = 0.0625
FLIPS = 4999
EXACT = 12  # up to so many pairs all 2^n signs are tried


@dataclass(frozen=True)
class Test:
    """The outcome of a test.

    Attributes:
        p: two-sided p-value, in [0, 1]; None where the data are too few for one.
        reason: why there is none, as a sentence; empty if there is one.
    """

    __test__ = False  # no test case of pytest

    p: float | None
    reason: str = ""


def backbones_test(pair: Pair, levels: Levels) -> Test:
    """Whether A and B differ beyond these seeds (and these cases, if they count): a t-test of both levels together.

    The difference over its standard error, with Satterthwaite's degrees of freedom. Over seeds alone it is Welch's
    t-test. This is the one test here that speaks of the backbones, not of the networks that happened to be trained.

    References:
        Hillis, Statistics in Medicine 26(3), 2007, as in `bootstrap.satterthwaite`: readers are seeds.
    """
    fewest = min(len(pair.headlines_a), len(pair.headlines_b))
    if fewest < MIN_SEEDS:
        return Test(None, f"Needs at least {MIN_SEEDS} seeds of each backbone; one has {fewest}.")
    variance, freedom = satterthwaite([*levels.cases, *levels.seeds])
    if variance == 0:
        return Test(None, "Every run has the same score: no spread to judge the difference by.")
    t = difference(pair) / np.sqrt(variance)
    return Test(float(2 * stats.t.sf(abs(t), freedom)))


def wilcoxon(values: Floats) -> Test:
    """Wilcoxon's signed-rank test that differences are symmetric about zero; ties share ranks, zeros as Pratt has it.

    Over cases with seeds averaged, it speaks of the networks that were trained, on other cases; of other seeds it says
    nothing. scipy takes the exact distribution for up to 50 differences without ties or zeros (13 with), else the
    normal one.

    Args:
        values: (n,); an explanation instead of a p-value for fewer than 6 that are not zero.

    References:
        Wilcoxon, Biometrics Bulletin 1(6), 1945; Pratt, JASA 54(287), 1959.
    """
    few = too_few(values)
    if few:
        return Test(None, few)
    return Test(float(stats.wilcoxon(values, zero_method="pratt").pvalue))


def sign_flip(differences: Differences, seed: int = 0) -> Test:
    """Permutation test that the mean difference is zero: under the null each case's difference may change its sign.

    All 2^n signs up to n = 12, else 4999 drawn at random and the observed one. As Wilcoxon's, it speaks of the networks
    that were trained; unlike it, of the mean that tables show.

    Args:
        differences: an explanation instead of a p-value for fewer than 6 that are not zero.

    References:
        Phipson and Smyth, "Permutation p-values should never be zero", Stat. Appl. Genet. Mol. Biol. 9(1), 2010: the
        observed signs are one of the permutations.
    """
    few = too_few(differences.values)
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


def too_few(values: Floats) -> str:
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


def holm(tests: Sequence[Test]) -> list[float | None]:
    """p-values adjusted so that the chance of any false positive among all of them is kept; None where there is none.

    Not by statsmodels, whose function collects garbage at each call: 0.1 s, for each of thousands of comparisons.

    References:
        Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6(2), 1979.
    """
    found = np.array([test.p for test in tests if test.p is not None])
    order = np.argsort(found)
    steps = found[order] * np.arange(len(found), 0, -1)
    adjusted = np.empty(len(found))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    values = iter(adjusted.tolist())
    return [None if test.p is None else next(values) for test in tests]
