"""Scores of simulated backbones, by which `calibration` and `error_rates` judge the intervals and tests."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from reports.reading.scores import Scores, stratified_means
from reports.statistics.bootstrap import Floats, Integers

MEAN = 0.6


class World(NamedTuple):
    """Where the scores of simulated studies come from: normal effects, in fractions.

    Attributes
    ----------
    title : str
        Name in a few words.
    seed : float
        Standard deviation between the seeds of a backbone.
    case : float
        Standard deviation between cases, shared by all backbones.
    own : float
        Standard deviation between cases, of each backbone's own.
    noise : float
        Standard deviation of each case with each seed.
    uneven : float
        Standard deviation of the logarithm of `seed` between tasks and backbones.
    pooled : bool
        Whether the headline is no mean of cases, as mAP50; there are no cases then.
    binary : bool
        Whether a case is right or wrong; its score is the chance to be right.
    """

    title: str
    seed: float
    case: float = 0.15
    own: float = 0.08
    noise: float = 0.05
    uneven: float = 0.0
    pooled: bool = False
    binary: bool = False


def simulate_backbone(
    name: str,
    world: World,
    strata: Integers,
    shared: Floats,
    rng: np.random.Generator,
    seeds: int,
    seed_spread: float,
    lead: float = 0.0,
) -> Scores:
    """The scores of a backbone on a task.

    Parameters
    ----------
    strata : Integers
        (C,) group of each case.
    shared : Floats
        (C,) effect of each case.
    seed_spread : float
        Standard deviation between seeds.
    lead : float
        What the backbone's true mean is above `MEAN`.
    """
    cases = len(shared)
    values = (
        MEAN
        + lead
        + shared
        + seed_spread * rng.normal(size=(seeds, 1))
        + world.own * rng.normal(size=cases)
        + world.noise * rng.normal(size=(seeds, cases))
    )
    if world.binary:
        values = (rng.uniform(size=values.shape) < values).astype(float)
    headlines = stratified_means(values, strata)
    if world.pooled:
        strata, values, cases = strata[:0], values[:, :0], 0
    return Scores(
        backbone=name,
        task="simulated",
        protocol="finetune",
        metric="map50" if world.pooled else "dice",
        seeds=tuple(range(seeds)),
        cases=_case_names(cases),
        strata=strata,
        values=values,
        headlines=headlines,
    )


@lru_cache
def _case_names(number: int) -> tuple[str, ...]:
    return tuple(f"{case:06}" for case in range(number))
