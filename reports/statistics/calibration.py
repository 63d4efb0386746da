"""How often the intervals cover and the tests err, in simulated studies: the figures of docs/statistics.md.

Run: python -m reports.statistics.calibration
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from reports.scores import Scores, stratified_means
from reports.statistics.bootstrap import SEEDS, Floats, draw_counts
from reports.statistics.family import over_tasks
from reports.statistics.intervals import hierarchical_interval
from reports.statistics.paired import case_differences
from reports.statistics.pairs import compare_pairs
from reports.statistics.planning import more_seeds
from reports.statistics.significance import Level
from reports.statistics.testing import sign_flip, wilcoxon

MEAN = 0.6
STUDIES = 2000
LEADS = (0.02, 0.03, 0.05)
RESAMPLES = 1000


class Model(NamedTuple):
    """Where the scores of simulated studies come from: normal effects, in fractions.

    Attributes
    ----------
    title : str
        In a word.
    seeds, cases, strata : int
        How many of each.
    seed : float
        Standard deviation between seeds.
    case : float
        Between cases, shared by all backbones.
    own : float
        Between cases, of a backbone's own.
    noise : float
        Of each case with each seed.
    binary : bool
        Whether a case is right or wrong, with the score as its chance.
    """

    title: str
    seeds: int
    cases: int
    strata: int
    seed: float
    case: float
    own: float
    noise: float
    binary: bool = False


MODELS = (
    Model("cases vary, seeds do not", 3, 30, 1, 0.0, 0.1, 0.05, 0.0),
    Model("seeds vary, cases do not", 3, 30, 1, 0.02, 0.0, 0.0, 0.0),
    Model("both, 3 seeds, few cases", 3, 20, 1, 0.02, 0.1, 0.05, 0.05),
    Model("both, 3 seeds, many cases", 3, 300, 1, 0.01, 0.1, 0.05, 0.05),
    Model("both, 5 seeds", 5, 100, 1, 0.01, 0.1, 0.05, 0.05),
    Model("both, four sites of six", 3, 24, 4, 0.02, 0.1, 0.05, 0.05),
    Model("both, right or wrong", 3, 100, 1, 0.02, 0.15, 0.05, 0.0, binary=True),
    Model("both, 2 seeds", 2, 30, 1, 0.02, 0.1, 0.05, 0.05),
    Model("seeds vary, 2 seeds", 2, 30, 1, 0.02, 0.0, 0.0, 0.0),
)


def backbone(name: str, model: Model, shared: Floats, rng: np.random.Generator) -> Scores:
    """A backbone's scores in a study; `shared`: (C,) effect of each case."""
    size = (model.seeds, model.cases)
    values = (
        MEAN
        + shared
        + model.seed * rng.normal(size=(model.seeds, 1))
        + model.own * rng.normal(size=model.cases)
        + model.noise * rng.normal(size=size)
    )
    if model.binary:
        values = (rng.uniform(size=size) < values).astype(float)
    strata = np.arange(model.cases) % model.strata
    return Scores(
        backbone=name,
        task="simulated",
        protocol="finetune",
        metric="dice",
        seeds=tuple(range(model.seeds)),
        cases=tuple(f"{case:06}" for case in range(model.cases)),
        strata=strata,
        values=values,
        headlines=stratified_means(values, strata),
    )


def simulate_studies(model: Model, number: int, seed: int = 0) -> Iterator[tuple[Scores, Scores]]:
    """Studies of two backbones that are alike: the same mean, `MEAN`, and nothing else in common but the cases."""
    rng = np.random.default_rng(seed)
    for _ in range(number):
        shared = model.case * rng.normal(size=model.cases)
        yield backbone("a", model, shared, rng), backbone("b", model, shared, rng)


def interval_coverage(model: Model, number: int) -> float:
    """Share of studies whose 95 % interval of a backbone's mean holds the true one."""
    return float(np.mean([covers(a) for a, _ in simulate_studies(model, number)]))


def covers(scores: Scores) -> bool:
    """Whether the interval holds the true mean."""
    found = hierarchical_interval(scores.values, scores.strata, resamples=RESAMPLES)
    return found.low <= MEAN <= found.high


def plain_coverage(model: Model, number: int) -> float:
    """As `coverage`, of the plain percentiles of resampled seeds and cases, as is common; one stratum."""
    by_seed = draw_counts(model.seeds, RESAMPLES, (0, SEEDS)) / model.seeds
    by_case = draw_counts(model.cases, RESAMPLES, (0, 0, 0)) / model.cases
    held = []
    for a, _ in simulate_studies(model._replace(strata=1), number):
        low, high = np.quantile(((by_case @ a.values.T) * by_seed).sum(1), [0.025, 0.975])
        held.append(low <= MEAN <= high)
    return float(np.mean(held))


def false_positives(model: Model, number: int, alpha: float = 0.05) -> tuple[float, float, float]:
    """Share of studies of two backbones that are alike in which a test says that they differ.

    Returns
    -------
    (float, float, float)
        Of the test over seeds and cases, `wilcoxon` and `sign_flip`.
    """
    found = []
    for a, b in simulate_studies(model, number):
        by_case = case_differences(a, b)
        tests = (
            over_tasks(compare_pairs([a, b])).p[0],
            wilcoxon(by_case.values).p,
            sign_flip(by_case).p,
        )
        found.append([np.nan if p is None else p < alpha for p in tests])
    ours, signed_ranks, flips = np.mean(found, axis=0).tolist()
    return ours, signed_ranks, flips


def check_more_seeds(
    model: Model, lead: float, number: int, alpha: float = 0.05
) -> tuple[int | None, float]:
    """Whether `more_seeds` is right, if the difference and the spreads that it is told are the true ones.

    Parameters
    ----------
    lead : float
        True difference.

    Returns
    -------
    (int or None, float)
        How many seeds of each backbone it names (None: no number would do), and in what share of simulated studies of
        so many seeds the test comes out; 80 % is what it aims at.
    """
    of_run = np.array([model.seed**2 + model.noise**2 / model.cases])
    of_cases = Level(np.array([2 * model.own**2 / model.cases]), np.array([model.cases - 1.0]))
    least = np.array([2.0])
    (seeds,) = more_seeds(np.array([lead]), of_run, np.zeros(1), of_cases, least, alpha)
    if math.isinf(seeds):
        return None, math.nan
    wins = [
        over_tasks(compare_pairs([with_lead(a, lead), b])).p[0] < alpha
        for a, b in simulate_studies(model._replace(seeds=int(seeds), strata=1), number)
    ]
    return int(seeds), float(np.mean(wins))


def with_lead(scores: Scores, lead: float) -> Scores:
    """The scores with a better mean."""
    return replace(scores, values=scores.values + lead, headlines=scores.headlines + lead)


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
        print(f"| {model.title} | {model.seeds} | {model.cases} | {figures} |", flush=True)
    print("\n| study | lead | seeds named | settled |\n|---|---|---|---|")
    for model in MODELS[1:4]:
        for lead in LEADS:
            seeds, share = check_more_seeds(model, lead, STUDIES)
            said = "none | –" if seeds is None else f"{seeds} | {100 * share:.0f} %"
            print(f"| {model.title} | {100 * lead:.0f} points | {said} |", flush=True)


if __name__ == "__main__":
    main()
