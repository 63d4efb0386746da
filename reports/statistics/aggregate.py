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
    """Scores of each task on a common scale: 0 is the worst backbone's mean, 1 the best one's.

    Parameters
    ----------
    values : Floats
        (..., T, K) scores.
    low, high : Floats, optional
        (T,) scores that become 0 and 1; None: the least and greatest of the K. They must come from mean scores where
        `values` are single runs.

    Returns
    -------
    Floats
        (..., T, K); NaN for a task on which low and high are the same: it tells nothing apart.

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
    """Normalised score of every run, by backbone: (S, T), of complete rows and of the seeds that all their runs have.

    Parameters
    ----------
    scores : sequence of Scores
        Of one condition, one per task, protocol and backbone, in any order.

    Returns
    -------
    dict of str to Floats or str
        The runs; or, as a sentence, why there are none: fewer than 2 backbones, tasks or 3 seeds common to all.
    """
    cells = {((one.task, one.protocol), one.backbone): one for one in scores}
    backbones, tasks = complete_rows(scores)
    if len(backbones) < 2 or len(tasks) < MIN_TASKS:
        return (
            f"{len(backbones)} backbones with {len(tasks)} tasks in common; "
            f"at least 2 and {MIN_TASKS}."
        )
    seeds = set.intersection(*(set(cells[t, b].seeds) for t in tasks for b in backbones))
    if len(seeds) < MIN_SEEDS:
        return f"{len(seeds)} seeds that all runs have; at least {MIN_SEEDS}."
    runs = np.array(
        [
            [
                [dict(zip(one.seeds, one.headlines, strict=True))[seed] for seed in sorted(seeds)]
                for one in (cells[task, backbone] for backbone in backbones)
            ]
            for task in tasks
        ]
    )  # (T, K, S)
    means = runs.mean(-1)
    scaled = normalise(runs.transpose(2, 0, 1), means.min(1), means.max(1))  # (S, T, K)
    told = np.isfinite(scaled).all(axis=(0, 2))
    if told.sum() < MIN_TASKS:
        return f"{told.sum()} tasks tell the backbones apart; at least {MIN_TASKS}."
    return {backbone: scaled[:, told, k] for k, backbone in enumerate(backbones)}


def interquartile_mean(runs: Floats) -> float:
    """Mean of the middle half of all runs of all tasks: (S, T) scores to one.

    References
    ----------
    Agarwal et al., "Deep reinforcement learning at the edge of the statistical precipice", NeurIPS 2021, section
    4.3.
    """
    # scipy's trim_mean, whose checks of its arguments take longer than its work: a bootstrap calls this 2000 times.
    cut = int(0.25 * runs.size)
    middle = np.partition(runs, (cut, runs.size - cut - 1), axis=None)
    return float(middle[cut : runs.size - cut].mean())


def probability_of_improvement(a: Floats, b: Floats) -> float:
    """Chance that a run of A is better than a run of B on a task drawn at random, ties for half: (S_a, T), (S_b, T).

    References
    ----------
    Agarwal et al. 2021, section 4.3: the mean over tasks of the Mann-Whitney statistic, in [0, 1].
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1:] != b.shape[1:]:
        raise ValueError(f"a has shape {a.shape}, b {b.shape}: not (S, T) with the same T.")
    better = np.sign(a[:, None] - b[None])  # (S_a, S_b, T)
    return float((1 + better.mean()) / 2)


def performance_profile(runs: Floats, thresholds: Floats) -> Floats:
    """Share of all runs of all tasks that score above each threshold: (S, T) and (N,) to (N,), falling from 1 to 0.

    References
    ----------
    Agarwal et al. 2021, section 4.2, equation for the run-score distribution.
    """
    return (runs.ravel() > thresholds[:, None]).mean(1)


def stratified_interval(
    figure: Callable[..., float],
    *several: Floats,
    bounds: tuple[float, float] = (-np.inf, np.inf),
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Interval of a figure over seeds, drawn within each task and for each backbone by themselves.

    Tasks are the ones there are: it says nothing of other tasks. Beyond rliable, the percentiles' distance from the
    figure is multiplied by sqrt(S / (S - 1)), without which they are too narrow for few seeds.

    Parameters
    ----------
    figure : callable
        Of one (S, T) array per backbone, such as `interquartile_mean`.
    several : Floats
        Those arrays.
    bounds : (float, float)
        Least and greatest value that the figure can have.

    Raises
    ------
    ValueError
        For fewer than 3 seeds.

    References
    ----------
    Agarwal et al. 2021, section 4.1: stratified bootstrap.
    """
    fewest = min(len(runs) for runs in several)
    if fewest < MIN_SEEDS:
        raise ValueError(f"{fewest} seeds: at least {MIN_SEEDS}.")
    rng = np.random.default_rng(seed)
    drawn = [
        figure(
            *(np.take_along_axis(r, rng.integers(len(r), size=r.shape), axis=0) for r in several)
        )
        for _ in range(resamples)
    ]
    value, tail = figure(*several), (1 - confidence) / 2
    ends = value + (np.quantile(drawn, [tail, 1 - tail]) - value) * widening_factor(fewest)
    low, high = np.clip(ends, *bounds)
    return Interval(value, float(low), float(high), fewest, 0)
