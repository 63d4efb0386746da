"""Other solvers of graph matching on PyPI, timed on the same problems: pip install lvmmed-backbones[performance].

Each peer takes a problem, with as many sources as targets and a table of edge affinities, and a seed. It returns a
permutation and the seconds of its solver; those of building its model do not count. Settings are the libraries'
defaults.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array

from lvmmed_backbones.matching import Problem

Peer = Callable[[Problem, int], tuple[NDArray[np.int64], float]]


def _linear_assignment(problem: Problem, seed: int = 0) -> tuple[NDArray[np.int64], float]:
    """Solve by scipy's linear assignment of the vertex affinities alone."""
    start = time.perf_counter()
    _, target = linear_sum_assignment(problem.vertex, maximize=True)
    return target, time.perf_counter() - start


def _pylibmgm(problem: Problem, seed: int = 0) -> tuple[NDArray[np.int64], float]:
    """Solve by pylibmgm's solver of two graphs (Kahl et al. 2024): fusion moves, drawn from the seed."""
    import pylibmgm
    import pylibmgm.solver

    n = len(problem.vertex)
    terms = _pair_terms(problem)
    # It may leave vertices unmatched: a gain for every pair keeps it from that and favours no matching of all.
    gain = -min(0.0, float(problem.vertex.min())) + float(np.abs(terms.data).max(initial=0.0))
    model = pylibmgm.GmModel(pylibmgm.Graph(0, n), pylibmgm.Graph(1, n), n * n, terms.nnz)
    costs = -problem.vertex.astype(np.float64) - gain
    for index, cost in enumerate(costs.ravel().tolist()):
        model.add_assignment(*divmod(index, n), cost)
    for row, column, affinity in zip(
        terms.row.tolist(), terms.col.tolist(), terms.data.tolist(), strict=True
    ):
        model.add_edge(row, column, -affinity)
    pylibmgm.QAPSolver.libmpopt_seed = seed + 1  # 0 would draw a seed
    start = time.perf_counter()
    solution = pylibmgm.solver.solve_gm(model)
    seconds = time.perf_counter() - start
    target = np.array([-1 if a is None else a for a in solution.to_list_with_none()])
    open_sources, open_targets = np.flatnonzero(target < 0), np.setdiff1d(np.arange(n), target)
    rows, columns = linear_sum_assignment(
        problem.vertex[np.ix_(open_sources, open_targets)], maximize=True
    )
    target[open_sources[rows]] = open_targets[columns]
    return target, seconds


def _pygmtools(name: str, problem: Problem, seed: int = 0) -> tuple[NDArray[np.int64], float]:
    """Solve by a solver of pygmtools; those of `PEERS` draw nothing."""
    import pygmtools

    n = len(problem.vertex)
    terms = _pair_terms(problem)
    # Its order of assignments: target, source.
    rows, columns = (index % n * n + index // n for index in (terms.row, terms.col))
    # Symmetric: `build_aff_mat` writes a directed pair once, and both solvers are then far worse (measured).
    affinity = np.zeros((n * n, n * n), np.float32)
    affinity[rows, columns] = affinity[columns, rows] = terms.data / 2
    np.fill_diagonal(affinity, problem.vertex.T)
    start = time.perf_counter()
    # ipfp divides 0 by 0 once it has converged.
    with np.errstate(divide="ignore", invalid="ignore"):
        soft = getattr(pygmtools, name)(affinity, n1max=n, n2max=n, backend="numpy")
    target = pygmtools.hungarian(soft, backend="numpy").argmax(axis=1)
    return target, time.perf_counter() - start


def _pair_terms(problem: Problem) -> coo_array:
    """Return affinities of pairs of assignments i n + a: (n n, n n), upper triangle, the sum of both directions."""
    n = len(problem.vertex)
    head, tail = (
        (
            problem.source_edges[:, end, None].astype(np.int64) * n + problem.target_edges[:, end]
        ).ravel()
        for end in (0, 1)
    )
    if problem.edge is None:
        raise ValueError("the problem has features in place of edge affinities: peers take a table")
    values = problem.edge.ravel().astype(np.float64)
    terms = coo_array(
        (values, (np.minimum(head, tail), np.maximum(head, tail))), shape=(n * n, n * n)
    )
    terms.sum_duplicates()
    return terms


PEERS: dict[str, Peer] = {
    "linear assignment alone (scipy)": _linear_assignment,
    "pygmtools 0.6.0 RRWM": partial(_pygmtools, "rrwm"),  # Cho et al. 2010: random walks
    "pygmtools 0.6.0 IPFP": partial(_pygmtools, "ipfp"),  # Leordeanu et al. 2009: projection
    "pylibmgm 1.1.3": _pylibmgm,
}
