"""Speed of the graph matching solver. `python -m benchmarks.studies.matching` compares objectives and peers."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.studies.matching.instances import pretraining
from benchmarks.studies.matching.peers import PEERS
from lvmmed_backbones.matching import PRESETS, Problem, gumbel_noise, solve, solve_batch


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("level", ["medium", "very hard"])
@pytest.mark.parametrize("n", [16, 64, 256])
def test_presets(benchmark, n: int, level: str, preset: str) -> None:
    problem = pretraining(n, level=level).problem()
    benchmark.group = f"graph matching, {n} vertices"
    benchmark(solve, problem, preset)


@pytest.mark.parametrize("peer", PEERS)
def test_peers(benchmark, peer: str) -> None:
    benchmark.group = "graph matching, 64 vertices, peers with their models built"
    benchmark.pedantic(PEERS[peer], (pretraining(64).problem(),), rounds=3)


@pytest.mark.parametrize("k", [5, 8])
def test_exact_search(benchmark, k: int) -> None:
    benchmark.group = "graph matching, 9 vertices, exact"
    benchmark(solve, pretraining(9, k, "very hard").problem())


@pytest.mark.parametrize("preset", ["fast", "default"])
def test_many_vertices_by_features(benchmark, preset: str) -> None:
    problem = pretraining(1024, dense=False).problem_by_features()
    benchmark.group = "graph matching, 1024 vertices"
    benchmark.pedantic(solve, (problem, preset), rounds=3)


@pytest.mark.parametrize("threads", [1, 2])
def test_batches(benchmark, threads: int) -> None:
    problems = [pretraining(64, seed=seed).problem() for seed in range(32)]
    benchmark.group = "graph matching, 32 problems of 64 vertices"
    benchmark(solve_batch, problems, "default", threads=threads)


@pytest.mark.parametrize("n", [64, 256, 1024])
def test_linear_assignment(benchmark, n: int) -> None:
    problem = Problem(np.random.default_rng(0).normal(size=(n, n)))
    benchmark.group = f"linear assignment, {n} vertices"
    benchmark(solve, problem)


def test_gumbel_noise(benchmark) -> None:
    benchmark.group = "a million draws of noise"
    benchmark(gumbel_noise, (1000, 1000), 0)
