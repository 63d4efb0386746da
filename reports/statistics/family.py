"""Verdicts on the tasks of a comparison, corrected for each other; for many comparisons at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from reports.statistics.bootstrap import Floats
from reports.statistics.moderation import moderate
from reports.statistics.pairs import Pairs
from reports.statistics.planning import more_seeds
from reports.statistics.significance import Level, limit, p_values, satterthwaite
from reports.statistics.testing import MIN_SEEDS, holm, range_chance, range_limit

ALPHA = 0.05


@dataclass(frozen=True)
class Verdicts:
    """What can be said of differences; all arrays are (..., T), NaN where nothing can be said.

    Attributes
    ----------
    low, high : Floats
        The 95 % confidence interval of the difference, in [-1, 1].
    p : Floats
        Of the test over seeds and cases, as it is.
    adjusted : Floats
        Corrected for the family; the difference counts where it is below the level.
    seeds : Floats
        Where it does not count, how many seeds of each backbone would settle it; infinite: no number would.
    """

    low: Floats
    high: Floats
    p: Floats
    adjusted: Floats
    seeds: Floats


def over_tasks(found: Pairs, alpha: float = ALPHA) -> Verdicts:
    """Of one pair of backbones a row, of its tasks a column each: corrected over the row (Holm).

    The variance of the seeds is pooled over the two backbones and moderated by the other tasks of the row.

    Parameters
    ----------
    found : Pairs
        Whose arrays are (..., T); a task that a row lacks has no seeds.
    alpha : float
        Level at which a difference counts, of all tasks of a row together.
    """
    tested = np.minimum(found.seeds_a, found.seeds_b) >= MIN_SEEDS
    by_run, freedom, gained = moderate(found.by_run, np.where(tested, found.run_freedom, 0.0))
    seeds, cases = variance_sources(by_run, freedom, tested, found)
    p = np.where(tested, p_values(found.difference, seeds, cases), np.nan)
    adjusted = holm(p)
    low, high = interval_ends(found.difference, limit(alpha, seeds, cases))
    left = adjusted >= alpha
    # Holm's next step tests the open ones at this level.
    level = alpha / np.maximum(left.sum(-1, keepdims=True), 1)
    needed = more_seeds(
        found.difference, by_run, gained, cases, np.maximum(found.seeds_a, found.seeds_b), level
    )
    return Verdicts(low, high, p, adjusted, np.where(left, needed, np.nan))


def over_opponents(
    found: Pairs, by_run: Floats, freedom: Floats, backbones: int, exact: bool = True
) -> Verdicts:
    """Of the best of the K backbones of a task, against each of the others: Tukey's correction, interval included.

    The best was chosen by the figures that it is compared by, so that it errs as often as the best and the worst of K
    equals are told apart: the intervals hold together, and a difference counts where its interval leaves out zero.

    Of several opponents, the one whose differences happen to vary least would count first. So no variance of the cases
    is below the mean of all opponents', and that of the seeds is pooled over the K backbones, or half of it the pair's
    own, where this is more.

    Parameters
    ----------
    found : Pairs
        Whose arrays are (..., K - 1).
    by_run, freedom : Floats
        (..., 1) variance of a run with its seed, pooled over the K backbones, and its freedom.
    backbones : int
        K.
    exact : bool
        Whether corrected p-values are needed, which take 5 ms each; intervals say the same.
    """
    tested = np.minimum(found.seeds_a, found.seeds_b) >= MIN_SEEDS
    by_case = np.maximum(found.by_case, found.by_case.mean(-1, keepdims=True))
    gained = min(4, found.by_case.shape[-1])  # the opponents' share the best one's part
    steady = replace(found, by_case=by_case, case_freedom=gained * found.case_freedom)
    each = np.maximum(by_run, (by_run + found.by_run) / 2)
    seeds, cases = variance_sources(each, np.maximum(freedom, 1.0), tested, steady)
    p = np.where(tested, p_values(found.difference, seeds, cases), np.nan)
    _, around = satterthwaite(seeds, cases)
    around = np.where(np.isfinite(around), around, 1.0)
    level = 2 * special.stdtr(around, -range_limit(ALPHA, backbones, around))
    low, high = interval_ends(found.difference, limit(level, seeds, cases))
    # The t of the same p-value, at which the studentized range is looked up.
    t = -special.stdtrit(around, np.maximum(p, 1e-300) / 2)
    nothing = np.full(p.shape, np.nan)
    return Verdicts(low, high, p, range_chance(t, backbones, around) if exact else nothing, nothing)


def variance_sources(
    by_run: Floats, freedom: Floats, tested: NDArray[np.bool_], found: Pairs
) -> tuple[Level, Level]:
    """What seeds and cases add to the variance of differences."""
    runs = 1 / np.maximum(found.seeds_a, 1) + 1 / np.maximum(found.seeds_b, 1)
    seeds = Level(np.where(tested, by_run * runs, 0.0), np.where(tested, freedom, 1.0))
    return seeds, Level(found.by_case, found.case_freedom)


def interval_ends(difference: Floats, half: Floats) -> tuple[Floats, Floats]:
    """The ends of an interval of fractions' differences."""
    return np.maximum(difference - half, -1.0), np.minimum(difference + half, 1.0)
