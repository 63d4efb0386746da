"""LPMP's interface (lpmp_py of Rolinek et al. 2020): code for LPMP runs with one changed import.

Costs are minimised. Every vertex of the smaller graph is matched.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from lvmmed_backbones.matching.checks import checked_affinities, checked_edges
from lvmmed_backbones.matching.layer import MatchingLayer, check_floating
from lvmmed_backbones.matching.problem import Problem, matched_edges
from lvmmed_backbones.matching.solver import solve

# The sum of magnitudes in the padding that LPMP tolerates.
PADDING_TOLERANCE = 1e-5


def gm_solver(
    costs: ArrayLike,
    quadratic_costs: ArrayLike,
    edges_left: ArrayLike,
    edges_right: ArrayLike,
    solver_params: Mapping[str, Any] | None = None,
    verbose: bool = False,
) -> tuple[NDArray, NDArray]:
    """Find a matching of least cost.

    Parameters
    ----------
    costs : (V_left, V_right)
        Of any real type; +inf forbids a pair, and large numbers may stand for it (`Problem`).
    quadratic_costs : (E_left, E_right)
    edges_left : (E_left, 2), edges_right : (E_right, 2)
    solver_params : mapping, optional
        ``budget`` and ``seed``, as for `solve`. LPMP's own parameters (``timeout``, ``maxIter``, ...) are for another
        algorithm and are ignored with a warning.
    verbose : bool
        Print the size of the problem, as LPMP does.

    Returns
    -------
    arrays of shape (V_left, V_right) and (E_left, E_right)
        1 where a cost is paid, 0 elsewhere, in the types of the costs.

    Raises
    ------
    ValueError
        As `Problem` and `solve`.
    """
    # The checked values are floating-point numbers, since unsigned integers have no negatives.
    vertex = -checked_affinities("costs", costs, forbids=np.inf)
    edge = -checked_affinities("quadratic_costs", quadratic_costs)
    left, right = vertex.shape
    problem = Problem(
        vertex,
        checked_edges("edges_left", edges_left, left),
        checked_edges("edges_right", edges_right, right),
        edge,
    )
    if verbose:
        print(
            f"{left} x {right} vertices, {len(problem.source_edges)} x {len(problem.target_edges)} edges"
        )
    matching = solve(problem, **_known(solver_params))
    paid = np.zeros_like(np.asarray(costs))
    matched = np.flatnonzero(matching.target >= 0)
    paid[matched, matching.target[matched]] = 1
    quadratic_paid = np.zeros_like(np.asarray(quadratic_costs))
    quadratic_paid[matched_edges(problem, matching.target)] = 1
    return paid, quadratic_paid


class GraphMatchingModule(nn.Module):
    """A batch of graph matching problems with the gradient of Vlastelica et al. 2020.

    Parameters
    ----------
    edges_left_batch, edges_right_batch : k tensors of shape (2, E)
        Edges of the graphs, as the columns of a tensor.
    num_vertices_s_batch, num_vertices_t_batch : k integers
    lambda_val : float > 0
        Strength of the blackbox gradient.
    solver_params : mapping
        As for `gm_solver`.
    """

    def __init__(
        self,
        edges_left_batch: Sequence[Tensor],
        edges_right_batch: Sequence[Tensor],
        num_vertices_s_batch: Sequence[int],
        num_vertices_t_batch: Sequence[int],
        lambda_val: float,
        solver_params: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.edges_left = [edges.T for edges in edges_left_batch]
        self.edges_right = [edges.T for edges in edges_right_batch]
        self.sizes = [
            (int(s), int(t))
            for s, t in zip(num_vertices_s_batch, num_vertices_t_batch, strict=True)
        ]
        known = _known(solver_params)
        self.seed = known.pop("seed", 0)
        self.layer = MatchingLayer(float(lambda_val), **known)

    def forward(
        self,
        costs_batch: Tensor | Sequence[Tensor],
        quadratic_costs_batch: Tensor | Sequence[Tensor],
    ) -> Tensor:
        """Compute matchings of least cost.

        Parameters
        ----------
        costs_batch : (k, V_left, V_right) or k of (V_left, V_right)
        quadratic_costs_batch : (k, E_left, E_right) or k of (E_left, E_right)
            Costs of a floating-point type. Costs beyond a problem's own vertices and edges are padding; its magnitudes
            must add up to less than 1e-5, as for LPMP.

        Returns
        -------
        Tensor of shape (k, V_left, V_right)
            1 where matched; for lists it has the largest size of each side and is padded with zeros.

        Raises
        ------
        ValueError
            If the padding is not zero, or the batch has another length than the module; and as `MatchingLayer`.
        """
        for name, batch in (("costs", costs_batch), ("quadratic_costs", quadratic_costs_batch)):
            if len(batch) != len(self.sizes):
                raise ValueError(
                    f"{name} of {len(batch)} problems for the graphs of {len(self.sizes)}: give one for each"
                )
            check_floating(name, batch)
        if not self.sizes:
            nothing, _ = self.layer(costs_batch, quadratic_costs_batch, [], [], self.seed)
            return nothing if isinstance(nothing, Tensor) else torch.zeros(0, 0, 0)
        vertex, edge = [], []
        for k, (costs, quadratic) in enumerate(
            zip(costs_batch, quadratic_costs_batch, strict=True)
        ):
            edges = len(self.edges_left[k]), len(self.edges_right[k])
            vertex.append(-_cut("costs", k, costs, *self.sizes[k]))
            edge.append(-_cut("quadratic costs", k, quadratic, *edges))
        matchings, _ = self.layer(vertex, edge, self.edges_left, self.edges_right, self.seed)
        rows, columns = (max(costs.shape[side] for costs in costs_batch) for side in (0, 1))
        return torch.stack(
            [
                nn.functional.pad(m, (0, columns - m.shape[1], 0, rows - m.shape[0]))
                for m in matchings
            ]
        )


def _known(solver_params: Mapping[str, Any] | None) -> dict[str, Any]:
    params = dict(solver_params or {})
    known: dict[str, Any] = {key: params.pop(key) for key in ("budget", "seed") if key in params}
    if params:
        warnings.warn(
            f"solver_params {sorted(params)} steer LPMP's own algorithm and are left out: use 'budget'",
            stacklevel=3,
        )
    return known


def _cut(name: str, k: int, costs: Tensor, rows: int, columns: int) -> Tensor:
    if costs.shape[0] < rows or costs.shape[1] < columns:
        raise ValueError(
            f"{name} of problem {k} have shape {tuple(costs.shape)}, must be at least {(rows, columns)}"
        )
    padding = torch.cat([costs[rows:].reshape(-1), costs[:rows, columns:].reshape(-1)])
    total = float(padding.detach().double().abs().sum())
    if not total < PADDING_TOLERANCE:
        raise ValueError(
            f"{name} of problem {k} are not zero beyond {(rows, columns)} but add up to {total:.2g}: padding must be "
            f"less than {PADDING_TOLERANCE:g}"
        )
    return costs[:rows, :columns]
