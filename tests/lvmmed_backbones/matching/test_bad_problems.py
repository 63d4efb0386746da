"""What is no graph matching problem is refused with the argument's name, the value and the remedy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lvmmed_backbones.matching import Budget, Problem, gumbel_noise, solve, solve_batch

GOOD = dict(
    vertex=np.zeros((3, 3)),
    source_edges=np.array([[0, 1], [1, 2]]),
    target_edges=np.array([[0, 1]]),
    edge=np.zeros((2, 1)),
)
NAN, INF = float("nan"), float("inf")


def at(array, index, value):
    array = np.array(array, dtype=np.float64)
    array[index] = value
    return array


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vertex": at(np.zeros((3, 3)), (1, 2), NAN)}, r"vertex\[1, 2\] is nan"),
        ({"vertex": at(np.zeros((3, 3)), (2, 0), INF)}, r"vertex\[2, 0\] is inf.*-inf to forbid"),
        ({"vertex": at(np.zeros((3, 3)), (0, 0), 1e300)}, r"vertex\[0, 0\] is 1e\+300"),
        ({"vertex": at(np.zeros((3, 3)), (0, 0), -1e13)}, r"vertex\[0, 0\] is -1000"),
        ({"vertex": at(np.zeros((3, 3)), (0, 0), 2e12)}, r"vertex\[0, 0\] is 2000000000000.0"),
        (
            {"vertex": np.full((3, 3), 2**53 + 1)},
            r"vertex\[0, 0\] is 9007199254740993: numbers must be finite, of magnitude up to 1e12",
        ),
        (
            {"vertex": np.full((3, 3), 2**64 - 1, np.uint64)},
            "is 18446744073709551615: numbers must be finite",
        ),
        (
            {"vertex": [[10**20] * 3] * 3},
            r"vertex\[0, 0\] is 100000000000000000000: numbers must be finite",
        ),
        ({"vertex": [[10**400] * 3] * 3}, r"vertex\[0, 0\] is 10+: numbers must be finite"),
        ({"vertex": np.full((3, 3), 10, np.longdouble) ** 4000}, r"vertex\[0, 0\] is 1e\+4000"),
        ({"vertex": np.array([[None] * 3] * 3)}, "type object, must be a matrix of real numbers"),
        (
            {"vertex": np.array([["1"] * 3] * 3, object)},
            "type object, must be a matrix of real numbers",
        ),
        ({"vertex": np.zeros((3, 3), "m8[s]")}, "a matrix of real numbers"),
        ({"edge": at(np.zeros((2, 1)), (0, 0), np.finfo(np.float32).min)}, r"edge\[0, 0\] is -3.4"),
        ({"vertex": np.zeros((0, 3))}, "both graphs need a vertex"),
        ({"vertex": np.zeros((3, 0))}, "both graphs need a vertex"),
        ({"vertex": np.zeros(3)}, "a matrix of real numbers"),
        ({"vertex": np.zeros((3, 3), complex)}, "complex128, must be a matrix of real numbers"),
        ({"vertex": [["a"]]}, "a matrix of real numbers"),
        ({"edge": at(np.zeros((2, 1)), (1, 0), NAN)}, r"edge\[1, 0\] is nan"),
        ({"edge": at(np.zeros((2, 1)), (1, 0), -INF)}, r"edge\[1, 0\] is -inf"),
        ({"edge": np.zeros((1, 2))}, r"edge has shape \(1, 2\), must be \(2, 1\)"),
        ({"edge": None}, "give either edge, or source_features and target_features"),
        ({"source_features": np.zeros((2, 1))}, "give either edge, or"),
        ({"edge": None, "source_features": np.zeros((2, 1))}, "target_features is missing"),
        (
            {
                "edge": None,
                "source_features": np.zeros((2, 1)),
                "target_features": np.zeros((1, 2)),
            },
            "they must agree",
        ),
        (
            {
                "edge": None,
                "source_features": np.zeros((3, 1)),
                "target_features": np.zeros((1, 1)),
            },
            "source_features has 3 rows, must have one for each of 2 edges",
        ),
        (
            {
                "edge": None,
                "source_features": np.full((2, 1), 1e7),
                "target_features": np.full((1, 1), 1e7),
            },
            "exceed 1e12",
        ),
        ({"source_edges": [[0, 1], [1, 3]]}, r"source_edges\[1\] is \[1, 3\]: vertices are 0 to 2"),
        ({"source_edges": [[0, 1], [-1, 2]]}, r"source_edges\[1\] is \[-1, 2\]"),
        ({"source_edges": [[0, 1], [0, 1]]}, r"source_edges has the edge \[0, 1\] more than once"),
        ({"target_edges": [[2, 2]]}, r"target_edges\[0\] is \[2, 2\]: a loop"),
        ({"source_edges": [[0.0, 1.0], [1.0, 2.0]]}, "integers of shape"),
        ({"source_edges": [0, 1]}, "integers of shape"),
        ({"source_edges": [[0, 1, 2]]}, "integers of shape"),
        ({"vertex_noise": -1}, "vertex_noise is -1"),
        ({"edge_noise": NAN}, "edge_noise is nan"),
        ({"noise_seed": -1}, "noise_seed is -1"),
        ({"noise_seed": 1.5}, "noise_seed is 1.5"),
    ],
)
def test_bad_problems(changes, message):
    with pytest.raises(ValueError, match=message):
        Problem(**{**GOOD, **changes})


@pytest.mark.parametrize(
    "name",
    ["vertex", "source_edges", "target_edges", "edge", "source_features", "target_features"],
)
def test_masked_arrays_are_refused(name):
    arguments = dict(GOOD)
    if "features" in name:
        arguments |= dict(
            edge=None, source_features=np.zeros((2, 1)), target_features=np.zeros((1, 1))
        )
    hidden = np.ma.masked_equal(arguments[name], 1)
    for masked in (hidden, list(hidden)):
        with pytest.raises(
            ValueError, match=rf"{name} is a masked array: .*{name}.filled\(value\)"
        ):
            Problem(**{**arguments, name: masked})


def test_tensors_that_are_no_arrays_are_refused_with_the_remedy():
    for tensor in (torch.zeros(3, 3, dtype=torch.bfloat16), torch.zeros(3, 3, requires_grad=True)):
        with pytest.raises(ValueError, match=r"vertex cannot be read .*tensor.detach\(\).float"):
            Problem(tensor)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"budget": "quick"}, "no budget is called 'quick': use one of fast, default, best"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**64}, "seed is"),
    ],
)
def test_bad_calls(arguments, message):
    with pytest.raises(ValueError, match=message):
        solve(Problem(**GOOD), **arguments)


def test_bad_batches():
    with pytest.raises(ValueError, match="2 seeds for 1 problems"):
        solve_batch([Problem(**GOOD)], seeds=[0, 1])
    with pytest.raises(ValueError, match="threads is 0"):
        solve_batch([Problem(**GOOD)], threads=0)
    assert solve_batch([]) == []


@pytest.mark.parametrize(
    "knobs",
    [
        {"starts": 0},
        {"starts": 1.5},
        {"steps": 0},
        {"moves": -1},
        {"exact": 11},
        {"concavity": NAN},
        {"tenure": (2, 1)},
    ],
)
def test_bad_budgets(knobs):
    with pytest.raises(ValueError, match=f"Budget.{next(iter(knobs))} is"):
        Budget(**knobs)


@pytest.mark.parametrize(
    "vertex",
    [
        [[-INF]],
        [[-INF, -INF], [0.0, 0.0]],
        [[-INF, 0.0], [-INF, 0.0]],
        np.vstack([np.zeros((11, 12)), np.full((19, 12), -INF)]),  # 11 rows for 12 columns
    ],
)
@pytest.mark.parametrize("with_edges", [False, True])
def test_no_matching_avoids_the_forbidden_pairs(vertex, with_edges):
    edges = [[0, 1]] if with_edges and len(vertex) > 1 else []
    edge = np.ones((len(edges), len(edges)))
    good = Problem(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="every matching of problem 1 uses a forbidden pair"):
        solve_batch([good, Problem(vertex, edges, edges, edge)])


@pytest.mark.parametrize(
    "layout",
    [
        lambda x: x.astype(np.int64 if x.dtype.kind == "i" else np.float64),
        lambda x: x.astype(np.uint8 if x.dtype.kind == "i" else np.float16),
        np.asfortranarray,
        lambda x: np.repeat(x, 2, axis=0)[::2],
        lambda x: x[:, ::-1][:, ::-1],
        lambda x: x.astype(np.int64) if x.dtype.kind == "i" else x.astype(">f4"),
        lambda x: x.tolist(),
    ],
)
def test_any_layout_and_precision_is_taken(layout):
    rng = np.random.default_rng(0)
    vertex = rng.integers(-8, 8, (12, 12)).astype(np.float32)
    edges = np.argwhere(~np.eye(12, dtype=bool)).astype(np.int32)
    edge = rng.integers(-8, 8, (len(edges), len(edges))).astype(np.float32)
    plain = solve(Problem(vertex, edges, edges, edge))
    other = solve(Problem(layout(vertex), layout(edges), layout(edges), layout(edge)))
    assert np.array_equal(plain.target, other.target) and plain.objective == other.objective


anything = st.one_of(
    st.none(),
    st.integers(),
    st.text(max_size=3),
    hnp.arrays(
        st.sampled_from([np.float64, np.float32, np.int64, np.bool_, np.complex64]),
        hnp.array_shapes(min_dims=0, max_dims=3, max_side=4),
    ),
)
numbers = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=5),
    elements=st.floats(allow_subnormal=True),
)
edges = hnp.arrays(
    np.int64, st.tuples(st.integers(0, 4), st.integers(1, 3)), elements=st.integers(-1, 5)
)


@given(
    st.one_of(numbers, anything),
    st.one_of(edges, anything),
    st.one_of(edges, anything),
    st.one_of(numbers, anything),
    st.integers(0, 2**64 - 1),
)
@settings(deadline=None, max_examples=500)
def test_arbitrary_input_gives_a_matching_or_a_value_error(vertex, source, target, edge, seed):
    try:
        matching = solve(Problem(vertex, source, target, edge), seed=seed)
    except ValueError as error:
        assert str(error)
        return
    matched = matching.target[matching.target >= 0]
    assert len(set(matched.tolist())) == len(matched) == min(np.shape(vertex))
    assert np.isfinite(matching.objective)


def test_bad_noise():
    with pytest.raises(ValueError, match="seed is -1"):
        gumbel_noise((2, 2), -1)
    with pytest.raises(ValueError, match=r"shape is \(-1, 2\)"):
        gumbel_noise((-1, 2), 0)
