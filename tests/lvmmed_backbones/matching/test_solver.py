"""The solver against enumeration, scipy, proven optima and itself."""

from __future__ import annotations

import itertools
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment, quadratic_assignment
from scipy.stats import gumbel_r, kstest

from benchmarks.studies.matching import instances
from lvmmed_backbones.matching import (
    PRESETS,
    Budget,
    Problem,
    gumbel_noise,
    matched_edges,
    solve,
    solve_batch,
)

SEARCH_ONLY = Budget(starts=2, moves=2_000, exact=0)


def random_edges(rng: np.random.Generator, vertices: int, density: float) -> np.ndarray:
    return np.argwhere((rng.random((vertices, vertices)) < density) & ~np.eye(vertices, dtype=bool))


def random_problem(
    seed: int, sources: int, targets: int, density: float = 0.5, forbidden: float = 0.0
) -> Problem:
    rng = np.random.default_rng(seed)
    source, target = random_edges(rng, sources, density), random_edges(rng, targets, density)
    vertex = rng.normal(size=(sources, targets))
    vertex[rng.random(vertex.shape) < forbidden] = -np.inf
    # A matching stays possible.
    vertex[np.arange(min(vertex.shape)), np.arange(min(vertex.shape))] = 0.1
    return Problem(vertex, source, target, rng.normal(size=(len(source), len(target))))


def value(problem: Problem, target: np.ndarray) -> float:
    """The objective by its definition: loops over vertices and pairs of edges, nothing shared with the solver."""
    total = sum(float(problem.vertex[i, a]) for i, a in enumerate(target) if a >= 0)
    for e, (i, j) in enumerate(problem.source_edges):
        for f, (a, b) in enumerate(problem.target_edges):
            if target[i] == a and target[j] == b:
                total += float(problem.edge[e, f])
    return total


def enumerated(problem: Problem) -> float:
    """The best objective over all matchings of the smaller graph."""
    sources, targets = problem.vertex.shape
    best = -np.inf
    for places in itertools.permutations(range(max(sources, targets)), sources):
        target = np.array([a if a < targets else -1 for a in places])
        best = max(best, value(problem, target))
    return best


def assert_matching(problem: Problem, target: np.ndarray) -> None:
    sources, targets = problem.vertex.shape
    assert target.shape == (sources,) and target.dtype == np.int32
    matched = target[target >= 0]
    assert len(matched) == min(sources, targets) == len(set(matched.tolist()))
    assert matched.max() < targets
    assert np.isfinite(problem.vertex[target >= 0, matched]).all()


@pytest.mark.parametrize("budget", [*PRESETS, SEARCH_ONLY], ids=[*PRESETS, "search only"])
@pytest.mark.parametrize(
    ("sources", "targets", "forbidden"),
    [
        (1, 1, 0),
        (2, 2, 0),
        (4, 4, 0),
        (6, 6, 0),
        (6, 6, 0.4),
        (3, 6, 0),
        (6, 3, 0.2),
        (1, 5, 0),
        (5, 1, 0),
    ],
)
def test_finds_the_best_of_all_matchings(sources, targets, forbidden, budget):
    for seed in range(3):
        problem = random_problem(seed, sources, targets, forbidden=forbidden)
        matching = solve(problem, budget)
        assert_matching(problem, matching.target)
        assert matching.objective == pytest.approx(enumerated(problem), rel=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_nine_vertices_are_solved_exactly(seed):
    problem = random_problem(seed, 9, 9)
    exact = solve(problem, Budget(exact=9))
    searched = solve_batch(
        [problem] * 20, Budget(starts=10, moves=10_000, exact=0), seeds=range(20)
    )
    assert exact.objective >= max(m.objective for m in searched) - 1e-4


def test_eight_vertices_against_enumeration_with_scipys_evaluation():
    rng = np.random.default_rng(3)
    flow, distance = rng.random((2, 8, 8))
    everything = np.argwhere(~np.eye(8, dtype=bool))
    problem = Problem(
        -np.outer(np.diag(flow), np.diag(distance)),
        everything,
        everything,
        -np.outer(flow[tuple(everything.T)], distance[tuple(everything.T)]),
    )
    permutations = np.array(list(itertools.permutations(range(8))))
    costs = np.einsum(
        "ij,nij->n", flow, distance[permutations[:, :, None], permutations[:, None, :]]
    )
    matching = solve(problem)
    assert -matching.objective == pytest.approx(costs.min(), rel=1e-5)
    faq = quadratic_assignment(flow, distance, options={"rng": 0})
    assert -matching.objective <= faq.fun + 1e-6


@pytest.mark.parametrize("shape", [(1, 1), (40, 40), (30, 50), (50, 30), (257, 257)])
def test_without_edges_it_is_linear_assignment(shape):
    vertex = np.random.default_rng(0).normal(size=shape)
    matching = solve(Problem(vertex))
    rows, columns = linear_sum_assignment(vertex, maximize=True)
    assert matching.objective == pytest.approx(vertex[rows, columns].sum(), rel=1e-5)
    assert_matching(Problem(vertex), matching.target)


def test_forbidden_pairs_in_linear_assignment():
    rng = np.random.default_rng(0)
    for _ in range(50):
        vertex = rng.normal(size=(30, 30))
        forbidden = rng.random((30, 30)) < 0.85
        vertex[forbidden] = -np.inf
        vertex[np.arange(30), rng.permutation(30)] = -5.0  # possible, though never attractive
        matching = solve(Problem(vertex))
        rows, columns = linear_sum_assignment(
            np.where(np.isinf(vertex), -1e6, vertex), maximize=True
        )
        assert matching.objective == pytest.approx(vertex[rows, columns].sum(), rel=1e-5)


@pytest.mark.parametrize(
    "name", ["chr12a", "esc16a", "had12", "nug12", "nug20", "rou12", "scr20", "tai12a"]
)
def test_proven_optima_of_qaplib(name):
    problem = instances.qaplib(name)
    matchings = solve_batch(
        [problem] * 4, Budget(starts=12, steps=80, moves=14_000, moves_per_vertex=80), range(4)
    )
    assert max(m.objective for m in matchings) == -instances.optima()["qaplib"][name]


def test_proven_optimum_of_opengm1():
    matching = solve(instances.opengm1(), "best")
    assert matching.objective == pytest.approx(-instances.optima()["dd"]["opengm1"], abs=0.005)


@pytest.mark.parametrize("level", instances.LEVELS)
@pytest.mark.parametrize(("preset", "least"), [("fast", 0.90), ("default", 0.96), ("best", 0.985)])
def test_pretraining_problems_come_close_to_the_best_known(preset, least, level):
    for seed in range(3):
        matching = solve(instances.pretraining(64, 5, level, seed).problem(), preset)
        assert matching.objective >= least * instances.best_known()[64, 5, level, seed]


def test_objective_is_recomputed_in_float64():
    instance = instances.pretraining(64, level="very hard")
    problem = instance.problem()
    matching = solve(problem)
    source, target = matched_edges(problem, matching.target)
    expected = problem.vertex[np.arange(64), matching.target].sum(dtype=np.float64)
    expected += problem.edge[source, target].sum(dtype=np.float64)
    assert matching.objective == pytest.approx(expected, rel=1e-12)


def test_matched_edges_by_definition():
    for seed in range(20):
        problem = random_problem(seed, 7, 5)
        target = solve(problem).target
        expected = [
            (e, f)
            for e, (i, j) in enumerate(problem.source_edges)
            for f, (a, b) in enumerate(problem.target_edges)
            if target[i] == a and target[j] == b
        ]
        assert (
            list(zip(*map(np.ndarray.tolist, matched_edges(problem, target)), strict=True))
            == expected
        )


def test_opposite_edges_both_count():
    problem = Problem(
        np.zeros((2, 2)), [[0, 1], [1, 0]], [[0, 1], [1, 0]], [[1.0, 0.0], [0.0, 2.0]]
    )
    matching = solve(problem)
    assert matching.target.tolist() == [0, 1] and matching.objective == 3.0


def test_features_are_the_factors_of_edge_affinities():
    for n in (8, 64):
        instance = instances.pretraining(n)
        dense, features = solve(instance.problem()), solve(instance.problem_by_features())
        assert features.objective == pytest.approx(dense.objective, rel=0.02)
        assert features.objective == pytest.approx(
            value(instance.problem(), features.target), rel=1e-5
        )


def test_features_on_demand_agree_with_the_table_when_too_many_to_store():
    """2,100 edges on both sides are more pairs than are ever stored: affinities and noise are computed one by one."""
    rng = np.random.default_rng(0)
    edges = instances.nearest_neighbours(rng.normal(size=(300, 8)), 7)
    features = rng.normal(size=(len(edges), 4))
    vertex = rng.normal(size=(300, 300))
    noise = dict(vertex_noise=0.2, edge_noise=0.2, noise_seed=5)
    by_features = Problem(
        vertex, edges, edges, source_features=features, target_features=features, **noise
    )
    dense = Problem(vertex, edges, edges, features @ features.T, **noise)
    matchings = [solve(problem, "fast") for problem in (by_features, dense)]
    table = features @ features.T
    for matching in matchings:
        source, target = matched_edges(dense, matching.target)
        exact = vertex[np.arange(300), matching.target].sum() + table[source, target].sum()
        exact += 0.2 * gumbel_noise((300, 300), 5)[np.arange(300), matching.target].sum()
        # What is left is the noise of the matched edges: Gumbel(0, 0.2), each with mean 0.115 at least (it is chosen).
        per_edge = (matching.objective - exact) / len(source)
        assert 0.05 < per_edge < 0.8
    assert matchings[0].objective == pytest.approx(matchings[1].objective, rel=0.03)


def test_noise_is_gumbel_and_depends_on_its_seed_alone():
    noise = gumbel_noise((500, 401), 7)
    assert kstest(noise.ravel(), gumbel_r.cdf).pvalue > 1e-3
    assert np.array_equal(noise[:10, :33], gumbel_noise((10, 33), 7))
    other = gumbel_noise((500, 401), 8)
    for a, b in ((noise, other), (noise[:-1], noise[1:]), (noise[:, :-1], noise[:, 1:])):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.01


def test_noise_is_added_to_the_affinities():
    problem = random_problem(0, 12, 12)
    noisy = problem.with_noise(0.7, 0.0, 3)
    explicit = problem.with_affinities(
        problem.vertex + np.float32(0.7) * gumbel_noise((12, 12), 3), problem.edge
    )
    a, b = solve(noisy), solve(explicit)
    assert np.array_equal(a.target, b.target)
    assert a.objective == pytest.approx(b.objective, rel=1e-6)
    assert (
        solve(problem.with_noise(0, 1.0, 3)).objective
        != solve(problem.with_noise(0, 1.0, 4)).objective
    )


def test_same_seed_same_matching_on_any_number_of_threads():
    problems = [random_problem(k, 5 + 3 * k % 40, 5 + 7 * k % 40) for k in range(24)]
    seeds = list(range(24))
    reference = solve_batch(problems, "default", seeds, threads=1)
    for threads in (1, 2, 8):
        for a, b in zip(reference, solve_batch(problems, "default", seeds, threads), strict=True):
            assert np.array_equal(a.target, b.target) and a.objective == b.objective


def test_other_seeds_search_elsewhere():
    problem = instances.pretraining(64, level="very hard").problem()
    found = {tuple(solve(problem, "default", seed).target) for seed in range(6)}
    assert len(found) > 1


def test_python_runs_on_while_a_batch_is_solved():
    problem = instances.pretraining(128).problem()
    solving = threading.Thread(
        target=solve_batch, args=([problem] * 8, "best"), kwargs=dict(threads=1)
    )
    solving.start()
    turns = 0
    while solving.is_alive():
        time.sleep(0.001)
        turns += 1
    assert turns > 5  # one, if the solver held Python's lock to its end


@given(
    st.integers(1, 12),
    st.integers(1, 12),
    st.floats(0, 1),
    st.floats(0, 0.9),
    st.integers(0, 2**32),
    st.booleans(),
)
@settings(deadline=None, max_examples=300)
def test_always_a_matching_and_its_own_objective(
    sources, targets, density, forbidden, seed, search
):
    problem = random_problem(seed, sources, targets, density, forbidden)
    matching = solve(problem, SEARCH_ONLY if search else "fast", seed)
    assert_matching(problem, matching.target)
    assert matching.objective == pytest.approx(value(problem, matching.target), rel=1e-5, abs=1e-5)


@given(st.integers(2, 40), st.sampled_from([0.0, 1.0, -3.5]), st.integers(0, 2**32))
@settings(deadline=None, max_examples=50)
def test_ties_everywhere_are_settled_the_same_way(n, constant, seed):
    rng = np.random.default_rng(seed)
    source, target = random_edges(rng, n, 0.2), random_edges(rng, n, 0.2)
    problem = Problem(
        np.full((n, n), constant), source, target, np.zeros((len(source), len(target)))
    )
    a, b = solve(problem, SEARCH_ONLY), solve(problem, SEARCH_ONLY)
    assert_matching(problem, a.target)
    assert np.array_equal(a.target, b.target) and a.objective == pytest.approx(constant * n)


@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1e4, 1e9])
def test_scale_does_not_matter(scale):
    problem = instances.pretraining(32, level="hard").problem()
    scaled = problem.with_affinities(
        problem.vertex * np.float32(scale), problem.edge * np.float32(scale)
    )
    plain = solve(problem).objective
    assert solve(scaled).objective / scale == pytest.approx(plain, rel=0.02)
