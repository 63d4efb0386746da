"""Graph matching problems, and their reduced form for the search."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lvmmed_backbones.matching import _core
from lvmmed_backbones.matching.checks import (
    check_products,
    check_shape,
    checked_affinities,
    checked_edges,
    checked_features,
    checked_scale,
    checked_seed,
)
from lvmmed_backbones.matching.reduction import (
    FORBIDDING,
    NOISE_RANGE,
    common_part,
    most_edges,
    most_products,
    near_numbers,
    raise_far_edges,
    reduce,
)


class Problem:
    """Match the vertices of a source graph to those of a target graph (a quadratic assignment problem).

    A matching ``p`` matches every vertex of the smaller graph to a vertex of its own. The solver maximises

        sum_i vertex[i, p(i)]  +  sum_{e = (i, j), f = (a, b)} edge[e, f] [p(i) = a] [p(j) = b]

    (Swoboda et al. 2017, eq. 1, with affinities in place of costs).

    The parameters are kept as attributes.

    Parameters
    ----------
    vertex : array of shape (N_s, N_t)
        Affinity of source vertex and target vertex. ``-inf`` forbids the pair, and so does a number up to -1e30, such
        as the lowest number of float32. Other numbers below -1e12 are refused. Numbers above it, such as -1e9, are
        affinities; if such a number keeps a pair out of every best matching, the search treats the pair as forbidden.
    source_edges, target_edges : array of shape (E_s, 2) and (E_t, 2)
        Directed edges as vertex indices. (i, j) and (j, i) are two edges, and both count. Without edges the problem is
        a linear assignment.
    edge : array of shape (E_s, E_t), optional
        Affinity of source edge and target edge.
    source_features, target_features : array of shape (E_s, F) and (E_t, F), optional
        In place of ``edge``: affinities are the products of features. Above four million edge pairs they are computed
        on demand, so that E_s x E_t numbers are never stored.
    vertex_noise, edge_noise : float >= 0
        Scales of standard Gumbel noise that is added to every affinity; `gumbel_noise` draws the same noise.
    noise_seed : int in [0, 2**64)
        Seed of that noise.

    Raises
    ------
    ValueError
        For shapes that do not fit, an empty graph, values that are NaN, +inf or beyond 1e12, masked arrays, and edges
        that are out of range, repeated or loops.

    Notes
    -----
    Numbers may have any real type and layout. They are stored as float32 if it holds every value of their type exactly,
    else as float64; edges as int32. Problems up to ``Budget.exact`` vertices are searched in float64, larger ones in
    float32. Before that, what every matching gains is subtracted: a common part of the vertex affinities, and a common
    part of the edge affinities if every matching has the same number of edges (one graph is complete, and all vertices
    of the other are matched). In other problems a common part of the edge affinities changes the result and stays; then
    the search cannot tell edge affinities apart that differ by less than 1e-7 of it.
    """

    def __init__(
        self,
        vertex: ArrayLike,
        source_edges: ArrayLike = (),
        target_edges: ArrayLike = (),
        edge: ArrayLike | None = None,
        source_features: ArrayLike | None = None,
        target_features: ArrayLike | None = None,
        vertex_noise: float = 0.0,
        edge_noise: float = 0.0,
        noise_seed: int = 0,
    ) -> None:
        self.vertex = checked_affinities("vertex", vertex, forbids=-np.inf)
        sources, targets = self.vertex.shape
        if not sources or not targets:
            raise ValueError(f"vertex has shape {self.vertex.shape}: both graphs need a vertex")
        self.source_edges = checked_edges("source_edges", source_edges, sources)
        self.target_edges = checked_edges("target_edges", target_edges, targets)
        self.edge: NDArray | None = None
        self.source_features: NDArray | None = None
        self.target_features: NDArray | None = None
        counts = (len(self.source_edges), len(self.target_edges))
        if edge is None and source_features is None and target_features is None and 0 in counts:
            edge = np.zeros(counts, np.float32)
        if (edge is None) == (source_features is None and target_features is None):
            raise ValueError("give either edge, or source_features and target_features")
        if edge is not None:
            self.edge = checked_affinities("edge", edge)
            check_shape("edge", self.edge, counts)
        else:
            self.source_features = checked_features("source_features", source_features, counts[0])
            self.target_features = checked_features("target_features", target_features, counts[1])
            check_products(self.source_features, self.target_features)
        self.vertex_noise = checked_scale("vertex_noise", vertex_noise)
        self.edge_noise = checked_scale("edge_noise", edge_noise)
        self.noise_seed = checked_seed("noise_seed", noise_seed)
        self._prepare()

    def with_noise(self, vertex_noise: float, edge_noise: float, noise_seed: int) -> Problem:
        """Return the same problem with other noise; it shares the arrays. Raise ValueError as the constructor."""
        problem = copy.copy(self)
        problem.vertex_noise = checked_scale("vertex_noise", vertex_noise)
        problem.edge_noise = checked_scale("edge_noise", edge_noise)
        problem.noise_seed = checked_seed("noise_seed", noise_seed)
        if self._depends_on_noise:
            problem._prepare()
        return problem

    def with_affinities(
        self, vertex: ArrayLike | None = None, edge: ArrayLike | None = None
    ) -> Problem:
        """Return the same graphs and noise with other affinities; a new ``edge`` replaces features.

        Raises
        ------
        ValueError
            As the constructor, and for other shapes than before.
        """
        problem = copy.copy(self)
        if vertex is not None:
            problem.vertex = checked_affinities("vertex", vertex, forbids=-np.inf)
            check_shape("vertex", problem.vertex, self.vertex.shape)
        if edge is not None:
            problem.edge = checked_affinities("edge", edge)
            check_shape("edge", problem.edge, (len(self.source_edges), len(self.target_edges)))
            problem.source_features = problem.target_features = None
        problem._prepare()
        return problem

    def _prepare(self, raise_edges: bool = True) -> None:
        """Prepare the affinities in float32 for the search; core/bindings.cpp reads them."""
        self._edge: NDArray[np.float32] | None = None
        self._edge_part = 0.0
        self._edges_were_raised = False
        if self.edge is not None:
            raised = raise_far_edges(self.edge, self._most_others) if raise_edges else None
            self._edges_were_raised = raised is not None
            self._edge = (
                self._rounded(self.edge) if raised is None else np.asarray(raised, np.float32)
            )
        else:
            self._source_features = np.asarray(self.source_features, np.float32)
            self._target_features = np.asarray(self.target_features, np.float32)
        self._reduction, depends_on_noise = reduce(
            self.vertex, self._typical_other, self._most_gain
        )
        self._depends_on_noise = depends_on_noise or self._edges_were_raised

    def _rounded(self, edge: NDArray) -> NDArray[np.float32]:
        if edge.size and self._carries_the_same_edges():
            self._edge_part = common_part(float(edge.min()), float(edge.max()))
        if self._edge_part:
            edge = edge.astype(np.float64) - self._edge_part
        return np.asarray(edge, np.float32)

    def _carries_the_same_edges(self) -> bool:
        """Return whether every matching has the same number of edges: all of one graph, if the other is complete."""
        sources, targets = self.vertex.shape
        onto_target = len(self.target_edges) == targets * (targets - 1) and sources <= targets
        onto_source = len(self.source_edges) == sources * (sources - 1) and targets <= sources
        return onto_target or onto_source

    def without_raised_edges(self, target: NDArray[np.int32]) -> Problem | None:
        """Return the same problem for a search that sees all edge affinities as they are.

        None if the matching ``target`` has none of the raised edges: then its objective was right.
        """
        if not self._edges_were_raised or self.edge is None or self._edge is None:
            return None
        at = matched_edges(self, target)
        if (self._edge[at] <= self.edge[at].astype(np.float32)).all():
            return None
        problem = copy.copy(self)
        problem._prepare(raise_edges=False)
        return problem

    def _typical_other(self) -> float:
        """Return the scale of all but vertex affinities: the mean of a thousand edge affinities, plus the noise."""
        if self._edge is None:
            factors = [
                np.abs(x).mean() for x in (self._source_features, self._target_features) if x.size
            ]
            typical = float(np.prod(factors))
        else:
            sample = self._edge.ravel()[:: max(1, self._edge.size // 1024)]
            typical = float(np.abs(sample).mean()) if sample.size else 0.0
        return typical + self.vertex_noise + self.edge_noise

    def _most_gain(self, target: NDArray[np.int32]) -> float:
        """Return the most that another matching can gain over ``target`` in edges and noise."""
        e, f = matched_edges(self, target)
        if self._edge is None:
            a, b = (x.astype(np.float64) for x in (self._source_features, self._target_features))
            most, carried = most_products(a, b), (a[e] * b[f]).sum()
        else:
            most, carried = most_edges(self._edge), self._edge[e, f].sum(dtype=np.float64)
        return most - float(carried) + self._most_noise()

    def _most_others(self) -> float:
        """Return the largest difference between matchings apart from edges and from pairs that none should use."""
        vertex = near_numbers(self.vertex[self.vertex > FORBIDDING])
        spread = float(vertex[-1] - vertex[0]) if vertex.size else 0.0
        return min(self.vertex.shape) * spread + self._most_noise()

    def _most_noise(self) -> float:
        edges = min(len(self.source_edges), len(self.target_edges))
        return NOISE_RANGE * (self.vertex_noise * min(self.vertex.shape) + self.edge_noise * edges)


def matched_edges(problem: Problem, target: NDArray[np.int32]) -> tuple[NDArray[np.int64], ...]:
    """Return the source edges that a matching carries onto a target edge, and these target edges.

    Parameters
    ----------
    target : ndarray of shape (N_s,) or (S, N_s)
        Target vertex of every source vertex, -1 for none; of one matching or of several.

    Returns
    -------
    tuple of ndarray
        Source edges and target edges; for several matchings, before these, the matching of each.
    """
    if not len(problem.source_edges) or not len(problem.target_edges):
        return (np.zeros(0, np.int64),) * (target.ndim + 1)
    width = problem.vertex.shape[1]
    ends = target[..., problem.source_edges].astype(np.int64)
    wanted = np.where((ends >= 0).all(axis=-1), ends[..., 0] * width + ends[..., 1], -1)
    codes = problem.target_edges[:, 0].astype(np.int64) * width + problem.target_edges[:, 1]
    order = np.argsort(codes)
    at = order[np.minimum(np.searchsorted(codes, wanted, sorter=order), len(codes) - 1)]
    carried = codes[at] == wanted
    return *np.nonzero(carried), at[carried]


def gumbel_noise(shape: Sequence[int], seed: int) -> NDArray[np.float32]:
    """Draw standard Gumbel noise of shape (rows, columns), as `Problem` adds it to vertices: the same on every machine.

    Raises
    ------
    ValueError
        If the shape or the seed is wrong.
    """
    rows, columns = shape
    if rows < 0 or columns < 0:
        raise ValueError(f"shape is {tuple(shape)}, must be (rows, columns)")
    return _core.gumbel(rows, columns, checked_seed("seed", seed))
