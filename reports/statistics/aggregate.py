"""One figure over many tasks: normalised scores, interquartile mean, probability of improvement, profiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from reports.reading.scores import Scores
from reports.statistics.bootstrap import Floats, widening_factor
from reports.statistics.intervals import CONFIDENCE, RESAMPLES, Interval
from reports.statistics.ranks import complete_rows

MIN_TASKS = 2
MIN_SEEDS = 3


def normalise(values: Floats, low: Floats | None = None, high: Floats | None = None) -> Floats:
    """Return the scores of each task on a common scale: 0 is the worst backbone's mean, 1 the best one's.

    Parameters
    ----------
    values : Floats
        (..., T, K) scores.
    low, high : Floats, optional
        (T,) scores that become 0 and 1; None: the least and greatest of the K. If `values` are single runs, they must
        come from mean scores.

    Returns
    -------
    Floats
        (..., T, K); NaN for a task on which low and high are equal, since it tells no backbones apart.

    Raises
    ------
    ValueError
        If a task has low above high.
    """
    least = values.min(axis=-1, keepdims=True) if low is None else low[:, None]
    most = values.max(axis=-1, keepdims=True) if high is None else high[:, None]
    if (least > most).any():
        raise ValueError("a task has low above high.")
    width = most - least
    return np.divide(values - least, width, out=np.full(values.shape, np.nan), where=width > 0)


def normalised_runs(scores: Sequence[Scores]) -> dict[str, Floats] | str:
    """Normalised scores of all runs of each complete row: (S, T), of the seeds that all these rows have.

    Parameters
    ----------
    scores : sequence of Scores
        Scores of one condition, one per task, protocol and backbone, in any order.

    Returns
    -------
    dict of str to Floats or str
        The runs; or a sentence that says why there are none: fewer than 2 backbones, 2 tasks or 3 seeds in common.
    """
    cells = {((s.task, s.protocol), s.backbone): s for s in scores}
    backbones, tasks = complete_rows(scores)
    if len(backbones) < 2 or len(tasks) < MIN_TASKS:
        return (
            f"{len(backbones)} backbones with {len(tasks)} tasks in common; "
            f"at least 2 and {MIN_TASKS}."
        )
    seeds = set.intersection(*(set(cells[t, b].seeds) for t in tasks for b in backbones))
    if len(seeds) < MIN_SEEDS:
        return f"{len(seeds)} seeds that all runs have; at least {MIN_SEEDS}."

    def of_seeds(s: Scores) -> list[float]:
        by_seed = dict(zip(s.seeds, s.headlines, strict=True))
        return [by_seed[seed] for seed in sorted(seeds)]

    runs = np.array([[of_seeds(cells[t, b]) for b in backbones] for t in tasks])  # (T, K, S)
    means = runs.mean(-1)
    scaled = normalise(runs.transpose(2, 0, 1), means.min(1), means.max(1))  # (S, T, K)
    apart = np.isfinite(scaled).all(axis=(0, 2))
    if apart.sum() < MIN_TASKS:
        return f"{apart.sum()} tasks tell the backbones apart; at least {MIN_TASKS}."
    return {backbone: scaled[:, apart, k] for k, backbone in enumerate(backbones)}


def interquartile_mean(runs: Floats) -> float:
    """Mean of the middle half of all runs of all tasks, from (S, T) scores.

    References
    ----------
    Agarwal et al., "Deep reinforcement learning at the edge of the statistical precipice", NeurIPS 2021, section
    4.3.
    """
    # As scipy's trim_mean, whose checks of arguments take longer than its work; a bootstrap calls this 2000 times.
    cut = int(0.25 * runs.size)
    middle = np.partition(runs, (cut, runs.size - cut - 1), axis=None)
    return float(middle[cut : runs.size - cut].mean())


def probability_of_improvement(a: Floats, b: Floats) -> float:
    """Chance that a run of A, (S_a, T), is better than one of B, (S_b, T), on a random task; a tie counts for half.

    References
    ----------
    Agarwal et al. 2021, section 4.3: the mean over tasks of the Mann-Whitney statistic, in [0, 1].
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1:] != b.shape[1:]:
        raise ValueError(f"a has shape {a.shape}, b {b.shape}: not (S, T) with the same T.")
    better = np.sign(a[:, None] - b[None])  # (S_a, S_b, T)
    return float((1 + better.mean()) / 2)


def performance_profile(runs: Floats, thresholds: Floats) -> Floats:
    """Share of all runs of all tasks, (S, T), that score above each threshold: (N,) to (N,), falling from 1 to 0.

    References
    ----------
    Agarwal et al. 2021, section 4.2, equation for the run-score distribution.
    """
    return (runs.ravel() > thresholds[:, None]).mean(1)


def stratified_interval(
    figure: Callable[..., float],
    *runs: Floats,
    bounds: tuple[float, float] = (-np.inf, np.inf),
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Interval of a figure over seeds, which are drawn within each task and for each backbone separately.

    It says nothing of other tasks. Unlike in rliable, the distance of the percentiles from the figure is multiplied by
    sqrt(S / (S - 1)); otherwise intervals of few seeds are too narrow.

    Parameters
    ----------
    figure : callable
        Takes one (S, T) array per backbone, as `interquartile_mean` does.
    runs : Floats
        The arrays.
    bounds : (float, float)
        Least and greatest value that the figure can have.

    Raises
    ------
    ValueError
        If there are fewer than 3 seeds.

    References
    ----------
    Agarwal et al. 2021, section 4.1: stratified bootstrap.
    """
    fewest = min(len(r) for r in runs)
    if fewest < MIN_SEEDS:
        raise ValueError(f"{fewest} seeds: at least {MIN_SEEDS}.")
    rng = np.random.default_rng(seed)
    drawn = [
        figure(*(np.take_along_axis(r, rng.integers(len(r), size=r.shape), axis=0) for r in runs))
        for _ in range(resamples)
    ]
    value, tail = figure(*runs), (1 - confidence) / 2
    ends = value + (np.quantile(drawn, [tail, 1 - tail]) - value) * widening_factor(fewest)
    low, high = np.clip(ends, *bounds)
    return Interval(value, float(low), float(high), fewest, 0)
