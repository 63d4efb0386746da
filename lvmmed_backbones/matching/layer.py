"""The solver as a layer of a network, with gradients through a combinatorial solution."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lvmmed_backbones.matching import _core
from lvmmed_backbones.matching.budget import Budget, budget_of
from lvmmed_backbones.matching.problem import Problem
from lvmmed_backbones.matching.reduction import obvious_matching
from lvmmed_backbones.matching.solver import solve_batch

Batch: TypeAlias = Tensor | Sequence[Tensor]


class MatchingLayer(nn.Module):
    """Graph matching with gradients for vertex and edge affinities.

    The forward pass solves every problem of a batch. The backward pass solves it again with affinities that were moved
    against the gradient of the loss, with the same noise, seed and procedure, and returns the difference of the
    solutions::

        gradient = (mean_s v(c + noise_s) - mean_s v(c - lambda_ * dL/dv + noise_s)) / lambda_

    Without noise this is the differentiation of blackbox solvers (Vlastelica et al. 2020, algorithm 1; Rolinek et al.
    2020 for graph matching). With Gumbel noise on the affinities it is implicit maximum likelihood estimation (Niepert
    et al. 2021, algorithm 1), as LVM-Med uses it (MH Nguyen et al. 2023, section 3.4).

    Parameters
    ----------
    lambda_ : float > 0
        Factor of the gradient by which affinities are moved. LVM-Med: 80.
    samples : int >= 1
        Draws of the noise. The output is the mean of their solutions, which estimates the expected matching.
    vertex_noise, edge_noise : float >= 0
        Scales of the Gumbel noise. LVM-Med: 1 and 1.
    budget : {"fast", "default", "best"} or Budget
    threads : int >= 1, optional
        Default: the number of processors that this process may use.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(
        self,
        lambda_: float = 80.0,
        samples: int = 1,
        vertex_noise: float = 0.0,
        edge_noise: float = 0.0,
        budget: str | Budget = "fast",
        threads: int | None = None,
    ) -> None:
        super().__init__()
        if not 0 < lambda_ < float("inf"):
            raise ValueError(f"lambda_ is {lambda_}, must be a positive number")
        if samples < 1:
            raise ValueError(f"samples is {samples}, must be a positive integer")
        self.lambda_ = lambda_
        self.samples = samples
        self.vertex_noise = vertex_noise
        self.edge_noise = edge_noise
        self.budget = budget_of(budget)
        self.threads = threads

    def forward(
        self,
        vertex: Batch,
        edge: Batch,
        source_edges: Batch,
        target_edges: Batch,
        seed: int | None = None,
    ) -> tuple[Batch, Batch]:
        """Compute the expected matchings.

        Parameters
        ----------
        vertex : (B, N_s, N_t) or B of (N_s, N_t)
            Affinities, in any floating-point type; -inf forbids a pair (`Problem`).
        edge : (B, E_s, E_t) or B of (E_s, E_t)
        source_edges : (B, E_s, 2) or B of (E_s, 2); target_edges : (B, E_t, 2) or B of (E_t, 2)
            Directed edges as vertex indices, integers.
        seed : int, optional
            Seed of the noise and of the solver. Default: drawn from torch's generator.

        Returns
        -------
        vertex matching, edge matching
            In the shapes of ``vertex`` and ``edge``: 1 where matched, 0 elsewhere; with several samples the shares in
            between. No problems (B = 0) give no matchings.

        Raises
        ------
        ValueError
            As `Problem`; if affinities are integers, which have no gradient; if the gradient of the loss is not finite.
        """
        return self.submit(vertex, edge, source_edges, target_edges, seed).result()

    def submit(
        self,
        vertex: Batch,
        edge: Batch,
        source_edges: Batch,
        target_edges: Batch,
        seed: int | None = None,
    ) -> PendingMatching:
        """Start `forward` in the background, and return at once.

        The solver begins when the affinities are computed. Other work can be queued on the GPU before ``.result()``
        waits for the solution.
        """
        if seed is None:
            seed = int(torch.randint(2**62, ()))
        groups = (vertex, edge, source_edges, target_edges)
        if len({len(group) for group in groups}) > 1 or isinstance(vertex, Tensor) != isinstance(
            edge, Tensor
        ):
            raise ValueError(
                f"{' / '.join(str(len(group)) for group in groups)} vertex affinities / edge affinities / source edges "
                "/ target edges: every problem must have one of each, affinities both as tensors or both as lists"
            )
        for name, group in (("vertex", vertex), ("edge", edge)):
            check_floating(name, group)
        copies = _CopyToHost([tensor for group in groups for tensor in _tensors(group)])

        def work() -> _Solved:
            arrays = iter(copies.wait())
            columns = []
            for group in groups:
                copied = [next(arrays) for _ in _tensors(group)]
                columns.append(list(copied[0]) if isinstance(group, Tensor) else copied)
            problems = [Problem(v, s, t, e) for v, e, s, t in zip(*columns, strict=True)]
            targets = self._targets(dict(enumerate(problems)), seed)
            shares = [self._shares(p, targets[b]) for b, p in enumerate(problems)]
            return _Solved(self, problems, seed, shares)

        affinities = [*_tensors(vertex), *_tensors(edge)]
        return PendingMatching(
            _executor(os.getpid()).submit(work), affinities, isinstance(vertex, Tensor)
        )

    def _targets(self, problems: Mapping[int, Problem], seed: int) -> dict[int, NDArray[np.int32]]:
        """Return the matchings (samples, N_s) of problems of a batch, which are named by their places in it."""
        draws = [
            problem.with_noise(
                self.vertex_noise, self.edge_noise, (seed + b * self.samples + s) % 2**64
            )
            for b, problem in problems.items()
            for s in range(self.samples)
        ]
        solved = iter(solve_batch(draws, self.budget, [seed] * len(draws), self.threads))
        return {b: np.stack([next(solved).target for _ in range(self.samples)]) for b in problems}

    def _shares(
        self, problem: Problem, targets: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the mean vertex and edge matching of all samples of a problem.

        Parameters
        ----------
        targets : ndarray of shape (samples, N_s), or (1, N_s) if all samples have the same matching
        """
        targets = np.ascontiguousarray(targets)
        graphs = problem.vertex.shape[1], problem.source_edges, problem.target_edges
        return _core.shares(targets, self.samples, *graphs)

    def _expected_after(
        self,
        problems: Sequence[Problem],
        steps: Iterable[tuple[NDArray | None, NDArray | None]],
        seed: int,
    ) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Return what `_shares` does of problems whose affinities are moved against gradients."""
        targets: dict[int, NDArray[np.int32]] = {}
        left: dict[int, Problem] = {}
        for b, (problem, (v, e)) in enumerate(zip(problems, steps, strict=True)):
            vertex = _moved("vertex", b, problem.vertex, v, self.lambda_)
            edge = _moved("edge", b, problem.edge, e, self.lambda_)
            obvious = obvious_matching(
                problem.vertex if vertex is None else vertex,
                problem.edge if edge is None else edge,
                problem.source_edges,
                self.vertex_noise,
                self.edge_noise,
            )
            if obvious is None:
                left[b] = problem.with_affinities(vertex, edge)
            else:
                targets[b] = obvious[None]
        targets |= self._targets(left, seed)
        return [self._shares(problem, targets[b]) for b, problem in enumerate(problems)]

    def extra_repr(self) -> str:
        return (
            f"lambda_={self.lambda_}, samples={self.samples}, vertex_noise={self.vertex_noise}, "
            f"edge_noise={self.edge_noise}"
        )


class PendingMatching:
    """A batch that the background thread is solving."""

    def __init__(self, future: Future[_Solved], tensors: list[Tensor], batched: bool) -> None:
        self._future = future
        self._tensors = tensors
        self._batched = batched

    def done(self) -> bool:
        """Return whether `result` would return at once."""
        return self._future.done()

    def result(self) -> tuple[Batch, Batch]:
        """Return vertex and edge matchings with gradients. Raise what the solver raised."""
        solved = self._future.result()
        if not self._tensors:
            return (), ()
        outputs = _Differentiate.apply(solved, self._batched, *self._tensors)
        half = len(outputs) // 2
        return (outputs[0], outputs[1]) if self._batched else (outputs[:half], outputs[half:])


@dataclass(frozen=True)
class _Solved:
    layer: MatchingLayer
    problems: list[Problem]
    seed: int
    expected: list[tuple[NDArray, NDArray]]


class _Differentiate(torch.autograd.Function):
    """Connects solutions that are already known to their affinities in the graph of gradients."""

    @staticmethod
    def forward(ctx, solved: _Solved, batched: bool, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.solved, ctx.batched = solved, batched
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors)
        return _as_tensors(solved.expected, batched, tensors)

    @staticmethod
    def backward(ctx, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        solved: _Solved = ctx.solved
        # torch refuses this if a tensor was changed in place: the problems share its memory.
        like = ctx.saved_tensors
        given = [g for g in gradients if g is not None]
        if not given:
            return (None,) * (2 + len(gradients))
        arrays = iter(_CopyToHost(given).wait())
        steps = [None if g is None else next(arrays) for g in gradients]
        half = len(steps) // 2
        if ctx.batched:
            vertex_steps, edge_steps = (
                [None] * len(solved.problems) if step is None else list(step) for step in steps
            )
        else:
            vertex_steps, edge_steps = steps[:half], steps[half:]
        layer, lambda_ = solved.layer, solved.layer.lambda_
        moved = layer._expected_after(
            solved.problems, zip(vertex_steps, edge_steps, strict=True), solved.seed
        )
        differences = [
            ((v - moved_v) / lambda_, (e - moved_e) / lambda_)
            for (v, e), (moved_v, moved_e) in zip(solved.expected, moved, strict=True)
        ]
        results = _as_tensors(differences, ctx.batched, like)
        wanted = ctx.needs_input_grad[2:]
        return (None, None, *(r if w else None for r, w in zip(results, wanted, strict=True)))


def _moved(
    name: str, b: int, affinities: NDArray | None, gradient: NDArray | None, lambda_: float
) -> NDArray[np.float64] | None:
    """Return affinities moved against the gradient, in float64; None if there is no gradient."""
    if affinities is None or gradient is None:
        return None
    wrong = ~np.isfinite(gradient)
    if wrong.any():
        row, column = np.unravel_index(int(wrong.argmax()), wrong.shape)
        raise ValueError(
            f"the gradient of the loss for {name}[{row}, {column}] of problem {b} is {gradient[row, column]}: "
            "affinities move by finite numbers, so make the loss finite or scale it down"
        )
    return affinities.astype(np.float64) - lambda_ * gradient.astype(np.float64)


class _CopyToHost:
    """Copies tensors to host memory; those on a GPU in one transfer per type, after the work that computes them."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self._tensors = [tensor.detach() for tensor in tensors]
        self._events: list[torch.cuda.Event] = []
        for dtype in (torch.float32, torch.float64, torch.int64):
            at = [k for k, t in enumerate(tensors) if t.is_cuda and _host_dtype(t) == dtype]
            if not at:
                continue
            flat = torch.cat([self._tensors[k].reshape(-1).to(dtype) for k in at])
            host = torch.empty(flat.shape, dtype=dtype, pin_memory=True)
            host.copy_(flat, non_blocking=True)
            event = torch.cuda.Event()
            event.record()
            self._events.append(event)
            parts = host.split([tensors[k].numel() for k in at])
            for k, part in zip(at, parts, strict=True):
                self._tensors[k] = part.view(tensors[k].shape)

    def wait(self) -> list[NDArray]:
        for event in self._events:
            event.synchronize()
        return [
            (t.to(_host_dtype(t)) if t.is_floating_point() else t).numpy() for t in self._tensors
        ]


def _host_dtype(tensor: Tensor) -> torch.dtype:
    """Return a type that numpy has and that holds every value of the tensor's type."""
    if not tensor.is_floating_point():
        return torch.int64
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


def check_floating(name: str, batch: Batch) -> None:
    """Raise ValueError with the first tensor that is not of a floating-point type."""
    for b, tensor in enumerate(_tensors(batch)):
        if not tensor.is_floating_point():
            which = name if isinstance(batch, Tensor) else f"{name}[{b}]"
            raise ValueError(
                f"{which} is a tensor of {tensor.dtype}, which has no gradient: give {which}.float()"
            )


def _tensors(batch: Batch) -> list[Tensor]:
    return [batch] if isinstance(batch, Tensor) else list(batch)


def _as_tensors(
    pairs: list[tuple[NDArray, NDArray]], batched: bool, like: Sequence[Tensor]
) -> tuple[Tensor, ...]:
    if not pairs:
        return tuple(t.new_zeros(t.shape) for t in like)
    vertices, edges = zip(*pairs, strict=True)
    arrays = [np.stack(vertices), np.stack(edges)] if batched else [*vertices, *edges]
    return tuple(
        torch.from_numpy(array).to(device=t.device, dtype=t.dtype)
        for array, t in zip(arrays, like, strict=True)
    )


@cache
def _executor(process: int) -> ThreadPoolExecutor:
    """Return the one thread that waits for solvers; a forked process needs its own."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="matching")
