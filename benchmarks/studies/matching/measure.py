"""What is measured of the solver and its peers; every function returns a table."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
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
from benchmarks.studies.matching.peers import PEERS
from lvmmed_backbones.matching import PRESETS, Budget, Matching, Problem, solve, solve_batch

SEEDS = range(3)  # of the instances
SOLVER_SEEDS = range(5)
RESTARTS = replace(PRESETS["best"], starts=40)


def timed(problem: Problem, budget: str | Budget, seed: int = 0) -> tuple[Matching, float]:
    """A solution and the milliseconds of its solve, the faster of two: the first one warms the caches."""
    times = []
    for _ in range(2):
        start = time.perf_counter()
        matching = solve(problem, budget, seed)
        times.append(1000 * (time.perf_counter() - start))
    return matching, min(times)


def presets(sizes: Sequence[int] = (16, 64, 256)) -> pd.DataFrame:
    """Objective relative to the best known, median and least over instance and solver seeds; median milliseconds."""
    rows = []
    for n in sizes:
        for preset in PRESETS:
            for level in LEVELS:
                if (n, 5, level, 0) not in best_known():
                    continue
                relative, times = [], []
                for seed in SEEDS:
                    problem = pretraining(n, 5, level, seed).problem()
                    for solver_seed in SOLVER_SEEDS:
                        matching, milliseconds = timed(problem, preset, solver_seed)
                        relative.append(matching.objective / best_known()[n, 5, level, seed])
                        times.append(milliseconds)
                rows.append(
                    {
                        "N": n,
                        "preset": preset,
                        "level": level,
                        "median": np.median(relative),
                        "least": min(relative),
                        "ms": np.median(times),
                    }
                )
    return pd.DataFrame(rows)


def peers(n: int = 64, levels: Sequence[str] = ("medium", "hard", "very hard")) -> pd.DataFrame:
    """The same of the peers; those that draw nothing give one result for all solver seeds."""
    rows = []
    for name, peer in PEERS.items():
        for level in levels:
            relative, times = [], []
            for seed in SEEDS:
                problem = pretraining(n, 5, level, seed).problem()
                for solver_seed in SOLVER_SEEDS:
                    target, seconds = peer(problem, solver_seed)
                    relative.append(objective(problem, target) / best_known()[n, 5, level, seed])
                    times.append(1000 * seconds)
            rows.append(
                {
                    "solver": name,
                    "level": level,
                    "median": np.median(relative),
                    "least": min(relative),
                    "ms": np.median(times),
                }
            )
    return pd.DataFrame(rows)


def objective(problem: Problem, target: NDArray) -> float:
    """The objective of a permutation, computed apart from the solver."""
    assert problem.edge is not None and sorted(target) == list(range(len(target)))
    lookup = np.full(problem.vertex.shape, -1)
    lookup[problem.target_edges[:, 0], problem.target_edges[:, 1]] = np.arange(
        len(problem.target_edges)
    )
    matched = lookup[target[problem.source_edges[:, 0]], target[problem.source_edges[:, 1]]]
    edges = problem.edge[np.flatnonzero(matched >= 0), matched[matched >= 0]].sum(dtype=np.float64)
    return float(problem.vertex[np.arange(len(target)), target].sum(dtype=np.float64) + edges)


def proven() -> pd.DataFrame:
    """QAPLIB and opengm1: the best of `best` with 40 restarts and four seeds, against the proven optima."""
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
    """Milliseconds to solve problems of up to 9 vertices exactly, of complete graphs too."""
    rows = []
    for n, k in ((6, 5), (8, 5), (8, 7), (9, 5), (9, 8)):
        times = [
            timed(pretraining(n, k, "very hard", seed).problem(), "default")[1]
            for seed in range(10)
        ]
        rows.append({"N": n, "k": k, "median ms": np.median(times), "most ms": max(times)})
    return pd.DataFrame(rows)


def threads() -> pd.DataFrame:
    """Seconds for a batch of 32 problems on one thread and on two."""
    problems = [pretraining(64, 5, "medium", seed).problem() for seed in range(32)]
    seconds = {}
    for count in (1, 2):
        times = []
        for _ in range(5):
            start = time.perf_counter()
            solve_batch(problems, "default", threads=count)
            times.append(time.perf_counter() - start)
        seconds[count] = min(times)
    return pd.DataFrame(
        [
            {
                "1 thread, s": seconds[1],
                "2 threads, s": seconds[2],
                "times as fast": seconds[1] / seconds[2],
            }
        ]
    )


def growth(sizes: Sequence[int] = (16, 32, 64, 128, 256, 512, 1024), k: int = 5) -> pd.DataFrame:
    """Milliseconds and peak memory of solving by edge features, a process for each size."""
    rows = []
    for n in sizes:
        for preset in ("fast", "default"):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                rows.append(pool.apply(_grown, (n, k, preset)))
    return pd.DataFrame(rows)


def _grown(n: int, k: int, preset: str) -> dict[str, object]:
    problem = pretraining(n, k, "medium", 0, dense=False).problem_by_features()
    solve(pretraining(16).problem(), preset)
    Path("/proc/self/clear_refs").write_text("5")  # the peak of memory starts anew
    before = memory("VmRSS")
    matching, milliseconds = timed(problem, preset)
    return {
        "N": n,
        "k": k,
        "preset": preset,
        "ms": milliseconds,
        "MB of the solver": memory("VmHWM") - before,
        "objective": matching.objective,
    }


def memory(field: str) -> float:
    """This process's resident memory, now (VmRSS) or at its peak (VmHWM), in MB; Linux tells it."""
    (line,) = [x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(field)]
    return int(line.split()[1]) / 1024
