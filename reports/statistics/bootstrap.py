"""The hierarchical bootstrap: seeds, and cases within strata, drawn with replacement."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CASES, SEEDS, WIDENING = range(3)  # independent streams of random numbers
NEGLIGIBLE = 1e-20  # variance of fractions that is due to rounding


class VarianceComponent(NamedTuple):
    """How a figure varies with one level of the sampling.

    Attributes
    ----------
    deviations : Floats
        (R,) of each resample from the sample's figure.
    variance : float
        Of the figure with this level.
    freedom : float
        Degrees of freedom of that variance.
    """

    deviations: Floats
    variance: float
    freedom: float


def percentile_interval(
    mean: float, parts: Sequence[VarianceComponent], confidence: float, seed: int
) -> tuple[float, float]:
    """The central interval of a mean whose error is the sum of independent parts.

    The sum is multiplied by sqrt(v / X), X chi-squared with v degrees of freedom, drawn anew in each resample: the
    spread of a few is itself uncertain. For normal scores of one level this is Student's t; it tends to the plain
    percentile interval as the levels grow, and keeps its skew.

    References
    ----------
    Hesterberg, "What teachers should know about the bootstrap", American Statistician 69(4), 2015, section 3.2:
    why plain percentiles are too narrow.
    """
    variance, freedom = satterthwaite(parts)
    if variance == 0:
        return mean, mean
    total = np.sum([part.deviations for part in parts], axis=0)
    rng = np.random.default_rng([seed, WIDENING])
    total = total * np.sqrt(freedom / rng.chisquare(freedom, size=len(total)))
    tail = (1 - confidence) / 2
    low, high = mean + np.quantile(total, [tail, 1 - tail])
    return float(low), float(high)


def satterthwaite(parts: Sequence[VarianceComponent]) -> tuple[float, float]:
    """Variance of a sum of independent parts, and its degrees of freedom (0 and infinite if nothing varies).

    References
    ----------
    Satterthwaite, "An approximate distribution of estimates of variance components", Biometrics Bulletin 2(6),
    1946.
    Hillis, "A comparison of denominator degrees of freedom methods for multiple observer ROC analysis", Statistics
    in Medicine 26(3), 2007: the same for readers (here seeds) who all read the same cases.
    """
    variances = np.array([part.variance for part in parts])
    total = float(variances.sum())
    if total < NEGLIGIBLE:
        return 0.0, float("inf")
    return total, total**2 / float((variances**2 / [part.freedom for part in parts]).sum())


def seed_component(headlines: Floats, resamples: int, stream: tuple[int, ...]) -> VarianceComponent:
    """(S,) headlines, S > 1: the mean of S of them drawn with replacement."""
    size = len(headlines)
    drawn = draw_counts(size, resamples, stream) @ headlines / size - headlines.mean()
    return VarianceComponent(drawn * widening_factor(size), headlines.var(ddof=1) / size, size - 1)


def case_components(
    values: Floats, strata: Integers, units: Integers, resamples: int, seed: int
) -> list[VarianceComponent]:
    """A part per stratum: its units drawn with replacement, the mean over the defined scores of those.

    What varies with seed and case together (the interaction) is in the spread of the seeds too, so it is taken out of
    the spread of the cases, as far as that goes (Hillis 2007, equation 5: max(MS(TC) - MS(TRC), 0)).

    Parameters
    ----------
    values : Floats
        (S, C) scores of a backbone.
    strata, units : Integers
        (C,); a unit lies within one stratum.
    """
    present = np.isfinite(values).any(0)
    groups = np.unique(strata[present])
    return [
        stratum_component(
            values[:, inside], units[inside], 1 / len(groups), resamples, (seed, CASES, int(group))
        )
        for group in groups
        for inside in [present & (strata == group)]
    ]


def stratum_component(
    values: Floats, units: Integers, share: float, resamples: int, stream: tuple[int, ...]
) -> VarianceComponent:
    """The part of one stratum: the (S, C) scores there, and with which share its mean counts."""
    sums, counts = sum_by_unit(values, units)  # (S, U) each
    size = sums.shape[1]
    weights = draw_counts(size, resamples, stream)
    sample = sums.sum(1, keepdims=True) / np.maximum(counts.sum(1, keepdims=True), 1)
    number = weights @ counts.T  # (R, S)
    means = np.divide(
        weights @ sums.T, number, out=np.tile(sample.T, (resamples, 1)), where=number > 0
    )
    moves, interaction = influence(sums, counts)
    variance = float(moves.var(ddof=1)) / size
    left = max(variance - interaction, 0.0)
    shrink = np.sqrt(left / variance) if variance > 0 else 0.0
    deviations = share * (means - sample.T).mean(1) * widening_factor(size) * shrink
    return VarianceComponent(deviations, share**2 * left, size - 1)


def influence(sums: Floats, counts: Floats) -> tuple[Floats, float]:
    """How a mean over seeds of means over units moves: the delta method for a ratio of sums.

    Parameters
    ----------
    sums, counts : Floats
        (S, U) sums and numbers of the defined scores of each unit.

    Returns
    -------
    (Floats, float)
        (U,) by how much each unit moves it, and the variance of the mean that is due to seed and unit together.
    """
    seeds, size = sums.shape
    total = np.maximum(counts.sum(1, keepdims=True), 1)
    sample = sums.sum(1, keepdims=True) / total
    moves = size * (sums - sample * counts) / total
    mean = moves.mean(0)
    if seeds == 1 or size == 1:
        return mean, 0.0
    residual = float(((moves - mean) ** 2).sum())
    return mean, residual / ((seeds - 1) * (size - 1)) / (seeds * size)


def widening_factor(number: int) -> float:
    """By how much the mean of n drawn from n varies too little: their variance is about their own mean."""
    return float(np.sqrt(number / (number - 1)))


def sum_by_unit(values: Floats, units: Integers) -> tuple[Floats, Floats]:
    """(S, C) scores to (S, U) sums and numbers of the defined scores of each unit."""
    _, place = np.unique(units, return_inverse=True)
    if len(place) == place.max(initial=-1) + 1:  # each case is a unit: only their order
        order = np.argsort(place)
        ordered = values[:, order]
        return np.nan_to_num(ordered), np.isfinite(ordered).astype(float)
    members = (place[:, None] == np.arange(place.max() + 1)).astype(float)  # (C, U)
    return np.nan_to_num(values) @ members, np.isfinite(values) @ members


def strata_sizes(strata: Integers, units: Integers) -> Integers:
    """(C,) strata and units of cases to (G,) number of units in each stratum."""
    pairs = np.unique(np.stack([strata, units]), axis=1)
    return np.unique(pairs[0], return_counts=True)[1]


@lru_cache(maxsize=16)
def draw_counts(number: int, resamples: int, stream: tuple[int, ...]) -> Floats:
    """How often each of n is drawn in each resample of n: (R, n).

    The same for all that have n: backbones are compared on the same resamples, and drawing takes longer than using.
    """
    rng = np.random.default_rng(stream)
    chosen = rng.integers(number, size=(resamples, number)) + number * np.arange(resamples)[:, None]
    drawn = np.bincount(chosen.ravel(), minlength=resamples * number).astype(float)
    drawn.flags.writeable = False
    return drawn.reshape(resamples, number)
