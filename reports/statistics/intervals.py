"""Confidence intervals of a mean score by a hierarchical bootstrap of seeds and of cases within strata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reports.reading.metrics import metric_name
from reports.reading.scores import Scores, stratified_means
from reports.statistics.bootstrap import (
    SEEDS,
    Floats,
    Integers,
    VarianceComponent,
    case_components,
    percentile_interval,
    seed_component,
    strata_sizes,
)

CONFIDENCE = 0.95
RESAMPLES = 2000
MIN_UNITS = 5  # the spread of fewer cases (patients) is a guess


@dataclass(frozen=True)
class Interval:
    """A mean and its confidence interval.

    Attributes
    ----------
    mean, low, high : float
        Mean and ends of the interval, fractions.
    seeds : int
        Number of seeds; 1: it says nothing of other seeds.
    units : int
        Number of independent cases (patients, where cases are slices); 0: it says nothing of other cases.
    """

    mean: float
    low: float
    high: float
    seeds: int
    units: int


def mean_interval(scores: Scores) -> Interval | None:
    """The interval of a backbone's mean headline on a task: over seeds and cases, as far as there are enough of each.

    Parameters
    ----------
    scores : Scores
        Scores of S seeds and C cases.

    Returns
    -------
    Interval or None
        The interval; None if there is none, and `why_no_interval` says why.
    """
    if why_no_interval(scores):
        return None
    if few_cases(scores):
        return seeds_interval(scores.headlines)
    return hierarchical_interval(scores.values, scores.strata, units=scores.patients)


def why_no_interval(scores: Scores) -> str | None:
    """A sentence that says why there is no interval; None if there is one."""
    few = few_cases(scores)
    if few and len(scores.seeds) == 1:
        return f"No interval: one seed, and {few}."
    spread = scores.headlines if few else scores.values
    if np.nanmax(spread) - np.nanmin(spread) < 1e-9:
        return "No interval: every score is the same, so there is no spread to learn from."
    return None


def few_cases(scores: Scores) -> str | None:
    """Part of a sentence that says why the cases tell nothing about other cases; None if they do."""
    if not scores.cases:
        return f"{metric_name(scores.metric)} is no mean over cases"
    defined = np.isfinite(scores.values).any(0)
    return few_units(scores.strata[defined], scores.patients[defined])


def few_units(strata: Integers, units: Integers) -> str | None:
    """Part of a sentence that says why these cases, all defined, are too few; None if they are enough."""
    sizes = strata_sizes(strata, units)
    if sizes.sum() < MIN_UNITS:
        return f"{sizes.sum()} independent cases are too few (at least {MIN_UNITS})"
    if sizes.min() < 2:
        return "a group of cases (a site) has only one that is independent"
    return None


def hierarchical_interval(
    values: Floats,
    strata: Integers,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
    units: Integers | None = None,
) -> Interval:
    """The interval of the mean over seeds of the (stratified) mean over cases.

    Seeds and cases are crossed random effects: each seed scores the same cases. A resample draws S of the seeds and,
    within each stratum, n of its n units, the same for all seeds. Plain percentiles are too narrow if S or n is
    small; `percentile_interval` widens them.

    Parameters
    ----------
    values : Floats
        (S, C) scores, fractions; NaN: undefined.
    strata : Integers
        (C,) group of each case, 0 to G - 1.
    confidence : float
        Confidence level, in (0, 1).
    resamples : int
        Number of resamples, at least 100.
    seed : int
        Seed of the resampling.
    units : Integers, optional
        (C,) number of the independent unit that a case belongs to, such as the patient of a slice; None: each case is
        one.

    Returns
    -------
    Interval
        The interval, within [0, 1]; if there is one seed, over cases alone.

    Raises
    ------
    ValueError
        If shapes or arguments do not fit, a seed has no score, or a stratum has fewer than two units.

    References
    ----------
    Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2), 2007, section 3: resampling of crossed
    effects; if seeds and cases interact, intervals are rather too wide.
    """
    units = _check_arguments(values, strata, confidence, resamples, units)
    components = case_components(values, strata, units, resamples, seed)
    number = len(np.unique(units[np.isfinite(values).any(0)]))
    headlines = stratified_means(values, strata)
    return _with_seeds(headlines, components, number, confidence, resamples, seed)


def _with_seeds(
    headlines: Floats, cases: Sequence[VarianceComponent], units: int, confidence: float,
    resamples: int, seed: int,
) -> Interval:  # fmt: skip
    """The interval of the mean of (S,) headlines, over the components of the cases and, if S > 1, the seeds."""
    seeds = [seed_component(headlines, resamples, (seed, SEEDS))] if len(headlines) > 1 else []
    low, high = percentile_interval(headlines.mean(), [*cases, *seeds], confidence, seed)
    return Interval(float(headlines.mean()), max(low, 0.0), min(high, 1.0), len(headlines), units)


def seeds_interval(headlines: Floats, resamples: int = RESAMPLES) -> Interval:
    """The interval of the mean over seeds alone, as in `hierarchical_interval`.

    Parameters
    ----------
    headlines : Floats
        (S,) fractions, S > 1.

    Raises
    ------
    ValueError
        If there is one seed.
    """
    if len(headlines) < 2:
        raise ValueError(f"{len(headlines)} seed: an interval over seeds needs two.")
    return _with_seeds(headlines, [], 0, CONFIDENCE, resamples, seed=0)


def _check_arguments(
    values: Floats,
    strata: Integers,
    confidence: float,
    resamples: int,
    units: Integers | None,
) -> Integers:
    """Check all arguments; return the units.

    Raises
    ------
    ValueError
        If an argument does not fit; the message names it and its value.
    """
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"values has shape {values.shape}, not (S, C) of at least one each.")
    units = np.arange(values.shape[1]) if units is None else units
    for name, array in (("strata", strata), ("units", units)):
        if array.shape != values.shape[1:]:
            raise ValueError(f"{name} has shape {array.shape}, not {values.shape[1:]}.")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}, not in (0, 1).")
    if resamples < 100:
        raise ValueError(f"resamples is {resamples}: at least 100.")
    if not np.isfinite(values).any(1).all():
        raise ValueError("values: a seed has no defined score.")
    defined = np.isfinite(values).any(0)
    if strata_sizes(strata[defined], units[defined]).min() < 2:
        raise ValueError("strata: one has fewer than two units, so their spread is unknown.")
    return units
