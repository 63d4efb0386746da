"""Solve graph matching problems: linear assignment, followed relaxations, robust tabu search, or exactly."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.matching import _core
from lvmmed_backbones.matching.budget import Budget, budget_of
from lvmmed_backbones.matching.checks import checked_seed
from lvmmed_backbones.matching.problem import Problem


@dataclass(frozen=True, eq=False)
class Matching:
    """A matching of a problem's graphs.

    Attributes
    ----------
    target : (N_s,) int32
        Target vertex of every source vertex; -1 where a larger source graph leaves one unmatched.
    objective : float
        Sum of the matched affinities as they were given, noise included, in float64.
    """

    target: NDArray[np.int32]
    objective: float


def solve(problem: Problem, budget: str | Budget = "default", seed: int = 0) -> Matching:
    """Search for the best matching within a budget. The same seed gives the same result.

    Parameters
    ----------
    budget : {"fast", "default", "best"} or Budget
    seed : int in [0, 2**64)
        Seed of the starting points and of the tabu search.

    Raises
    ------
    ValueError
        If every matching uses a forbidden pair, or if the budget or the seed is wrong.

    Examples
    --------
    >>> problem = Problem(
    ...     vertex=[[0, 0.1], [0, 0]], source_edges=[[0, 1]], target_edges=[[0, 1]], edge=[[1]]
    ... )
    >>> solve(problem).target
    array([0, 1], dtype=int32)
    """
    return solve_batch([problem], budget, [seed], threads=1)[0]


def solve_batch(
    problems: Sequence[Problem],
    budget: str | Budget = "default",
    seeds: Sequence[int] | None = None,
    threads: int | None = None,
) -> list[Matching]:
    """Solve many problems of any sizes, on threads and without Python's lock.

    Parameters
    ----------
    seeds : sequence of int, optional
        A seed for each problem; default: 0 for all.
    threads : int >= 1, optional
        Default: the number of processors that this process may use. The result does not depend on it.
    """
    budget = budget_of(budget)
    seeds = [0] * len(problems) if seeds is None else [checked_seed("seed", seed) for seed in seeds]
    if len(seeds) != len(problems):
        raise ValueError(f"{len(seeds)} seeds for {len(problems)} problems: give one for each")
    if threads is None:  # the processors that this process may use, where the system tells
        known = hasattr(os, "sched_getaffinity")
        threads = len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1
    if not isinstance(threads, int) or threads < 1:
        raise ValueError(f"threads is {threads!r}, must be a positive integer")
    matchings = [
        Matching(*solution) for solution in _core.solve_all(problems, budget, seeds, threads)
    ]
    exact = {
        k: problem
        for k, m in enumerate(matchings)
        if (problem := problems[k].without_raised_edges(m.target)) is not None
    }
    if exact:
        others = _core.solve_all(list(exact.values()), budget, [seeds[k] for k in exact], threads)
        for k, other in zip(exact, others, strict=True):
            matchings[k] = max(matchings[k], Matching(*other), key=lambda m: m.objective)
    for k, matching in enumerate(matchings):
        if matching.objective == -np.inf:
            raise ValueError(
                f"every matching of problem {k} uses a forbidden pair: too many vertex affinities are -inf"
            )
    return matchings
