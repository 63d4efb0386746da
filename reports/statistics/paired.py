"""Two backbones on the same cases, case by case."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reports.scores import Scores, common, defined_cases
from reports.statistics.bootstrap import Floats, Integers, by_unit

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
class Differences:
    """A minus B for each independent case, seeds averaged.

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
