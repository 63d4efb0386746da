"""Whether a ranking would be the same with other cases and seeds: its stability under the bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from reports.reading.metrics import metric_name
from reports.reading.scores import Scores, on_common_cases
from reports.statistics.bootstrap import SEEDS, Floats, case_components, seed_component
from reports.statistics.intervals import RESAMPLES, few_units
from reports.statistics.ranks import DECIMALS, ranks

MIN_SEEDS = 3  # two seeds give only three different resamples


@dataclass(frozen=True)
class Stability:
    """The ranking of K backbones on a task, in R resamples.

    Attributes
    ----------
    backbones : tuple of str
        (K,) names.
    ranks : Floats
        (R, K) rank in each resample, 1 is best, ties share the average.
    shares : Floats
        (K, K) share of the resamples in which backbone k has rank j + 1; ties count for the better rank. Each row sums
        to 1.
    tau : Floats
        (R,) Kendall's tau-b of each resample's ranking with the full one, in [-1, 1]; NaN where all are tied.
    seeds, units : int
        Number of seeds and of independent cases that were drawn from; 0: these were not drawn.
    """

    backbones: tuple[str, ...]
    ranks: Floats
    shares: Floats
    tau: Floats
    seeds: int
    units: int


def ranking_stability(
    scores: Sequence[Scores], resamples: int = RESAMPLES, seed: int = 0
) -> Stability | str:
    """How stable the ranking on one task is under the bootstrap.

    Cases are drawn within strata, the same for all backbones, as challengeR does. In addition, seeds are drawn for each
    backbone separately, if all have at least two.

    Parameters
    ----------
    scores : sequence of Scores
        Scores of one task, one per backbone.
    resamples, seed : int
        Number of resamples, and seed of the bootstrap.

    Returns
    -------
    Stability or str
        The stability over the cases that all backbones have; or a sentence that says why there is none.

    References
    ----------
    Wiesenfarth et al., "Methods and open-source toolkit for analyzing and visualizing challenge results",
    Scientific Reports 11:2369, 2021, section "Assessment of ranking stability".
    """
    if len(scores) < 2:
        return "One backbone only: nothing to rank."
    shared = on_common_cases(scores)
    strata, units = shared[0].strata, shared[0].patients
    few = (
        few_units(strata, units)
        if shared[0].cases
        else f"{metric_name(scores[0].metric)} is no mean over cases"
    )
    fewest = min(len(s.seeds) for s in shared)
    if few and fewest < MIN_SEEDS:
        return f"No ranking stability: {few}, and a backbone has fewer than {MIN_SEEDS} seeds."
    means = []
    for number, s in enumerate(shared):
        components = [] if few else case_components(s.values, strata, units, resamples, seed)
        if fewest > 1:
            components.append(seed_component(s.headlines, resamples, (seed, SEEDS, number)))
        means.append(s.headlines.mean() + np.sum([c.deviations for c in components], axis=0))
    drawn = np.stack(means, axis=1)  # (R, K)
    full = np.array([s.headlines.mean() for s in shared])
    best_ranks = stats.rankdata(-np.round(drawn, DECIMALS), axis=1, method="min")
    return Stability(
        backbones=tuple(s.backbone for s in shared),
        ranks=ranks(drawn),
        shares=np.stack([(best_ranks == rank + 1).mean(0) for rank in range(len(shared))], axis=1),
        tau=kendall(ranks(drawn), ranks(full[None])[0]),
        seeds=fewest if fewest > 1 else 0,
        units=0 if few else len(np.unique(units)),
    )


def kendall(drawn: Floats, full: Floats) -> Floats:
    """Kendall's tau-b, (R,), of each ranking, (R, K), with the full one, (K,); NaN where either is all ties.

    It takes one backbone against all after it at a time: all pairs of 200 in 2000 resamples would take a gigabyte.
    """
    agreeing, untied, untied_full = np.zeros(len(drawn)), np.zeros(len(drawn)), 0
    for place in range(len(full) - 1):
        signs = np.sign(drawn[:, place, None] - drawn[:, place + 1 :])
        against = np.sign(full[place] - full[place + 1 :])
        agreeing += signs @ against
        untied += (signs != 0).sum(1)
        untied_full += int((against != 0).sum())
    total = np.sqrt(untied * untied_full)
    return np.divide(agreeing, total, out=np.full(len(drawn), np.nan), where=total > 0)
