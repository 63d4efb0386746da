"""How many seeds would settle whether two backbones differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from reports.statistics.bootstrap import Part, satterthwaite
from reports.statistics.paired import DECIMALS, Levels
from reports.statistics.testing import MIN_SEEDS

POWER = 0.8
MOST_SEEDS = 100
ALL = 10**9


@dataclass(frozen=True)
class Outlook:
    """What more seeds would do.

    Attributes:
        seeds: how many of each backbone, in all, would settle it; None if none do or it cannot be told.
        reason: why there is no number, as a sentence; empty if there is one.
    """

    seeds: int | None
    reason: str = ""


def more_seeds(
    difference: float,
    levels: Levels,
    alpha: float = 0.05,
    power: float = POWER,
    most: int = MOST_SEEDS,
) -> Outlook:
    """With how many seeds of each backbone `backbones_test` would likely come out below `alpha`.

    If the true difference and spreads are those observed: the spread of seeds shrinks with their number, that of cases
    stays. The difference must reach t(1 - alpha/2) + t(power) standard errors, as in any calculation of a sample size.

    Args:
        difference: observed, in [-1, 1].
        levels: of at least 3 seeds each.
        alpha: level of the test, in (0, 1): smaller than 0.05 where tests are corrected.
        power: wanted chance to settle it, in (0, 1).
        most: look no further than this number, and that of the seeds that there are.

    References:
        Hillis, Obuchowski and Berbaum, "Power estimation for multireader ROC methods", Academic Radiology 18(2), 2011.
    """
    for name, value in (("alpha", alpha), ("power", power)):
        if not 0 < value < 1:
            raise ValueError(f"{name} is {value}, not in (0, 1).")
    there = [round(part.freedom) + 1 for part in levels.seeds]
    if min(there, default=0) < MIN_SEEDS:
        return Outlook(None, f"Run at least {MIN_SEEDS} seeds of each backbone to tell.")

    if abs(difference) < 10.0**-DECIMALS:
        return Outlook(None, "There is no difference that more seeds could show.")
    numbers = [*range(max(MIN_SEEDS, *there), most + 1), ALL]
    errors = [satterthwaite([*levels.cases, *grown(levels.seeds, n)]) for n in numbers]
    variance, freedom = np.array(errors).T
    needed = stats.t.ppf(1 - alpha / 2, freedom) + stats.t.ppf(power, freedom)
    enough = abs(difference) >= needed * np.sqrt(variance)
    if not enough[-1]:
        return Outlook(None, "No number of seeds would settle it: the test cases are too few.")
    first = numbers[int(np.argmax(enough))]
    if first == ALL:
        return Outlook(None, f"More than {most} seeds of each would be needed to settle it.")
    return Outlook(first)


def grown(parts: Sequence[Part], seeds: int) -> list[Part]:
    """The parts of the seeds, had there been so many."""
    return [
        Part(part.deviations, part.variance * (part.freedom + 1) / seeds, seeds - 1)
        for part in parts
    ]
