"""The hierarchical bootstrap: it draws seeds, and cases within strata, with replacement."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CASES, SEEDS, WIDENING = range(3)  # independent streams of random numbers
NEGLIGIBLE = 1e-20  # a variance of fractions below it is due to rounding


class VarianceComponent(NamedTuple):
    """How a mean varies with one level of the sampling.

    Attributes
    ----------
    deviations : Floats
        (R,) deviation of each resample from the sample's mean.
    variance : float
        Variance of the mean with this level.
    freedom : float
        Degrees of freedom of that variance.
    """

    deviations: Floats
    variance: float
    freedom: float


def percentile_interval(
    mean: float, components: Sequence[VarianceComponent], confidence: float, seed: int
) -> tuple[float, float]:
    """The central interval of a mean whose error is the sum of independent components.

    The sum is multiplied by sqrt(v / X). X is chi-squared with v degrees of freedom and drawn anew in each resample,
    because the spread of a few is itself uncertain. For normal scores of one level this is Student's t. With more seeds
    and cases it tends to the plain percentile interval and keeps its skew.

    References
    ----------
    Hesterberg, "What teachers should know about the bootstrap", American Statistician 69(4), 2015, section 3.2:
    why plain percentiles are too narrow.
    """
    variance, freedom = satterthwaite(components)
    if variance == 0:
        return mean, mean
    total = np.sum([c.deviations for c in components], axis=0)
    rng = np.random.default_rng([seed, WIDENING])
    total = total * np.sqrt(freedom / rng.chisquare(freedom, size=len(total)))
    tail = (1 - confidence) / 2
    low, high = mean + np.quantile(total, [tail, 1 - tail])
    return float(low), float(high)


def satterthwaite(components: Sequence[VarianceComponent]) -> tuple[float, float]:
    """Variance of a sum of independent components, and its degrees of freedom (0 and infinite if nothing varies).

    References
    ----------
    Satterthwaite, "An approximate distribution of estimates of variance components", Biometrics Bulletin 2(6),
    1946.
    Hillis, "A comparison of denominator degrees of freedom methods for multiple observer ROC analysis", Statistics
    in Medicine 26(3), 2007: the same for readers (here seeds) who all read the same cases.
    """
    variances = np.array([c.variance for c in components])
    total = float(variances.sum())
    if total < NEGLIGIBLE:
        return 0.0, float("inf")
    return total, total**2 / float((variances**2 / [c.freedom for c in components]).sum())


def seed_component(headlines: Floats, resamples: int, stream: tuple[int, ...]) -> VarianceComponent:
    """The component of the seeds: the mean of S headlines drawn with replacement from (S,) headlines, S > 1."""
    size = len(headlines)
    drawn = draw_counts(size, resamples, stream) @ headlines / size - headlines.mean()
    return VarianceComponent(drawn * widening_factor(size), headlines.var(ddof=1) / size, size - 1)


def case_components(
    values: Floats, strata: Integers, units: Integers, resamples: int, seed: int
) -> list[VarianceComponent]:
    """A component per stratum: its units drawn with replacement, and the mean over their defined scores.

    What varies with seed and case together (the interaction) is also in the spread of the seeds. So it is taken out of
    the spread of the cases, down to 0 (Hillis 2007, equation 5: max(MS(TC) - MS(TRC), 0)).

    Parameters
    ----------
    values : Floats
        (S, C) scores of a backbone.
    strata, units : Integers
        (C,) stratum and independent unit (a patient, or a case by itself) of each case; a unit lies within one stratum.
    """
    present = np.isfinite(values).any(0)
    groups = np.unique(strata[present])
    return [
        _stratum_component(
            values[:, inside], units[inside], 1 / len(groups), resamples, (seed, CASES, int(group))
        )
        for group in groups
        for inside in [present & (strata == group)]
    ]


def _stratum_component(
    values: Floats, units: Integers, share: float, resamples: int, stream: tuple[int, ...]
) -> VarianceComponent:
    """The component of one stratum with (S, C) scores, whose mean counts by `share`."""
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
    remaining = max(variance - interaction, 0.0)
    shrink = np.sqrt(remaining / variance) if variance > 0 else 0.0
    deviations = share * (means - sample.T).mean(1) * widening_factor(size) * shrink
    return VarianceComponent(deviations, share**2 * remaining, size - 1)


def influence(sums: Floats, counts: Floats) -> tuple[Floats, float]:
    """How each unit moves a mean over seeds of means over units, by the delta method for a ratio of sums.

    Parameters
    ----------
    sums, counts : Floats
        (S, U) sums and numbers of the defined scores of each unit.

    Returns
    -------
    (Floats, float)
        (U,) how much each unit moves the mean, and the variance of the mean that is due to seed and unit together.
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
    """The factor by which the mean of n values drawn from n varies too little: they vary about their own mean."""
    return float(np.sqrt(number / (number - 1)))


def sum_by_unit(values: Floats, units: Integers) -> tuple[Floats, Floats]:
    """(S, C) scores to (S, U) sums and numbers of the defined scores of each unit."""
    _, place = np.unique(units, return_inverse=True)
    if len(place) == place.max(initial=-1) + 1:  # each case is a unit; only their order may differ
        order = np.argsort(place)
        ordered = values[:, order]
        return np.nan_to_num(ordered), np.isfinite(ordered).astype(float)
    members = (place[:, None] == np.arange(place.max() + 1)).astype(float)  # (C, U)
    return np.nan_to_num(values) @ members, np.isfinite(values) @ members


def strata_sizes(strata: Integers, units: Integers) -> Integers:
    """Number of units in each stratum, (G,), from the strata and units of cases, (C,)."""
    pairs = np.unique(np.stack([strata, units]), axis=1)
    return np.unique(pairs[0], return_counts=True)[1]


@lru_cache(maxsize=16)
def draw_counts(number: int, resamples: int, stream: tuple[int, ...]) -> Floats:
    """How often each of n is drawn in each resample of n: (R, n).

    Equal arguments give the same array: backbones are compared on the same resamples, and drawing is what takes time.
    """
    rng = np.random.default_rng(stream)
    chosen = rng.integers(number, size=(resamples, number)) + number * np.arange(resamples)[:, None]
    drawn = np.bincount(chosen.ravel(), minlength=resamples * number).astype(float)
    drawn.flags.writeable = False
    return drawn.reshape(resamples, number)
