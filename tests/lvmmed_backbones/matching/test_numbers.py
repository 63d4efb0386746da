"""Affinities of every type, with any common part, and with large numbers in place of -inf, against enumeration."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.studies.matching import instances
from lvmmed_backbones.matching import Budget, Problem, matched_edges, solve

SEARCH_ONLY = Budget(starts=2, moves=2_000, exact=0)
BUDGETS = pytest.mark.parametrize("budget", [Budget(), SEARCH_ONLY], ids=["exact", "search only"])


def matchings(sources: int, targets: int) -> np.ndarray:
    """All matchings of the smaller graph, (M, N_s), -1 where a source is left out."""
    places = np.array(list(itertools.permutations(range(max(sources, targets)), sources)))
    return np.unique(np.where(places < targets, places, -1), axis=0)


def values(vertex, source, target, edge, every: np.ndarray) -> np.ndarray:
    """The objective of each matching (M, N_s) by its definition, in the type of the affinities."""
    total = np.zeros(len(every), dtype=vertex.dtype)
    for i in range(vertex.shape[0]):
        total += np.where(every[:, i] >= 0, vertex[i, every[:, i]], 0)
    lookup = np.full(2 * [vertex.shape[1] + 1], -1)  # the last row and column: of -1
    lookup[target[:, 0], target[:, 1]] = np.arange(len(target))
    for e, (i, j) in enumerate(source):
        f = lookup[every[:, i], every[:, j]]
        if len(target):
            total += np.where(f >= 0, edge[e, f], 0)
    return total


def pairs(rng: np.random.Generator, n: int, density: float) -> np.ndarray:
    return np.argwhere((rng.random((n, n)) < density) & ~np.eye(n, dtype=bool))


def integers(seed: int, sources: int, targets: int, density: float = 0.6):
    """Vertex affinities, edges of both graphs and edge affinities: integers, so that no sum of them is rounded."""
    rng = np.random.default_rng(seed)
    source, target = pairs(rng, sources, density), pairs(rng, targets, density)
    vertex = rng.integers(-8, 9, (sources, targets))
    return vertex, source, target, rng.integers(-8, 9, (len(source), len(target)))


def assert_best(vertex, source, target, edge, given, budget=None) -> None:
    """`given`, the affinities as a caller holds them, are solved as well as enumeration of these integers does."""
    every = matchings(*vertex.shape)
    everything = values(vertex, source, target, edge, every)
    matching = solve(Problem(given[0], source, target, given[1]), budget or Budget())
    mine = everything[(every == matching.target).all(axis=1)]
    assert mine.tolist() == [everything.max()]
    assert matching.objective == pytest.approx(float(everything.max()), rel=1e-15)


TYPES = {
    name: (lambda x, dtype=name: x.astype(dtype))
    for name in ("float16", "float32", "float64", "longdouble", "int8", "int16", "int64", ">f4")
} | {
    "unsigned": lambda x: (x + 8).astype(np.uint8),
    "bool": lambda x: x > 0,
    "fractions": lambda x: np.array([[Fraction(int(y)) for y in row] for row in x], object).reshape(
        x.shape
    ),
    "list": lambda x: x.tolist(),
}


@BUDGETS
@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("shape", [(5, 5), (3, 5), (5, 4)])
def test_every_type(name, shape, budget):
    for seed in range(3):
        vertex, source, target, edge = integers(seed, *shape)
        given = TYPES[name](vertex), TYPES[name](edge)
        plain = [
            np.array(x, dtype=np.int64).reshape(y.shape)
            for x, y in zip(given, (vertex, edge), strict=True)
        ]
        assert_best(plain[0], source, target, plain[1], given, budget)


@given(
    st.integers(0, 2**32),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.sampled_from([np.float64, np.int64, np.longdouble]),
    st.sampled_from([0, 1, -3, 1000, 10**6, -(10**6) - 7, 10**9, 10**11]),
    st.sampled_from([None, 10**6, 10**9, 10**12]),
    st.floats(0, 0.95),
    st.booleans(),
)
@settings(deadline=None, max_examples=300)
def test_any_common_part_and_large_numbers(seed, shape, dtype, part, large, share, whole):
    """Large numbers stand for -inf at some pairs, or (`whole`) at all of some vertices, which cannot be avoided."""
    vertex, source, target, edge = integers(seed, *shape)
    rng = np.random.default_rng(seed)
    forbidden = rng.random(shape) < share
    if whole:
        forbidden = (rng.random((shape[0], 1)) < share / 2) | (
            rng.random((1, shape[1])) < share / 2
        )
    vertex = vertex + part
    if large:
        vertex = np.where(forbidden, -large + rng.integers(0, 8, shape), vertex)
    vertex = vertex.clip(-(10**12), 10**12)
    assert_best(vertex, source, target, edge, (vertex.astype(dtype), edge.astype(dtype)))


@pytest.mark.parametrize("part", [0, 10**6, -(10**9)])
@pytest.mark.parametrize("shape", [(5, 5), (3, 6), (6, 4)])
@pytest.mark.parametrize("where", ["pairs", "vertices", "one of a row", "forced"])
def test_large_numbers_and_the_search(where, shape, part):
    """As above for the search, which larger problems take."""
    for seed in range(4):
        vertex, source, target, edge = integers(seed, *shape)
        rng = np.random.default_rng(seed)
        vertex = vertex + part
        if where == "pairs":
            vertex[rng.random(shape) < 0.3] = part - 10**9
        elif where == "vertices":
            vertex[rng.random(shape[0]) < 0.4] -= 10**9
            vertex[:, rng.random(shape[1]) < 0.4] -= 10**8
        elif where == "one of a row":  # two rows have one place that is allowed, and the same
            vertex[:2, 1:] = part - 10**9 + rng.integers(0, 8, (2, shape[1] - 1))
        else:
            vertex[tuple(rng.integers(0, 3, 2))] += 10**9
        assert_best(vertex, source, target, edge, (vertex.astype(np.float64), edge), SEARCH_ONLY)


def dyadic(level: str, n: int = 64, seed: int = 0) -> instances.Instance:
    """A pretraining problem whose affinities are multiples of 2^-10: float64 adds a common part without rounding."""
    instance = instances.pretraining(n, level=level, seed=seed)
    for name in ("vertex", "edge"):
        object.__setattr__(instance, name, np.round(getattr(instance, name) * 1024) / 1024)
    return instance


LARGE = {
    "-1e5": -1e5,
    "-1e9": -1e9,
    "-1e12": -1e12,
    "of float32": float(np.finfo(np.float32).min),
    "of float64": np.finfo(np.float64).min,
    "of bfloat16": -3.3895313892515355e38,
    "many": -(10.0 ** np.arange(5, 12)),
    "a range": -np.linspace(1e5, 1e6, 101),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("large", LARGE)
def test_large_numbers_find_the_same_as_minus_infinity(large, dtype):
    for level in ("medium", "very hard"):
        x = dyadic(level)
        rng = np.random.default_rng(1)
        forbidden = rng.random(x.vertex.shape) < 0.5
        forbidden[np.arange(64), x.truth] = False
        stand_in = rng.choice(np.atleast_1d(LARGE[large]), x.vertex.shape)
        with np.errstate(over="ignore"):  # the lowest of float64 is -inf in float32
            marked = np.where(forbidden, stand_in, x.vertex).astype(dtype)
        expected = solve(
            Problem(np.where(forbidden, -np.inf, x.vertex), x.source_edges, x.target_edges, x.edge)
        )
        matching = solve(Problem(marked, x.source_edges, x.target_edges, x.edge))
        assert np.array_equal(matching.target, expected.target)
        assert matching.objective == pytest.approx(expected.objective, rel=1e-6)


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("part", [1e3, -1e6, 1e9])
def test_a_common_part_changes_nothing(part, noise):
    for level in ("medium", "hard"):
        x = dyadic(level)
        plain = Problem(x.vertex, x.source_edges, x.target_edges, x.edge, vertex_noise=noise)
        moved = plain.with_affinities(vertex=x.vertex + part)
        a, b = solve(plain), solve(moved)
        assert np.array_equal(a.target, b.target)
        assert b.objective == pytest.approx(a.objective + 64 * part, rel=1e-15)


@pytest.mark.parametrize("part", [-1e6, 12_345.678, 3e11])
def test_a_common_part_that_rounds_finds_as_good_a_matching(part):
    for seed in range(3):
        x = instances.pretraining(64, level="hard", seed=seed)
        plain = solve(x.problem())
        moved = solve(Problem(x.vertex + part, x.source_edges, x.target_edges, x.edge)).target
        rows = np.arange(64)
        at = matched_edges(x.problem(), moved)
        assert x.vertex[rows, moved].sum() + x.edge[at].sum() > 0.99 * plain.objective


def test_parts_of_single_vertices_change_nothing():
    """What a row or a column has in common is earned by every matching of graphs of the same size."""
    x = instances.pretraining(64, level="hard")
    rng = np.random.default_rng(0)
    moved = x.vertex + rng.choice([0, 1e6, -1e7], (64, 1)) + rng.choice([0, 1e9], (1, 64))
    target = solve(Problem(moved, x.source_edges, x.target_edges, x.edge)).target
    at = matched_edges(x.problem(), target)
    found = x.vertex[np.arange(64), target].sum() + x.edge[at].sum()
    assert found > 0.99 * solve(x.problem()).objective


@BUDGETS
@pytest.mark.parametrize("shape", [(5, 5), (4, 6), (6, 4)])
@pytest.mark.parametrize("part", [1000, -(10**6), 10**9])
def test_a_part_of_the_edges_counts_once_for_each_that_is_carried(part, shape, budget):
    differ = 0
    for seed in range(4):
        vertex, source, target, edge = integers(seed, *shape)
        moved = edge + part
        if budget is not SEARCH_ONLY or abs(part) < 10**6:  # float32 of the search: see `Problem`
            assert_best(vertex, source, target, moved, (vertex, moved), budget)
        every = matchings(*shape)
        before, after = (values(vertex, source, target, e, every) for e in (edge, moved))
        differ += before.argmax() != after.argmax()
    assert differ  # or nothing was tested


@pytest.mark.parametrize("shape", [(5, 5), (4, 5), (5, 4)])
@pytest.mark.parametrize("part", [10**6, 10**9, -(10**11)])
def test_a_part_of_the_edges_comes_off_where_all_matchings_carry_as_many(part, shape):
    complete = [np.array(list(itertools.permutations(range(n), 2))) for n in shape]
    for seed in range(3):
        vertex, source, target, edge = integers(seed, *shape)
        rng = np.random.default_rng(seed)
        source, target = (source, complete[1]) if shape[0] <= shape[1] else (complete[0], target)
        edge = rng.integers(-8, 9, (len(source), len(target))) + part
        assert_best(vertex, source, target, edge, (vertex, edge.astype(np.float64)), SEARCH_ONLY)


@pytest.mark.parametrize("large", [-1e6, -1e9, -1e12])
def test_large_numbers_among_edge_affinities(large):
    for level, seed in itertools.product(("medium", "very hard"), range(2)):
        x = instances.pretraining(64, level=level, seed=seed)
        forbidden = np.random.default_rng(0).random(x.edge.shape) < 0.1
        scaled = [
            solve(Problem(x.vertex, x.source_edges, x.target_edges, np.where(forbidden, z, x.edge)))
            for z in (-10.0, large)
        ]
        carried = matched_edges(x.problem(), scaled[1].target)
        assert not forbidden[carried].any()
        assert scaled[1].objective > 0.95 * scaled[0].objective


@BUDGETS
def test_large_numbers_of_both_kinds_at_once(budget):
    """An edge that costs more than a pair, both far from the rest, is avoided at the cost of the pair."""
    for seed in range(20):
        vertex, source, target, edge = integers(seed, 5, 5)
        rng = np.random.default_rng(seed)
        vertex[rng.random(vertex.shape) < 0.5] = -(10**6)
        edge[rng.random(edge.shape) < 0.3] = -(10**9)
        if budget is not SEARCH_ONLY:
            assert_best(vertex, source, target, edge, (vertex, edge), budget)
            continue
        every = matchings(5, 5)
        everything = values(vertex, source, target, edge, every)
        found = solve(Problem(vertex, source, target, edge), budget).objective
        assert found >= everything.max() - 100  # as many large numbers as the best one


def test_edge_affinities_that_lie_far_apart_and_cannot_be_avoided():
    """A table with 0 for no flow and costs for the rest: the costs are far below 0, and no matching is without them."""
    by_features = instances.qaplib("nug12")
    edge = by_features.source_features @ by_features.target_features.T
    everything = np.argwhere(~np.eye(12, dtype=bool))
    table = np.zeros((len(everything), len(by_features.target_edges)))
    index = {tuple(pair): k for k, pair in enumerate(everything.tolist())}
    table[[index[tuple(pair)] for pair in by_features.source_edges.tolist()]] = edge
    vertex = 1e-4 * np.random.default_rng(0).random((12, 12))
    problem = Problem(vertex, everything, by_features.target_edges, table)
    best = max(solve(problem, "best", seed).objective for seed in range(4))
    assert best == pytest.approx(-instances.optima()["qaplib"]["nug12"], abs=2e-3)


def test_the_objective_is_that_of_the_callers_numbers():
    """Numbers that float32 would round, and their sum by math.fsum."""
    rng = np.random.default_rng(0)
    edges = pairs(rng, 12, 0.5)
    vertex, edge = 1e9 + rng.random((12, 12)), rng.random((len(edges), len(edges))) / 3
    problem = Problem(vertex, edges, edges, edge)
    matching = solve(problem)
    earned = [
        *vertex[np.arange(12), matching.target],
        *edge[matched_edges(problem, matching.target)],
    ]
    assert matching.objective == pytest.approx(math.fsum(earned), rel=1e-15)
    features = rng.random((2, len(edges), 3))
    problem = Problem(
        vertex, edges, edges, source_features=features[0], target_features=features[1]
    )
    matching = solve(problem)
    at = matched_edges(problem, matching.target)
    earned = [*vertex[np.arange(12), matching.target], *(features[0] @ features[1].T)[at]]
    assert matching.objective == pytest.approx(math.fsum(earned), rel=1e-15)


def test_numbers_are_kept_exactly():
    for dtype, kept in (("float16", "float32"), ("uint8", "float32"), ("float32", "float32"),
                        ("int32", "float64"), ("float64", "float64"), ("longdouble", "float64")):  # fmt: skip
        problem = Problem(np.ones((3, 3), dtype))
        assert problem.vertex.dtype == kept and (problem.vertex == 1).all()
    assert Problem(np.full((1, 1), 2**31 - 1)).vertex[0, 0] == 2**31 - 1
