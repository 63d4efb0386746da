"""How often the intervals cover and the tests err, in simulated studies: the figures of docs/statistics.md.

Run: python -m reports.statistics.calibration
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from reports.reading.scores import Scores
from reports.statistics.bootstrap import SEEDS, draw_counts
from reports.statistics.family import ALPHA, over_tasks
from reports.statistics.intervals import hierarchical_interval
from reports.statistics.paired import case_differences
from reports.statistics.pairs import compare_pairs
from reports.statistics.planning import more_seeds
from reports.statistics.significance import Level
from reports.statistics.simulation import MEAN, World, simulate_backbone
from reports.statistics.testing import sign_flip, wilcoxon

STUDIES = 2000
LEADS = (0.02, 0.03, 0.05)
RESAMPLES = 1000


class Model(NamedTuple):
    """A kind of simulated study: where its scores come from, and how many seeds, cases and strata it has."""

    world: World
    seeds: int
    cases: int
    strata: int = 1


MODELS = (
    Model(World("cases vary, seeds do not", 0.0, 0.1, 0.05, 0.0), 3, 30),
    Model(World("seeds vary, cases do not", 0.02, 0.0, 0.0, 0.0), 3, 30),
    Model(World("both, 3 seeds, few cases", 0.02, 0.1, 0.05, 0.05), 3, 20),
    Model(World("both, 3 seeds, many cases", 0.01, 0.1, 0.05, 0.05), 3, 300),
    Model(World("both, 5 seeds", 0.01, 0.1, 0.05, 0.05), 5, 100),
    Model(World("both, four sites of six", 0.02, 0.1, 0.05, 0.05), 3, 24, 4),
    Model(World("both, right or wrong", 0.02, 0.15, 0.05, 0.0, binary=True), 3, 100),
    Model(World("both, 2 seeds", 0.02, 0.1, 0.05, 0.05), 2, 30),
    Model(World("seeds vary, 2 seeds", 0.02, 0.0, 0.0, 0.0), 2, 30),
)


def _simulate_studies(
    model: Model, number: int, lead: float = 0.0
) -> Iterator[tuple[Scores, Scores]]:
    """Studies of two backbones, the first ahead by `lead`; they have nothing in common but the cases."""
    rng = np.random.default_rng(0)
    world, strata = model.world, np.arange(model.cases) % model.strata
    for _ in range(number):
        shared = world.case * rng.normal(size=model.cases)
        a, b = (
            simulate_backbone(name, world, strata, shared, rng, model.seeds, world.seed, ahead)
            for name, ahead in (("a", lead), ("b", 0.0))
        )
        yield a, b


def interval_coverage(model: Model, number: int) -> float:
    """Share of studies whose 95 % interval of a backbone's mean holds the true one."""
    intervals = (
        hierarchical_interval(a.values, a.strata, resamples=RESAMPLES)
        for a, _ in _simulate_studies(model, number)
    )
    return float(np.mean([interval.low <= MEAN <= interval.high for interval in intervals]))


def plain_coverage(model: Model, number: int) -> float:
    """As `interval_coverage`, but of plain percentiles of resampled seeds and cases, as is common; one stratum."""
    by_seed = draw_counts(model.seeds, RESAMPLES, (0, SEEDS)) / model.seeds
    by_case = draw_counts(model.cases, RESAMPLES, (0, 0, 0)) / model.cases
    held = []
    for a, _ in _simulate_studies(model._replace(strata=1), number):
        low, high = np.quantile(((by_case @ a.values.T) * by_seed).sum(1), [0.025, 0.975])
        held.append(low <= MEAN <= high)
    return float(np.mean(held))


def false_positives(model: Model, number: int) -> tuple[float, float, float]:
    """Share of studies of two backbones that are alike in which a test says that they differ.

    Returns
    -------
    (float, float, float)
        Shares of the test over seeds and cases, of `wilcoxon` and of `sign_flip`.
    """
    outcomes = []
    for a, b in _simulate_studies(model, number):
        by_case = case_differences(a, b)
        tests = (
            over_tasks(compare_pairs([a, b])).p[0],
            wilcoxon(by_case.values).p,
            sign_flip(by_case).p,
        )
        outcomes.append([np.nan if p is None else p < ALPHA for p in tests])
    ours, signed_ranks, flips = np.mean(outcomes, axis=0).tolist()
    return ours, signed_ranks, flips


def check_more_seeds(model: Model, lead: float, number: int) -> tuple[int | None, float]:
    """Whether `more_seeds` is right, if the difference and the spreads that it is told are the true ones.

    Parameters
    ----------
    lead : float
        True difference.

    Returns
    -------
    (int or None, float)
        The number of seeds of each backbone that it names (None: no number would do), and the share of simulated
        studies with so many seeds in which the test comes out; it aims at 80 %.
    """
    world = model.world
    of_run = np.array([world.seed**2 + world.noise**2 / model.cases])
    of_cases = Level(np.array([2 * world.own**2 / model.cases]), np.array([model.cases - 1.0]))
    least = np.array([2.0])
    (seeds,) = more_seeds(np.array([lead]), of_run, np.zeros(1), of_cases, least)
    if math.isinf(seeds):
        return None, math.nan
    wins = [
        over_tasks(compare_pairs([a, b])).p[0] < ALPHA
        for a, b in _simulate_studies(model._replace(seeds=int(seeds), strata=1), number, lead)
    ]
    return int(seeds), float(np.mean(wins))


def main() -> None:
    """Print both tables in Markdown."""
    print(
        "| study | seeds | cases | coverage | plain percentiles | seeds and cases | Wilcoxon | sign flips |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for model in MODELS:
        shares = (
            interval_coverage(model, STUDIES),
            plain_coverage(model, STUDIES),
            *false_positives(model, STUDIES),
        )
        figures = " | ".join("–" if math.isnan(x) else f"{100 * x:.1f} %" for x in shares)
        print(f"| {model.world.title} | {model.seeds} | {model.cases} | {figures} |", flush=True)
    print("\n| study | lead | seeds named | settled |\n|---|---|---|---|")
    for model in MODELS[1:4]:
        for lead in LEADS:
            seeds, share = check_more_seeds(model, lead, STUDIES)
            row = "none | –" if seeds is None else f"{seeds} | {100 * share:.0f} %"
            print(f"| {model.world.title} | {100 * lead:.0f} points | {row} |", flush=True)


if __name__ == "__main__":
    main()
