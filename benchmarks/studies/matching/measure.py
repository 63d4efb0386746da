"""Measures of the solver and its peers; each public function returns a table."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.studies.matching.instances import (
    LEVELS,
    best_known,
    opengm1,
    optima,
    pretraining,
    qaplib,
)
from benchmarks.studies.matching.peers import PEERS, Peer
from lvmmed_backbones.matching import PRESETS, Budget, Matching, Problem, solve, solve_batch

SEEDS = range(3)  # of the instances
SOLVER_SEEDS = range(5)
RESTARTS = replace(PRESETS["best"], starts=40)

Solver = Callable[[Problem, int], tuple[float, float]]


def _timed(problem: Problem, budget: str | Budget, seed: int = 0) -> tuple[Matching, float]:
    """Return a solution and the milliseconds of its solve, the faster of two: the first one warms the caches."""
    times = []
    for _ in range(2):
        start = time.perf_counter()
        matching = solve(problem, budget, seed)
        times.append(1000 * (time.perf_counter() - start))
    return matching, min(times)


def presets(sizes: Sequence[int] = (16, 64, 256)) -> pd.DataFrame:
    """Return the presets' objectives relative to the best known, and their times, as `_compared` has them."""

    def solve_by(preset: str) -> Solver:
        def call(problem: Problem, seed: int) -> tuple[float, float]:
            matching, milliseconds = _timed(problem, preset, seed)
            return matching.objective, milliseconds

        return call

    return pd.DataFrame(
        {"N": n, "preset": preset, "level": level, **_compared(solve_by(preset), n, level)}
        for n in sizes
        for preset in PRESETS
        for level in LEVELS
        if (n, 5, level, 0) in best_known()
    )


def peers(n: int = 64, levels: Sequence[str] = ("medium", "hard", "very hard")) -> pd.DataFrame:
    """Return the same for the peers; those that draw nothing give one result for all solver seeds."""

    def solve_by(peer: Peer) -> Solver:
        def call(problem: Problem, seed: int) -> tuple[float, float]:
            target, seconds = peer(problem, seed)
            return _objective(problem, target), 1000 * seconds

        return call

    return pd.DataFrame(
        {"solver": name, "level": level, **_compared(solve_by(peer), n, level)}
        for name, peer in PEERS.items()
        for level in levels
    )


def _compared(solver: Solver, n: int, level: str) -> dict[str, float]:
    """Return a solver's objectives relative to the best known, and its milliseconds, over instances and solver seeds.

    Parameters
    ----------
    solver : callable
        Takes a problem and a seed; returns an objective and milliseconds.
    n : int
        Vertices of each graph.
    level : str
        A key of `LEVELS`.
    """
    objectives, times = [], []
    for seed in SEEDS:
        problem = pretraining(n, 5, level, seed).problem()
        for solver_seed in SOLVER_SEEDS:
            objective, milliseconds = solver(problem, solver_seed)
            objectives.append(objective / best_known()[n, 5, level, seed])
            times.append(milliseconds)
    return {"median": np.median(objectives), "least": min(objectives), "ms": np.median(times)}


def _objective(problem: Problem, target: NDArray) -> float:
    """Return the objective of a permutation, computed apart from the solver."""
    assert problem.edge is not None and sorted(target) == list(range(len(target)))
    lookup = np.full(problem.vertex.shape, -1)
    lookup[problem.target_edges[:, 0], problem.target_edges[:, 1]] = np.arange(
        len(problem.target_edges)
    )
    matched = lookup[target[problem.source_edges[:, 0]], target[problem.source_edges[:, 1]]]
    edges = problem.edge[np.flatnonzero(matched >= 0), matched[matched >= 0]].sum(dtype=np.float64)
    return float(problem.vertex[np.arange(len(target)), target].sum(dtype=np.float64) + edges)


def proven() -> pd.DataFrame:
    """Return the best costs of `best` with 40 restarts and four seeds on QAPLIB and opengm1, and the proven optima."""
    rows = []
    for name, optimum in [*optima()["qaplib"].items(), *optima()["dd"].items()]:
        problem = opengm1() if name == "opengm1" else qaplib(name)
        start = time.perf_counter()
        costs = [-m.objective for m in solve_batch([problem] * 4, RESTARTS, range(4))]
        rows.append(
            {
                "instance": name,
                "N": len(problem.vertex),
                "optimum": optimum,
                "found": min(costs),
                "above %": 100 * (min(costs) - optimum) / abs(optimum),
                "seeds at it": sum(abs(cost - optimum) <= 5e-5 * abs(optimum) for cost in costs),
                "s": time.perf_counter() - start,
            }
        )
    return pd.DataFrame(rows)


def exact() -> pd.DataFrame:
    """Return the milliseconds to solve problems of up to 9 vertices exactly, complete graphs too."""
    rows = []
    for n, k in ((6, 5), (8, 5), (8, 7), (9, 5), (9, 8)):
        times = [
            _timed(pretraining(n, k, "very hard", seed).problem(), "default")[1]
            for seed in range(10)
        ]
        rows.append({"N": n, "k": k, "median ms": np.median(times), "most ms": max(times)})
    return pd.DataFrame(rows)


def threads() -> pd.DataFrame:
    """Return the seconds for a batch of 32 problems on one thread and on two."""
    problems = [pretraining(64, 5, "medium", seed).problem() for seed in range(32)]
    seconds = {}
    for count in (1, 2):
        times = []
        for _ in range(5):
            start = time.perf_counter()
            solve_batch(problems, "default", threads=count)
            times.append(time.perf_counter() - start)
        seconds[count] = min(times)
    one, two = seconds[1], seconds[2]
    return pd.DataFrame([{"1 thread, s": one, "2 threads, s": two, "times as fast": one / two}])


def growth(sizes: Sequence[int] = (16, 32, 64, 128, 256, 512, 1024), k: int = 5) -> pd.DataFrame:
    """Return the milliseconds and the peak memory of solving by edge features, in a process for each size."""
    rows = []
    for n in sizes:
        for preset in ("fast", "default"):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                rows.append(pool.apply(_solve_alone, (n, k, preset)))
    return pd.DataFrame(rows)


def _solve_alone(n: int, k: int, preset: str) -> dict[str, object]:
    problem = pretraining(n, k, "medium", 0, dense=False).problem_by_features()
    solve(pretraining(16).problem(), preset)
    Path("/proc/self/clear_refs").write_text("5")  # the peak of memory starts anew
    before = _memory("VmRSS")
    matching, milliseconds = _timed(problem, preset)
    return {
        "N": n,
        "k": k,
        "preset": preset,
        "ms": milliseconds,
        "MB of the solver": _memory("VmHWM") - before,
        "objective": matching.objective,
    }


def _memory(field: str) -> float:
    """Return this process's resident memory in MB, now (VmRSS) or at its peak (VmHWM), as Linux tells it."""
    (line,) = [x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(field)]
    return int(line.split()[1]) / 1024
