"""Verdicts on the tasks of a comparison, corrected for their number; for many comparisons at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from reports.statistics.bootstrap import Floats
from reports.statistics.moderation import moderate
from reports.statistics.pairs import Pairs
from reports.statistics.planning import more_seeds
from reports.statistics.significance import Level, limit, p_values, satterthwaite
from reports.statistics.studentized_range import range_chance, range_limit
from reports.statistics.testing import MIN_SEEDS, holm

ALPHA = 0.05


@dataclass(frozen=True)
class Verdicts:
    """Intervals and p-values of differences. All arrays are (..., T), NaN where nothing can be said.

    Attributes
    ----------
    low, high : Floats
        The 95 % confidence interval of the difference, in [-1, 1].
    p : Floats
        p-value of the test over seeds and cases, not corrected.
    adjusted : Floats
        p-value corrected for the family; the difference counts if it is below the level.
    seeds : Floats
        If the difference does not count: how many seeds of each backbone would settle it; infinite: no number would.
    """

    low: Floats
    high: Floats
    p: Floats
    adjusted: Floats
    seeds: Floats


def over_tasks(pairs: Pairs, alpha: float = ALPHA) -> Verdicts:
    """Verdicts on all tasks of each pair of backbones, corrected over the tasks of a pair (Holm).

    The variance of the seeds is pooled over the two backbones and moderated by the pair's other tasks.

    Parameters
    ----------
    pairs : Pairs
        Arrays of shape (..., T), a row per pair, a column per task; a task that a pair lacks has no seeds.
    alpha : float
        Level at which a difference counts, of all tasks of a pair together.
    """
    tested = np.minimum(pairs.seeds_a, pairs.seeds_b) >= MIN_SEEDS
    by_run, freedom, gained = moderate(pairs.by_run, np.where(tested, pairs.run_freedom, 0.0))
    seeds, cases = _sources(by_run, freedom, tested, pairs)
    p = np.where(tested, p_values(pairs.difference, seeds, cases), np.nan)
    adjusted = holm(p)
    low, high = _interval_ends(pairs.difference, limit(alpha, seeds, cases))
    is_open = adjusted >= alpha
    # Holm's next step tests the open tasks at this level.
    level = alpha / np.maximum(is_open.sum(-1, keepdims=True), 1)
    needed = more_seeds(
        pairs.difference, by_run, gained, cases, np.maximum(pairs.seeds_a, pairs.seeds_b), level
    )
    return Verdicts(low, high, p, adjusted, np.where(is_open, needed, np.nan))


def over_opponents(pairs: Pairs, by_run: Floats, freedom: Floats, backbones: int) -> Verdicts:
    """Verdicts on the best of the K backbones of a task against each other one, with Tukey's correction.

    The same scores choose the best and compare it. So the test errs as often as the best and the worst of K equals are
    told apart. The intervals hold together, and a difference counts if its interval leaves out zero.

    The opponent whose differences happen to vary least would count first. So each variance of the cases is at least the
    mean over all opponents. The variance of the seeds is pooled over the K backbones; if it is more, half of it is the
    pair's own.

    Parameters
    ----------
    pairs : Pairs
        Arrays of shape (..., K - 1).
    by_run, freedom : Floats
        (..., 1) variance of a run with its seed, pooled over the K backbones, and its degrees of freedom.
    backbones : int
        K.
    """
    tested = np.minimum(pairs.seeds_a, pairs.seeds_b) >= MIN_SEEDS
    by_case = np.maximum(pairs.by_case, pairs.by_case.mean(-1, keepdims=True))
    gained = min(4, pairs.by_case.shape[-1])  # the opponents' share the best one's part
    steady = pairs._replace(by_case=by_case, case_freedom=gained * pairs.case_freedom)
    each = np.maximum(by_run, (by_run + pairs.by_run) / 2)
    seeds, cases = _sources(each, np.maximum(freedom, 1.0), tested, steady)
    p = np.where(tested, p_values(pairs.difference, seeds, cases), np.nan)
    _, around = satterthwaite(seeds, cases)
    around = np.where(np.isfinite(around), around, 1.0)
    level = 2 * special.stdtr(around, -range_limit(ALPHA, backbones, around))
    low, high = _interval_ends(pairs.difference, limit(level, seeds, cases))
    # The t of the same p-value, at which the studentized range is looked up.
    t = -special.stdtrit(around, np.maximum(p, 1e-300) / 2)
    return Verdicts(low, high, p, range_chance(t, backbones, around), np.full(p.shape, np.nan))


def _sources(
    by_run: Floats, freedom: Floats, tested: NDArray[np.bool_], pairs: Pairs
) -> tuple[Level, Level]:
    """The variance of differences with the seeds, and with the cases."""
    runs = 1 / np.maximum(pairs.seeds_a, 1) + 1 / np.maximum(pairs.seeds_b, 1)
    seeds = Level(np.where(tested, by_run * runs, 0.0), np.where(tested, freedom, 1.0))
    return seeds, Level(pairs.by_case, pairs.case_freedom)


def _interval_ends(difference: Floats, half: Floats) -> tuple[Floats, Floats]:
    """The ends of an interval of a difference of fractions."""
    return np.maximum(difference - half, -1.0), np.minimum(difference + half, 1.0)
