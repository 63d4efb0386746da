"""Code written for LPMP runs by changing one import: names, argument order, shapes, signs and gradients."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
import torch

from lvmmed_backbones.matching.lpmp import GraphMatchingModule, gm_solver


def instance(seed: int, left: int, right: int):
    rng = np.random.default_rng(seed)
    edges_left = np.array(list(itertools.permutations(range(left), 2)))
    edges_right = np.argwhere(np.triu(rng.random((right, right)) < 0.7, 1))
    costs = rng.normal(size=(left, right))
    quadratic_costs = rng.normal(size=(len(edges_left), len(edges_right)))
    return costs, quadratic_costs, edges_left, edges_right


def cheapest(costs, quadratic_costs, edges_left, edges_right):
    """Costs paid by the cheapest matching of the smaller left side, by enumeration."""
    best = (np.inf, None, None)
    for p in itertools.permutations(range(costs.shape[1]), costs.shape[0]):
        paid = np.zeros_like(costs)
        paid[np.arange(len(p)), p] = 1
        quadratic = np.array(
            [[float(p[i] == a and p[j] == b) for a, b in edges_right] for i, j in edges_left]
        ).reshape(quadratic_costs.shape)
        value = (paid * costs).sum() + (quadratic * quadratic_costs).sum()
        if value < best[0]:
            best = (value, paid, quadratic)
    return best[1:]


@pytest.mark.parametrize(("left", "right"), [(4, 4), (3, 5)])
@pytest.mark.parametrize("seed", range(3))
def test_gm_solver_minimises(seed, left, right):
    arguments = instance(seed, left, right)
    paid, quadratic_paid = gm_solver(*arguments, solver_params={})
    expected, quadratic_expected = cheapest(*arguments)
    assert paid.dtype == np.float64 and quadratic_paid.shape == arguments[1].shape
    np.testing.assert_array_equal(paid, expected)
    np.testing.assert_array_equal(quadratic_paid, quadratic_expected)


def test_module_takes_padded_batches_and_columns_of_edges():
    parts = [instance(0, 3, 4), instance(1, 4, 5)]
    costs = torch.zeros(2, 4, 5, dtype=torch.float64)
    quadratic = torch.zeros(2, 12, max(p[1].shape[1] for p in parts), dtype=torch.float64)
    for k, (c, q, _, _) in enumerate(parts):
        costs[k, : c.shape[0], : c.shape[1]] = torch.tensor(c)
        quadratic[k, : q.shape[0], : q.shape[1]] = torch.tensor(q)
    costs.requires_grad_()
    quadratic.requires_grad_()
    lambda_val = 2.0
    module = GraphMatchingModule(
        [torch.tensor(p[2]).T for p in parts],
        [torch.tensor(p[3]).T for p in parts],
        [3, 4],
        [4, 5],
        lambda_val,
        {},
    )
    matching = module(costs, quadratic)
    weight = torch.randn(
        matching.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    (matching * weight).sum().backward()
    for k, (c, q, left, right) in enumerate(parts):
        rows, columns = c.shape
        paid, quadratic_paid = cheapest(c, q, left, right)
        np.testing.assert_array_equal(matching[k, :rows, :columns].detach(), paid)
        assert not matching[k, rows:].any() and not matching[k, :, columns:].any()
        # Vlastelica et al. 2020, algorithm 1: -(y - y') / lambda with y' at costs + lambda * gradient.
        moved, quadratic_moved = cheapest(
            c + lambda_val * weight[k, :rows, :columns].numpy(), q, left, right
        )
        np.testing.assert_allclose(
            costs.grad[k, :rows, :columns], -(paid - moved) / lambda_val, atol=1e-6
        )
        np.testing.assert_allclose(
            quadratic.grad[k, : q.shape[0], : q.shape[1]],
            -(quadratic_paid - quadratic_moved) / lambda_val,
            atol=1e-6,
        )


def test_parameters_of_lpmps_algorithm_are_left_out_aloud():
    arguments = instance(0, 3, 3)
    with pytest.warns(UserWarning, match=r"\['maxIter', 'timeout'\] steer LPMP's own algorithm"):
        gm_solver(*arguments, solver_params={"timeout": 10, "maxIter": 3})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gm_solver(*arguments, solver_params={"budget": "best", "seed": 3})


def test_verbose_prints_the_size(capsys):
    gm_solver(*instance(0, 3, 3), {}, verbose=True)
    assert "3 x 3 vertices" in capsys.readouterr().out


def test_a_graph_without_edges():
    costs = np.array([[1.0, 0.0], [0.0, 1.0]])
    paid, quadratic_paid = gm_solver(costs, np.zeros((0, 1)), np.zeros((0, 2), int), [[0, 1]], {})
    assert paid.tolist() == [[0, 1], [1, 0]] and quadratic_paid.shape == (0, 1)


def test_padding_that_is_not_zero_is_refused():
    c, q, left, right = instance(0, 3, 3)
    module = GraphMatchingModule([torch.tensor(left).T], [torch.tensor(right).T], [2], [3], 1.0, {})
    with pytest.raises(ValueError, match=r"costs of problem 0 are not zero beyond \(2, 3\)"):
        module(torch.tensor(c)[None], torch.tensor(q)[None])
    module = GraphMatchingModule([torch.tensor(left).T], [torch.tensor(right).T], [4], [3], 1.0, {})
    with pytest.raises(
        ValueError, match=r"costs of problem 0 have shape \(3, 3\): at least \(4, 3\)"
    ):
        module(torch.tensor(c)[None], torch.tensor(q)[None])
