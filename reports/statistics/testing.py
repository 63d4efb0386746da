"""Tests of a difference between two backbones; if data are too few, an explanation stands in place of the p-value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from scipy import stats

from reports.statistics.bootstrap import Floats
from reports.statistics.paired import Differences

MIN_SEEDS = 2  # one seed says nothing of other seeds
MIN_PAIRS = 6  # no two-sided test of five signs or ranks can reach 0.05: 2 / 2^5 = 0.0625
FLIPS = 4999
MANY, BLOCK = 8191, 2048  # of more values than MANY, the signs are drawn for BLOCK at a time
EXACT = 12  # of so many pairs, or fewer, all 2^n signs are tried


@dataclass(frozen=True)
class Test:
    """The outcome of a test.

    Attributes
    ----------
    p : float or None
        Two-sided p-value, in [0, 1]; None if the data are too few.
    reason : str
        A sentence that says why there is none; empty if there is one.
    """

    __test__ = False  # no test case of pytest

    p: float | None
    reason: str = ""


def wilcoxon(values: Floats) -> Test:
    """Wilcoxon's signed-rank test that differences are symmetric about zero; ties share ranks, zeros count as Pratt's.

    Over cases with seeds averaged, it speaks of the trained networks on other cases, not of other seeds. scipy takes
    the exact distribution for up to 50 differences without ties or zeros (13 with them), else the normal one.

    Parameters
    ----------
    values : Floats
        (n,) differences; if fewer than 6 are not zero, the test has no p-value.

    References
    ----------
    Wilcoxon, Biometrics Bulletin 1(6), 1945; Pratt, JASA 54(287), 1959.
    """
    if few := _why_no_test(values):
        return Test(None, few)
    return Test(float(stats.wilcoxon(values, zero_method="pratt").pvalue))


def sign_flip(differences: Differences, seed: int = 0) -> Test:
    """Permutation test that the mean difference is zero: under the null each case's difference may change its sign.

    It tries all 2^n signs up to n = 12, else 4999 random ones and the observed one. Like Wilcoxon's test, it speaks of
    the trained networks; unlike it, of the mean that tables show. `scipy.stats.permutation_test` does not serve: for
    random signs it doubles the smaller tail, so p is coarser, and it takes 8 to 150 times as long.

    Parameters
    ----------
    differences : Differences
        If fewer than 6 are not zero, the test has no p-value.

    References
    ----------
    Phipson and Smyth, "Permutation p-values should never be zero", Stat. Appl. Genet. Mol. Biol. 9(1), 2010: the
    observed signs are one of the permutations.
    """
    if few := _why_no_test(differences.values):
        return Test(None, few)
    shares = differences.values * differences.weights
    least = abs(shares.sum()) - 1e-12 * np.abs(shares).sum()
    nonzero = shares[shares != 0]
    if len(nonzero) <= EXACT:
        signs = np.array(list(product((1.0, -1.0), repeat=len(nonzero))))  # (2^n, n)
        return Test(float((np.abs(signs @ nonzero) >= least).mean()))
    flipped = np.abs(_flipped(shares, seed))
    return Test(float((1 + (flipped >= least).sum()) / (1 + FLIPS)))


def _flipped(shares: Floats, seed: int) -> Floats:
    """Sums of (n,) values with random signs, (4999,); of many values in blocks: all signs would fill the memory."""
    if len(shares) <= MANY:
        return _random_signs(1 << len(shares).bit_length(), seed)[:, : len(shares)] @ shares
    total = np.zeros(FLIPS)
    for first in range(0, len(shares), BLOCK):
        block = shares[first : first + BLOCK]
        bits = np.random.default_rng([seed, len(shares), first]).integers(
            0, 2, size=(FLIPS, len(block)), dtype=np.int8
        )
        total += (2.0 * bits - 1.0) @ block
    return total


def _why_no_test(values: Floats) -> str:
    """A sentence that says why differences are too few for a test; empty if they are enough."""
    if not values.size:
        return "The headline is no mean over cases."
    number = np.count_nonzero(values)
    if number == 0:
        return "Both score the same on every case."
    if number < MIN_PAIRS:
        return f"Only {number} cases differ; a test needs at least {MIN_PAIRS}."
    return ""


@lru_cache(maxsize=16)
def _random_signs(number: int, seed: int) -> Floats:
    """Random signs, (4999, n), the same for all comparisons, since drawing them is what takes time."""
    signs = np.random.default_rng([seed, number]).choice([1.0, -1.0], size=(FLIPS, number))
    signs.flags.writeable = False
    return signs


def holm(p: Floats) -> Floats:
    """Adjust p-values, (..., T), so that they hold for all tests of a row together; NaN: no test.

    References
    ----------
    Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6(2), 1979.
    """
    order = np.argsort(p, axis=-1)  # NaN last
    tests = np.isfinite(p).sum(-1, keepdims=True)
    steps = np.maximum(tests - np.arange(p.shape[-1]), 1)
    adjusted = np.maximum.accumulate(np.take_along_axis(p, order, -1) * steps, axis=-1)
    in_place = np.empty(p.shape)
    np.put_along_axis(in_place, order, np.minimum(adjusted, 1.0), -1)
    return in_place
