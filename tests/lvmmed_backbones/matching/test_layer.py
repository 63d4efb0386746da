"""Gradients through the solver: against exact expectations, and in training."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from benchmarks.studies.matching import instances
from lvmmed_backbones.matching import Budget, Problem, _core, solve
from lvmmed_backbones.matching import layer as module
from lvmmed_backbones.matching.layer import MatchingLayer
from lvmmed_backbones.matching.reduction import obvious_matching

EXACT = Budget(exact=9)


def problem(seed: int, n: int = 5, m: int = 5, batch: int | None = None):
    """Vertex and edge affinities and edges; two thirds of all directed pairs are edges."""
    generator = torch.Generator().manual_seed(seed)
    graphs = []
    for size in (n, m):
        pairs = torch.tensor(list(itertools.permutations(range(size), 2)))
        graphs.append(pairs[torch.randperm(len(pairs), generator=generator)[: 2 * len(pairs) // 3]])
    shape = () if batch is None else (batch,)
    vertex = torch.randn(*shape, n, m, generator=generator)
    edge = torch.randn(*shape, len(graphs[0]), len(graphs[1]), generator=generator)
    if batch is not None:
        graphs = [g.expand(batch, -1, -1) for g in graphs]
    return vertex, edge, *graphs


def indicators(n: int, source: torch.Tensor, target: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Of all n! permutations: vertex matching (n!, n n) and edge matching (n!, E_s E_t)."""
    vertices, edges = [], []
    lookup = {(int(a), int(b)): f for f, (a, b) in enumerate(target)}
    for p in itertools.permutations(range(n)):
        vertex = np.zeros((n, n))
        vertex[np.arange(n), p] = 1
        edge = np.zeros((len(source), len(target)))
        for e, (i, j) in enumerate(source.tolist()):
            if (p[i], p[j]) in lookup:
                edge[e, lookup[p[i], p[j]]] = 1
        vertices.append(vertex.ravel())
        edges.append(edge.ravel())
    return np.array(vertices), np.array(edges)


def cosine(a, b) -> float:
    a, b = np.ravel(np.asarray(a, dtype=float)), np.ravel(np.asarray(b, dtype=float))
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize("seed", range(3))
def test_blackbox_gradient_is_the_difference_of_enumerated_solutions(seed):
    vertex, edge, source, target = problem(seed)
    vertex.requires_grad_()
    edge.requires_grad_()
    weight = torch.randn(5, 5, generator=torch.Generator().manual_seed(seed + 10))
    lambda_ = 1.5
    (matching,), (edges,) = MatchingLayer(lambda_, budget=EXACT)(
        [vertex], [edge], [source], [target]
    )
    (matching * weight).sum().backward()

    vertices, pairs = indicators(5, source, target)

    def best(v, e):
        k = (vertices @ v.ravel() + pairs @ e.ravel()).argmax()
        return vertices[k].reshape(v.shape), pairs[k].reshape(e.shape)

    v, e = vertex.detach().numpy(), edge.detach().numpy()
    at, moved = best(v, e), best(v - lambda_ * weight.numpy(), e)
    assert np.array_equal(matching.detach(), at[0]) and np.array_equal(edges.detach(), at[1])
    np.testing.assert_allclose(vertex.grad, (at[0] - moved[0]) / lambda_, atol=1e-6)
    np.testing.assert_allclose(edge.grad, (at[1] - moved[1]) / lambda_, atol=1e-6)


def test_a_loss_on_edges_moves_edge_affinities():
    vertex, edge, source, target = problem(0)
    edge.requires_grad_()
    weight = torch.randn(edge.shape, generator=torch.Generator().manual_seed(1))
    _, (edges,) = MatchingLayer(5.0, budget=EXACT)([vertex], [edge], [source], [target])
    (edges * weight).sum().backward()
    vertices, pairs = indicators(5, source, target)
    v, e = vertex.numpy().ravel(), edge.detach().numpy().ravel()
    at = pairs[(vertices @ v + pairs @ e).argmax()]
    moved = pairs[(vertices @ v + pairs @ (e - 5 * weight.numpy().ravel())).argmax()]
    np.testing.assert_allclose(edge.grad.ravel(), (at - moved) / 5, atol=1e-6)
    assert edge.grad.abs().sum() > 0


@pytest.mark.parametrize("n", [4, 6])
def test_many_samples_point_along_the_exact_gradient_of_the_expected_loss(n):
    """The exact gradient by enumeration: for a loss w.v, d E[w.v(c + noise)] / dc = E[w.v (1 - exp(-noise))], the
    score function of Gumbel noise. The mean over 400,000 draws of numpy's stands for the expectation."""
    vertex, edge, source, target = problem(n, n, n)
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(n, n, generator=generator)
    vertices, pairs = indicators(n, source, target)
    rng = np.random.default_rng(0)
    score_v, score_e, count = 0.0, 0.0, 0
    base_v, base_e = vertex.numpy().ravel(), edge.numpy().ravel()
    for _ in range(100):
        noise_v = rng.gumbel(size=(4000, base_v.size))
        noise_e = rng.gumbel(size=(4000, base_e.size))
        chosen = ((base_v + noise_v) @ vertices.T + (base_e + noise_e) @ pairs.T).argmax(1)
        loss = vertices[chosen] @ weight.numpy().ravel()
        loss = loss - loss.mean()
        score_v += loss @ (1 - np.exp(-noise_v))
        score_e += loss @ (1 - np.exp(-noise_e))
        count += len(loss)

    vertex.requires_grad_()
    edge.requires_grad_()
    layer = MatchingLayer(1.0, samples=20_000, vertex_noise=1.0, edge_noise=1.0, budget=EXACT)
    (expected,), _ = layer([vertex], [edge], [source], [target], seed=0)
    (expected * weight).sum().backward()
    assert cosine(vertex.grad, score_v / count) > 0.9
    assert cosine(edge.grad, score_e / count) > 0.9


def test_expected_matching_of_many_samples():
    vertex, edge, source, target = problem(1, 4, 4)
    vertices, pairs = indicators(4, source, target)
    rng = np.random.default_rng(0)
    noise_v, noise_e = rng.gumbel(size=(50_000, 16)), rng.gumbel(size=(50_000, edge.numel()))
    values = (vertex.numpy().ravel() + noise_v) @ vertices.T + (
        edge.numpy().ravel() + noise_e
    ) @ pairs.T
    chosen = values.argmax(1)
    layer = MatchingLayer(samples=50_000, vertex_noise=1.0, edge_noise=1.0, budget=EXACT)
    (expected,), (edges,) = layer([vertex], [edge], [source], [target], seed=0)
    np.testing.assert_allclose(expected.ravel(), vertices[chosen].mean(0), atol=0.015)
    np.testing.assert_allclose(edges.ravel(), pairs[chosen].mean(0), atol=0.015)


def test_zero_gradient_gives_zero_gradient():
    """Both solves use the same noise, seed and procedure: where nothing is moved, nothing differs."""
    vertex, edge, source, target = problem(0, 30, 30)
    vertex.requires_grad_()
    layer = MatchingLayer(samples=4, vertex_noise=1.0, edge_noise=1.0, budget="default")
    (expected,), _ = layer([vertex], [edge], [source], [target], seed=0)
    (expected * 0).sum().backward()
    assert not vertex.grad.any()


def test_batch_and_list_agree_and_sizes_may_differ():
    vertex, edge, source, target = problem(0, 6, 7, batch=3)
    layer = MatchingLayer(samples=2, vertex_noise=0.5)
    batch, batch_edges = layer(vertex, edge, source, target, seed=5)
    parts, part_edges = layer(list(vertex), list(edge), list(source), list(target), seed=5)
    assert torch.equal(batch, torch.stack(parts)) and torch.equal(
        batch_edges, torch.stack(part_edges)
    )
    small, large = problem(1, 3, 3), problem(2, 8, 5)
    matchings, _ = layer(*map(list, zip(small, large, strict=True)))
    assert [m.shape for m in matchings] == [(3, 3), (8, 5)]
    torch.testing.assert_close(matchings[1].sum(0), torch.ones(5))


def test_seed_is_drawn_from_torchs_generator():
    arguments = problem(0, 12, 12, batch=2)
    layer = MatchingLayer(vertex_noise=1.0)
    torch.manual_seed(0)
    first, second = layer(*arguments)[0], layer(*arguments)[0]
    torch.manual_seed(0)
    assert torch.equal(first, layer(*arguments)[0]) and not torch.equal(first, second)


@pytest.mark.parametrize("part", [0.0, 1e9])
def test_affinities_move_in_float64(part):
    """A gradient is not lost beside a common part of the affinities, which float32 could not hold beside them."""
    vertex, edge, source, target = problem(3)
    vertex = (vertex.double() + part).requires_grad_()
    weight = torch.randn(5, 5, generator=torch.Generator().manual_seed(4))
    (matching,), _ = MatchingLayer(1.5, budget=EXACT)([vertex], [edge], [source], [target])
    (matching * weight).sum().backward()
    vertices, pairs = indicators(5, source, target)
    v, e = vertex.detach().numpy() - part, edge.numpy()
    at, moved = (
        vertices[(vertices @ x.ravel() + pairs @ e.ravel()).argmax()].reshape(5, 5)
        for x in (v, v - 1.5 * weight.numpy())
    )
    assert np.array_equal(matching.detach(), at) and (at != moved).any()
    np.testing.assert_allclose(vertex.grad, (at - moved) / 1.5, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_gives_what_its_numbers_give_in_float32(dtype):
    """No sum or product is formed in the caller's type: bfloat16 would round 80 times a gradient to 3 digits."""
    vertex, edge, source, target = problem(0, 20, 20, batch=2)
    weight = torch.randn(20, 20, generator=torch.Generator().manual_seed(1)).to(dtype)
    gradients = []
    for kind in (dtype, torch.float32):
        v, e = (x.to(dtype).to(kind).requires_grad_() for x in (vertex, edge))
        matching, _ = MatchingLayer()(v, e, source, target, seed=0)
        (matching * weight.to(kind)).sum().backward()
        gradients.append(v.grad.to(dtype))
    assert torch.equal(*gradients) and gradients[0].any()


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
@pytest.mark.parametrize("name", ["vertex", "edge"])
def test_integer_affinities_are_refused(name, dtype):
    arguments = dict(
        zip(("vertex", "edge", "source_edges", "target_edges"), problem(0, batch=2), strict=True)
    )
    arguments[name] = arguments[name].to(dtype)
    with pytest.raises(ValueError, match=rf"{name} is a tensor of {dtype}.*give {name}.float\(\)"):
        MatchingLayer().submit(**arguments)
    arguments = {key: list(x) for key, x in arguments.items()}
    with pytest.raises(ValueError, match=rf"{name}\[0\] is a tensor of {dtype}"):
        MatchingLayer()(**arguments)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 7), st.booleans(), st.integers(0, 99))
@settings(max_examples=100, deadline=None)
def test_shares_count_the_samples_that_match_a_pair(
    n: int, m: int, samples: int, alike: bool, seed: int
) -> None:
    """Unmatched sources and graphs without edges too; one row may stand for all samples."""
    rng = np.random.default_rng(seed)
    source, target = (
        np.argwhere((rng.random((size, size)) < 0.5) & ~np.eye(size, dtype=bool)).astype(np.int32)
        for size in (n, m)
    )
    rows = [rng.permutation(np.r_[np.arange(m), [-1] * n])[:n] for _ in range(samples)]
    if alike:
        rows = rows[:1]
    vertex, edge = _core.shares(np.array(rows, np.int32), samples, m, source, target)
    assert (vertex.shape, edge.shape) == ((n, m), (len(source), len(target)))
    for i, a in np.ndindex(n, m):
        assert vertex[i, a] == pytest.approx(np.mean([row[i] == a for row in rows]))
    for (e, (i, j)), (f, (a, b)) in itertools.product(enumerate(source), enumerate(target)):
        assert edge[e, f] == pytest.approx(np.mean([(row[i], row[j]) == (a, b) for row in rows]))


@pytest.mark.parametrize("samples", [1, 3])
def test_empty_batches_give_empty_outputs(samples):
    layer = MatchingLayer(samples=samples, vertex_noise=1.0)
    arguments = [x[:0].clone() for x in problem(0, 4, 5, batch=2)]
    vertex, edge = (x.requires_grad_() for x in arguments[:2])
    matching, edges = layer(*arguments)
    assert matching.shape == (0, 4, 5) and edges.shape == edge.shape
    assert matching.dtype == vertex.dtype
    (matching.sum() + edges.sum()).backward()
    assert vertex.grad.shape == vertex.shape and edge.grad.shape == edge.shape
    assert [len(x) for x in layer([], [], [], [])] == [0, 0]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_output_and_gradient_keep_the_type(dtype):
    vertex, edge, source, target = problem(0, batch=2)
    vertex, edge = vertex.to(dtype).requires_grad_(), edge.to(dtype).requires_grad_()
    matching, edges = MatchingLayer()(vertex, edge, source, target)
    (matching * torch.randn(matching.shape)).sum().backward()
    assert matching.dtype == edges.dtype == vertex.grad.dtype == edge.grad.dtype == dtype


def test_solving_goes_on_in_the_background():
    parts = [instances.pretraining(128, seed=s) for s in range(4)]
    arguments = [
        torch.tensor(np.stack([getattr(p, name) for p in parts]))
        for name in ("vertex", "edge", "source_edges", "target_edges")
    ]
    layer = MatchingLayer(budget="best", threads=1)
    pending = layer.submit(*arguments, seed=0)
    assert not pending.done()
    matching, _ = pending.result()
    assert torch.equal(matching, layer(*arguments, seed=0)[0])


def test_errors_of_the_background_reach_the_caller():
    vertex, edge, source, target = problem(0, batch=2)
    vertex[1, 2, 3] = float("nan")
    pending = MatchingLayer().submit(vertex, edge, source, target)
    with pytest.raises(ValueError, match=r"vertex\[2, 3\] is nan"):
        pending.result()


def test_a_gradient_that_is_not_finite_is_refused():
    vertex, edge, source, target = problem(0, batch=2)
    vertex.requires_grad_()
    matching, _ = MatchingLayer()(vertex, edge, source, target)
    with pytest.raises(ValueError, match=r"gradient .* vertex\[0, 0\] of problem 0 is nan"):
        (matching * float("nan")).sum().backward()


def test_an_infinite_gradient_forbids_no_pairs():
    vertex, edge, source, target = problem(0, batch=2)
    vertex.requires_grad_()
    matching, _ = MatchingLayer()(vertex, edge, source, target)
    weight = torch.zeros(2, 5, 5)
    weight[1, 2, 3] = float("inf")
    with pytest.raises(ValueError, match=r"gradient .* vertex\[2, 3\] of problem 1 is inf"):
        matching.backward(weight)


def test_affinities_changed_in_place_are_refused():
    vertex, edge, source, target = problem(0, batch=2)
    vertex.requires_grad_()
    scaled = vertex * 1
    matching, _ = MatchingLayer()(scaled, edge, source, target)
    with torch.no_grad():
        scaled += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        matching.sum().backward()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lambda_": 0}, "lambda_ is 0"),
        ({"samples": 0}, "samples is 0"),
        ({"budget": "x"}, "no budget"),
    ],
)
def test_bad_layers(arguments, message):
    with pytest.raises(ValueError, match=message):
        MatchingLayer(**arguments)


def test_bad_batches():
    vertex, edge, source, target = problem(0, batch=2)
    with pytest.raises(ValueError, match="2 / 1 / 2 / 2 vertex affinities"):
        MatchingLayer()(vertex, edge[:1], source, target)
    with pytest.raises(ValueError, match="both as tensors or both as lists"):
        MatchingLayer()(vertex, list(edge), source, target)


def test_layers_can_be_copied():
    layer = copy.deepcopy(MatchingLayer(lambda_=3.0))
    assert layer.lambda_ == 3.0 and "lambda_=3.0" in repr(layer)


class PlantedMatching(nn.Module):
    """Graphs whose vertices look alike in pairs; only the attributes of edges, hidden among noise, tell them apart.

    Learns which dimensions of vertices and edges to trust.
    """

    def __init__(self, layer: MatchingLayer, second_order: bool) -> None:
        super().__init__()
        self.vertex_weight = nn.Parameter(torch.full((8,), 0.3))
        self.edge_weight = nn.Parameter(torch.full((8,), 0.3))
        self.layer = layer
        self.second_order = second_order

    def forward(self, source, target, edges):
        """Expected matching (B, N, N) of features (B, N, 8) and edge attributes (B, E, 8)."""
        vertex = source[0] * self.vertex_weight @ target[0].transpose(1, 2)
        edge = source[1] * self.edge_weight @ target[1].transpose(1, 2)
        if not self.second_order:
            edge = edge * 0
        return self.layer(vertex, edge, edges[0], edges[1])[0]


def planted(generator: torch.Generator, batch: int = 16, n: int = 8):
    """Two dimensions of edges (0, 1) and of vertices carry signal, six of each are noise of twice its size."""

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    pairs = torch.tensor(
        [(i, j) for i in range(n) for j in range(n) if i != j and (i - j) % n <= 3]
    )
    kinds = normal(batch, n // 2, 2).repeat_interleave(
        2, dim=1
    )  # vertices 2i and 2i + 1 look alike
    signal = normal(batch, len(pairs), 2) * 1.5
    truth = torch.stack([torch.randperm(n, generator=generator) for _ in range(batch)])
    inverse = truth.argsort(1)

    def view(known, noise):
        return torch.cat(
            [known + 0.1 * normal(*known.shape), noise * normal(*known.shape[:-1], 6)], dim=-1
        )

    source = (view(kinds, 2.0), view(signal, 2.0))
    target_kinds = torch.stack([k[p] for k, p in zip(kinds, inverse, strict=True)])
    target = (view(target_kinds, 2.0), view(signal, 2.0))
    target_pairs = torch.stack([p[pairs] for p in truth])
    return source, target, (pairs.expand(batch, -1, -1), target_pairs), truth


def train(second_order: bool, steps: int = 60) -> float:
    """Accuracy of the matching after steps of implicit maximum likelihood estimation on the Hamming loss."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    noisy = MatchingLayer(lambda_=20.0, samples=4, vertex_noise=0.3, edge_noise=0.3)
    model = PlantedMatching(noisy, second_order)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(steps):
        source, target, edges, truth = planted(generator)
        matching = model(source, target, edges)
        wanted = nn.functional.one_hot(truth, 8).float()
        loss = (matching * (1 - wanted) + wanted * (1 - matching)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.layer = MatchingLayer()
    source, target, edges, truth = planted(generator, batch=64)
    with torch.no_grad():
        return (model(source, target, edges).argmax(-1) == truth).float().mean().item()


def test_a_network_learns_planted_matchings_that_linear_assignment_cannot():
    assert train(second_order=True, steps=0) < 0.8
    assert train(second_order=True) > 0.95
    assert train(second_order=False) < 0.6  # vertices that look alike cannot be told apart


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_cuda_tensors_give_the_same_as_cpu_tensors():
    vertex, edge, source, target = problem(0, 20, 20, batch=3)
    layer = MatchingLayer(samples=2, vertex_noise=1.0, edge_noise=1.0)
    results = []
    for device in ("cpu", "cuda"):
        v, e = (x.to(device).requires_grad_() for x in (vertex, edge))
        pending = layer.submit(v, e, source.to(device), target.to(device), seed=1)
        queued = torch.ones(64, 64, device=device) @ torch.ones(64, 64, device=device)
        matching, edges = pending.result()
        assert matching.device.type == device and queued[0, 0] == 64
        (matching * torch.arange(400.0, device=device).view(20, 20)).sum().backward()
        results.append([x.detach().cpu() for x in (matching, edges, v.grad, e.grad)])
    for on_cpu, on_gpu in zip(*results, strict=True):
        torch.testing.assert_close(on_cpu, on_gpu)


@pytest.mark.parametrize("lambda_", [0.3, 3.0, 30.0, 300.0])
@pytest.mark.parametrize("samples", [1, 3])
def test_what_is_obvious_is_what_the_solver_finds(monkeypatch, lambda_, samples):
    """Gradients without the shortcut for problems that moved vertex affinities decide, to the bit."""
    vertex, edge, source, target = problem(3, 8, 8, batch=5)
    settings = dict(samples=samples, vertex_noise=0.1, edge_noise=0.1, threads=1)
    found, decided = {}, []
    whole = module.obvious_matching

    def counted(*arguments):
        decided.append(whole(*arguments) is not None)
        return whole(*arguments)

    for name, function in (("with", counted), ("without", lambda *arguments: None)):
        monkeypatch.setattr(module, "obvious_matching", function)
        v, e = vertex.clone().requires_grad_(), edge.clone().requires_grad_()
        matching, _ = MatchingLayer(lambda_, **settings)(v, e, source, target, 5)
        (matching * (1 - 2 * torch.eye(8))).sum().backward()
        found[name] = v.grad, e.grad
    assert all(torch.equal(x, y) for x, y in zip(found["with"], found["without"], strict=True))
    assert all(decided) if lambda_ == 300 else lambda_ > 3 or not any(decided)


@given(
    st.integers(0, 2**31),
    st.integers(2, 5),
    st.integers(0, 1),
    st.floats(0, 100),
    st.sampled_from([0.0, 0.3]),
)
@settings(max_examples=200, deadline=None)
def test_an_obvious_matching_is_the_best_whatever_the_noise(seed, n, more, push, noise):
    vertex, edge, source, target = (x.numpy() for x in problem(seed, n, n + more))
    rng = np.random.default_rng(seed)
    pushed = rng.permutation(n + more)[:n]
    vertex[np.arange(n), pushed] += push
    found = obvious_matching(vertex, edge, source, noise, noise)
    if found is None:
        return
    for draw in range(3):
        drawn = Problem(vertex, source, target, edge, None, None, noise, noise, draw)
        assert np.array_equal(solve(drawn, EXACT).target, found)


def test_a_matching_that_edges_or_noise_can_change_is_not_obvious():
    vertex = np.array([[1.0, 0.0], [0.0, 1.0]])
    edges = np.array([[0, 1]], np.int32)
    for strength, obvious in ((0.9, True), (1.1, False)):
        found = obvious_matching(vertex, np.array([[strength]]), edges, 0.0, 0.0)
        assert (found is not None) == obvious
    assert obvious_matching(vertex, np.array([[0.0]]), edges, 0.1, 0.0) is None
    assert obvious_matching(vertex, np.array([[0.0]]), edges, 0.0, 0.1) is None
    assert obvious_matching(np.ones((2, 1)), np.zeros((1, 0)), edges, 0.0, 0.0) is None
    same_target = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert obvious_matching(same_target, np.array([[0.0]]), edges, 0.0, 0.0) is None
