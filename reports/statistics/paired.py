"""Two backbones on the same cases: their difference, how it varies, its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reports.scores import Scores, common, defined_cases
from reports.statistics.bootstrap import (
    OTHER_SEEDS,
    SEEDS,
    Floats,
    Integers,
    Part,
    by_unit,
    case_parts,
    percentiles,
    satterthwaite,
    seed_part,
)
from reports.statistics.intervals import CONFIDENCE, RESAMPLES, Interval, few_units

DECIMALS = 9  # of differences of fractions: 1/3 and 2/3 - 1/3 are a tie, 1e-17 is none


@dataclass(frozen=True)
class Pair:
    """Scores of two backbones on the cases that both have.

    Attributes:
        a, b: (S_a, C) and (S_b, C) fractions; NaN where undefined, but no column is all NaN. C is 0 where the headline
            is no mean of cases.
        strata, units: (C,), as in `Scores`.
        headlines_a, headlines_b: (S_a,) and (S_b,): over these cases, or the runs' own where C is 0.
        left_out: how many cases only one of the two has a score of.
    """

    a: Floats
    b: Floats
    strata: Integers
    units: Integers
    headlines_a: Floats
    headlines_b: Floats
    left_out: int


def pair(a: Scores, b: Scores) -> Pair:
    """The common cases of two backbones on one task.

    Raises:
        ValueError: if they are not of one task, protocol and metric, or have cases but none in common.
    """
    one, other = common([a, b])
    left_out = len(defined_cases(a) ^ defined_cases(b)) if one.cases else 0
    return Pair(
        a=one.values,
        b=other.values,
        strata=one.strata,
        units=one.units,
        headlines_a=one.headlines,
        headlines_b=other.headlines,
        left_out=left_out,
    )


@dataclass(frozen=True)
class Levels:
    """How the difference of two backbones varies: with the cases, and with the seeds of each.

    Attributes:
        cases: a part per stratum; empty where cases are too few or the headline is no mean of them.
        seeds: of A and of B; empty if either has one seed.
        units: how many independent cases; 0 if `cases` is empty.
    """

    cases: list[Part]
    seeds: list[Part]
    units: int


def levels(pair: Pair, resamples: int = RESAMPLES, seed: int = 0) -> Levels:
    """The parts of the difference's error: cases drawn alike for both backbones, seeds for each by itself.

    Seed 0 of A and seed 0 of B have nothing in common but a number, so seeds are not paired.
    """
    cases: list[Part] = []
    units = 0
    if not few_units(pair.strata, pair.units):
        units = len(np.unique(pair.units))
        both = [(1, pair.a), (-1, pair.b)]
        cases = case_parts(both, pair.strata, pair.units, resamples, seed)
    seeds = []
    if min(len(pair.headlines_a), len(pair.headlines_b)) > 1:
        seeds = [
            seed_part(pair.headlines_a, resamples, (seed, SEEDS)),
            seed_part(pair.headlines_b, resamples, (seed, OTHER_SEEDS), -1),
        ]
    return Levels(cases, seeds, units)


def difference(pair: Pair) -> float:
    """Mean headline of A less that of B, in [-1, 1]."""
    return float(pair.headlines_a.mean() - pair.headlines_b.mean())


def difference_interval(
    pair: Pair, levels: Levels, confidence: float = CONFIDENCE, seed: int = 0
) -> Interval | None:
    """The interval of A less B, within [-1, 1], over the levels that there are; None if there is none, or no spread.

    See `reports.statistics.intervals.hierarchical_interval`.
    """
    parts = [*levels.cases, *levels.seeds]
    if satterthwaite(parts)[0] == 0:
        return None
    mean = difference(pair)
    low, high = percentiles(mean, parts, confidence, seed)
    seeds = min(len(pair.headlines_a), len(pair.headlines_b)) if levels.seeds else 1
    return Interval(mean, max(low, -1.0), min(high, 1.0), seeds, levels.units)


@dataclass(frozen=True)
class Differences:
    """A less B for each independent case, seeds averaged.

    Attributes:
        values: (U,) differences, in [-1, 1], of each case, or of a patient over his slices.
        weights: (U,) with which each enters the difference of the headlines; they sum to 1.
    """

    values: Floats
    weights: Floats


def differences(pair: Pair) -> Differences:
    """Differences of the pair's cases: (0,) if it has none."""
    if not pair.a.size:
        return Differences(np.zeros(0), np.zeros(0))
    by_case = np.nanmean(pair.a, axis=0) - np.nanmean(pair.b, axis=0)
    groups = np.unique(pair.strata)
    values, weights = [], []
    for group in groups:
        inside = pair.strata == group
        sums, counts = by_unit(by_case[None, inside], pair.units[inside])
        values.append(sums[0] / counts[0])
        weights.append(counts[0] / counts.sum() / len(groups))
    return Differences(np.round(np.concatenate(values), DECIMALS), np.concatenate(weights))
