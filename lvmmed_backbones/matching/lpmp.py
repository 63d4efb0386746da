"""LPMP's interface (lpmp_py of Rolinek et al. 2020), so that code written for it runs by changing one import.

Costs are minimised here. Every vertex of the smaller graph is matched.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from lvmmed_backbones.matching.layer import MatchingLayer
from lvmmed_backbones.matching.problem import Problem, matched_edges
from lvmmed_backbones.matching.solver import solve


def gm_solver(
    costs: ArrayLike,
    quadratic_costs: ArrayLike,
    edges_left: ArrayLike,
    edges_right: ArrayLike,
    solver_params: Mapping[str, Any] | None = None,
    verbose: bool = False,
) -> tuple[NDArray, NDArray]:
    """A matching of least cost.

    Parameters
    ----------
    costs : (V_left, V_right)
        +inf forbids a pair.
    quadratic_costs : (E_left, E_right)
    edges_left : (E_left, 2), edges_right : (E_right, 2)
    solver_params : mapping, optional
        ``budget`` and ``seed``, as `solve` takes them. Those of LPMP (``timeout``, ``maxIter``, ...) steer another
        algorithm: they are left out, with a warning.
    verbose : bool
        Print the size of the problem, as LPMP does.

    Returns
    -------
    (V_left, V_right) and (E_left, E_right): 1 where a cost is paid, 0 elsewhere, in the types of the costs.

    Raises
    ------
    ValueError
        As `Problem` and `solve`.
    """
    costs, quadratic_costs = np.asarray(costs), np.asarray(quadratic_costs)
    problem = Problem(-costs, edges_left, edges_right, -quadratic_costs)
    if verbose:
        left, right = problem.vertex.shape
        print(
            f"{left} x {right} vertices, {len(problem.source_edges)} x {len(problem.target_edges)} edges"
        )
    matching = solve(problem, **_known(solver_params))
    paid = np.zeros_like(costs)
    matched = np.flatnonzero(matching.target >= 0)
    paid[matched, matching.target[matched]] = 1
    quadratic_paid = np.zeros_like(quadratic_costs)
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

    def forward(self, costs_batch: Tensor, quadratic_costs_batch: Tensor) -> Tensor:
        """Least-cost matchings.

        Parameters
        ----------
        costs_batch : (k, V_left, V_right), quadratic_costs_batch : (k, E_left, E_right)
            Costs, padded with zeros to the largest problem.

        Returns
        -------
        (k, V_left, V_right), 1 where matched.

        Raises
        ------
        ValueError
            If the padding is not zero, and as `Problem`.
        """
        vertex, edge = [], []
        for k, (costs, quadratic) in enumerate(
            zip(costs_batch, quadratic_costs_batch, strict=True)
        ):
            left, right = self.sizes[k]
            vertex.append(-_cut("costs", k, costs, left, right))
            edge.append(
                -_cut(
                    "quadratic costs",
                    k,
                    quadratic,
                    len(self.edges_left[k]),
                    len(self.edges_right[k]),
                )
            )
        matchings, _ = self.layer(vertex, edge, self.edges_left, self.edges_right, self.seed)
        result = costs_batch[0].new_zeros((len(costs_batch), *costs_batch[0].shape))
        for k, matching in enumerate(matchings):
            result[k, : self.sizes[k][0], : self.sizes[k][1]] = matching
        return result


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
            f"{name} of problem {k} have shape {tuple(costs.shape)}: at least {(rows, columns)} is wanted"
        )
    if costs[rows:].any() or costs[:, columns:].any():
        raise ValueError(
            f"{name} of problem {k} are not zero beyond {(rows, columns)}: padding must be"
        )
    return costs[:rows, :columns]
