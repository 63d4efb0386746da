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


def test_the_call_of_blackbox_deep_graph_matching():
    """Its network hands over lists: the costs of every pair of images in their own size, and edges as columns."""
    generator = torch.Generator().manual_seed(0)
    parts = [instance(0, 3, 4), instance(1, 4, 3), instance(2, 2, 5)]
    unary_costs = [torch.tensor(p[0], dtype=torch.float32, requires_grad=True) for p in parts]
    quadratic_costs = [torch.tensor(p[1], dtype=torch.float32, requires_grad=True) for p in parts]
    edge_index = [[torch.tensor(p[side]).T.contiguous() for p in parts] for side in (2, 3)]
    ns_src, ns_tgt = (torch.tensor([p[0].shape[side] for p in parts]) for side in (0, 1))
    lambda_val = 80.0
    with pytest.warns(UserWarning, match="steer LPMP's own algorithm"):
        gm_solver_of_the_batch = GraphMatchingModule(
            *edge_index,
            ns_src,
            ns_tgt,
            lambda_val,
            {"timeout": 1000, "primalComputationInterval": 10, "maxIter": 100},
        )
    matching = gm_solver_of_the_batch(unary_costs, quadratic_costs)
    assert matching.shape == (3, 4, 5) and matching.dtype == torch.float32

    truth = torch.rand(matching.shape, generator=generator).round()
    loss = torch.mean(matching * (1.0 - truth) + (1.0 - matching) * truth)
    loss.backward()
    weight = ((1 - 2 * truth) / truth.numel()).numpy()
    for k, (c, q, left, right) in enumerate(parts):
        rows, columns = c.shape
        c, q = c.astype(np.float32), q.astype(np.float32)
        paid, quadratic_paid = cheapest_of_any(c, q, left, right)
        np.testing.assert_array_equal(matching[k, :rows, :columns].detach(), paid)
        assert matching[k].sum() == min(rows, columns)
        moved, quadratic_moved = cheapest_of_any(
            c + lambda_val * weight[k, :rows, :columns], q, left, right
        )
        np.testing.assert_allclose(unary_costs[k].grad, -(paid - moved) / lambda_val, atol=1e-6)
        np.testing.assert_allclose(
            quadratic_costs[k].grad, -(quadratic_paid - quadratic_moved) / lambda_val, atol=1e-6
        )


def cheapest_of_any(costs, quadratic_costs, edges_left, edges_right):
    """`cheapest`, whichever side is the smaller."""
    if costs.shape[0] <= costs.shape[1]:
        return cheapest(costs, quadratic_costs, edges_left, edges_right)
    paid, quadratic_paid = cheapest(costs.T, quadratic_costs.T, edges_right, edges_left)
    return paid.T, quadratic_paid.T


@pytest.mark.parametrize(("padding", "refused"), [(4e-6, False), (6e-6, True), (np.nan, True)])
def test_padding_below_a_hundred_thousandth_is_tolerated(padding, refused):
    c, q, left, right = instance(0, 3, 4)
    costs = torch.zeros(1, 4, 5, dtype=torch.float64)
    costs[0, :3, :4] = torch.tensor(c)
    costs[0, 3, 0], costs[0, 0, 4] = padding, -padding  # magnitudes are added up
    module = GraphMatchingModule([torch.tensor(left).T], [torch.tensor(right).T], [3], [4], 1.0, {})
    if refused:
        with pytest.raises(ValueError, match=r"costs of problem 0 are not zero beyond \(3, 4\)"):
            module(costs, torch.tensor(q)[None])
        return
    matching = module(costs, torch.tensor(q)[None])
    np.testing.assert_array_equal(matching[0, :3, :4], cheapest(c, q, left, right)[0])
    assert matching.shape == costs.shape and matching.sum() == 3


def test_no_problems_give_no_matchings():
    module = GraphMatchingModule([], [], [], [], 80.0, {})
    costs, quadratic = torch.zeros(0, 4, 5, requires_grad=True), torch.zeros(0, 6, 7)
    matching = module(costs, quadratic)
    assert matching.shape == (0, 4, 5)
    matching.sum().backward()
    assert costs.grad.shape == (0, 4, 5)
    assert module([], []).shape == (0, 0, 0)


def test_batches_that_are_no_costs_are_refused():
    c, q, left, right = instance(0, 3, 3)
    module = GraphMatchingModule([torch.tensor(left).T], [torch.tensor(right).T], [3], [3], 1.0, {})
    costs, quadratic = torch.tensor(c)[None], torch.tensor(q)[None]
    with pytest.raises(ValueError, match="costs of 2 problems for the graphs of 1"):
        module(costs.expand(2, -1, -1), quadratic)
    with pytest.raises(ValueError, match=r"costs\[0\] is a tensor of torch.int64"):
        module([costs[0].long()], list(quadratic))
    with pytest.raises(ValueError, match=r"quadratic_costs is a tensor of torch.int64"):
        module(costs, quadratic.long())


@pytest.mark.parametrize(
    ("dtype", "drawn"),
    [
        (np.uint8, [0, 1, 255]),
        (np.uint64, [0, 1, 10**12]),
        (np.int8, [-128, 0, 127]),
        (bool, [False, True]),
    ],
)
def test_costs_of_types_without_their_negatives(dtype, drawn):
    """-x of unsigned integers is 256 - x or alike, -x of the lowest signed one is itself."""
    for seed in range(3):
        _, _, left, right = instance(seed, 4, 4)
        rng = np.random.default_rng(seed)
        costs = rng.choice(drawn, (4, 4)).astype(dtype)
        quadratic = rng.choice(drawn, (len(left), len(right))).astype(dtype)
        paid, quadratic_paid = gm_solver(costs, quadratic, left, right, {})
        assert paid.dtype == quadratic_paid.dtype == dtype
        exact, quadratic_exact = costs.astype(np.int64), quadratic.astype(np.int64)
        best = cheapest(exact, quadratic_exact, left, right)
        assert (paid.astype(int) * exact).sum() + (
            quadratic_paid.astype(int) * quadratic_exact
        ).sum() == (best[0] * exact).sum() + (best[1] * quadratic_exact).sum()


@pytest.mark.parametrize("large", [np.inf, 1e9, np.finfo(np.float32).max, np.finfo(np.float64).max])
def test_large_costs_forbid_pairs(large):
    c, q, left, right = instance(0, 4, 4)
    allowed, _ = cheapest(c, q, left, right)
    c[allowed == 1] = large
    expected, _ = cheapest(np.minimum(c, 1e6), q, left, right)
    np.testing.assert_array_equal(gm_solver(c, q, left, right, {})[0], expected)


def test_errors_name_the_costs_as_the_caller_gave_them():
    c, q, left, right = instance(0, 3, 3)
    c[1, 2] = -np.inf
    with pytest.raises(ValueError, match=r"^costs\[1, 2\] is -inf: .*or inf to forbid a pair"):
        gm_solver(c, q, left, right, {})
    q[2, 0] = np.inf
    with pytest.raises(
        ValueError, match=r"^quadratic_costs\[2, 0\] is inf: numbers must be finite"
    ):
        gm_solver(np.full((3, 3), 1e12), q, left, right, {})
    with pytest.raises(ValueError, match=r"^costs is a masked array"):
        gm_solver(np.ma.masked_less(np.ones((3, 3)), 0), q, left, right, {})
    with pytest.raises(ValueError, match=r"^edges_left\[0\] is \[0, 9\]"):
        gm_solver(np.zeros((3, 3)), np.zeros((1, len(right))), [[0, 9]], right, {})


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
        ValueError, match=r"costs of problem 0 have shape \(3, 3\), must be at least \(4, 3\)"
    ):
        module(torch.tensor(c)[None], torch.tensor(q)[None])
