"""Graph matching problems, and what the search sees of them."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lvmmed_backbones.matching import _core
from lvmmed_backbones.matching.checks import (
    affinities,
    check_products,
    check_shape,
    edges_of,
    features_of,
    scale_of,
    seed_of,
)
from lvmmed_backbones.matching.reduction import (
    FORBIDDING,
    common_part,
    most_edges,
    most_products,
    near_numbers,
    raise_far_edges,
    reduce,
)

NOISE_RANGE = 20  # the largest draw of the standard noise is 16.7, the least -2.9


class Problem:
    """Match the vertices of a source graph to those of a target graph (a quadratic assignment problem).

    The solver maximises, over matchings ``p`` that match every vertex of the smaller graph to a vertex of its own,

        sum_i vertex[i, p(i)]  +  sum_{e = (i, j), f = (a, b)} edge[e, f] [p(i) = a] [p(j) = b]

    (Swoboda et al. 2017, eq. 1, with affinities in place of costs).

    Numbers of every real type are taken, in any layout. They are kept contiguous: as float32 if that holds every value
    of their type, else as float64; edges as int32. Up to ``Budget.exact`` vertices they are searched in float64. The
    search of larger problems works in float32, once what every matching earns is off: a common part of the vertex
    affinities, and one of the edge affinities if every matching carries the same number of edges (one graph is
    complete, and all vertices of the other are matched). Elsewhere such a part decides which matching is best; edge
    affinities that differ by less than 1e-7 of it are alike to the search.

    Parameters, kept as attributes
    ------------------------------
    vertex : (N_s, N_t)
        Affinity of source vertex and target vertex. ``-inf`` forbids the pair, and so does a number of at most -1e30,
        such as the lowest one of float32. Other numbers below -1e12 are refused; those above it, such as -1e9, are
        affinities: where they keep a pair out of every best matching, the search treats the pair as forbidden.
    source_edges : (E_s, 2), target_edges : (E_t, 2)
        Directed edges, as vertex indices. (i, j) and (j, i) are two edges, and both count. Without edges the problem is
        a linear assignment.
    edge : (E_s, E_t), optional
        Affinity of source edge and target edge.
    source_features : (E_s, F), target_features : (E_t, F), optional
        In place of ``edge``: affinities are the products of features. Above four million edge pairs they are computed
        on demand, so that E_s x E_t numbers are never stored.
    vertex_noise, edge_noise : float >= 0
        Scales of standard Gumbel noise that is added to every affinity: `gumbel_noise` draws the same.
    noise_seed : int in [0, 2**64)
        Seed of that noise.

    Raises
    ------
    ValueError
        For shapes that do not fit, an empty graph, values that are NaN, +inf or beyond 1e12, masked arrays, edges that
        are out of range, repeated or loops.
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
        self.vertex = affinities("vertex", vertex, forbids=-np.inf)
        sources, targets = self.vertex.shape
        if not sources or not targets:
            raise ValueError(f"vertex has shape {self.vertex.shape}: both graphs need a vertex")
        self.source_edges = edges_of("source_edges", source_edges, sources)
        self.target_edges = edges_of("target_edges", target_edges, targets)
        self.edge: NDArray | None = None
        self.source_features: NDArray | None = None
        self.target_features: NDArray | None = None
        counts = (len(self.source_edges), len(self.target_edges))
        if edge is None and source_features is None and target_features is None and 0 in counts:
            edge = np.zeros(counts, np.float32)
        if (edge is None) == (source_features is None and target_features is None):
            raise ValueError("give either edge, or source_features and target_features")
        if edge is not None:
            self.edge = affinities("edge", edge)
            check_shape("edge", self.edge, counts)
        else:
            self.source_features = features_of("source_features", source_features, counts[0])
            self.target_features = features_of("target_features", target_features, counts[1])
            check_products(self.source_features, self.target_features)
        self.vertex_noise = scale_of("vertex_noise", vertex_noise)
        self.edge_noise = scale_of("edge_noise", edge_noise)
        self.noise_seed = seed_of("noise_seed", noise_seed)
        self._prepare()

    def with_noise(self, vertex_noise: float, edge_noise: float, noise_seed: int) -> Problem:
        """The same problem under other noise; it shares the arrays. Raises ValueError as the constructor."""
        problem = copy.copy(self)
        problem.vertex_noise = scale_of("vertex_noise", vertex_noise)
        problem.edge_noise = scale_of("edge_noise", edge_noise)
        problem.noise_seed = seed_of("noise_seed", noise_seed)
        if self._depends_on_noise:
            problem._prepare()
        return problem

    def with_affinities(
        self, vertex: ArrayLike | None = None, edge: ArrayLike | None = None
    ) -> Problem:
        """The same graphs and noise with other affinities, where given; features give way to ``edge``.

        Raises ValueError as the constructor, and for other shapes than before.
        """
        problem = copy.copy(self)
        if vertex is not None:
            problem.vertex = affinities("vertex", vertex, forbids=-np.inf)
            check_shape("vertex", problem.vertex, self.vertex.shape)
        if edge is not None:
            problem.edge = affinities("edge", edge)
            check_shape("edge", problem.edge, (len(self.source_edges), len(self.target_edges)))
            problem.source_features = problem.target_features = None
        problem._prepare()
        return problem

    def _prepare(self, raise_edges: bool = True) -> None:
        """What the search sees of the affinities, in float32: core/bindings.cpp reads it."""
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
        """Whether every matching carries the same number of edges: all of one graph, onto a complete one."""
        sources, targets = self.vertex.shape
        onto_target = len(self.target_edges) == targets * (targets - 1) and sources <= targets
        onto_source = len(self.source_edges) == sources * (sources - 1) and targets <= sources
        return onto_target or onto_source

    def without_raised_edges(self, target: NDArray[np.int32]) -> Problem | None:
        """The same problem, for a search that sees all edge affinities as they are.

        None if ``target``, a matching, carries none of those that were raised: then it is as good as it was taken for.
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
        """The size of what is no vertex affinity: the mean of a thousand edge affinities, and the noise."""
        if self._edge is None:
            factors = [
                np.abs(x).mean() for x in (self._source_features, self._target_features) if x.size
            ]
            typical = float(np.prod(factors))
        else:
            some = self._edge.ravel()[:: max(1, self._edge.size // 1024)]
            typical = float(np.abs(some).mean()) if some.size else 0.0
        return typical + self.vertex_noise + self.edge_noise

    def _most_gain(self, target: NDArray[np.int32]) -> float:
        """By how much, at most, edges and noise of another matching exceed those of the matching ``target``."""
        e, f = matched_edges(self, target)
        if self._edge is None:
            a, b = (x.astype(np.float64) for x in (self._source_features, self._target_features))
            most, carried = most_products(a, b), (a[e] * b[f]).sum()
        else:
            most, carried = most_edges(self._edge), self._edge[e, f].sum(dtype=np.float64)
        return most - float(carried) + self._most_noise()

    def _most_others(self) -> float:
        """By how much, at most, matchings differ in all but their edges, pairs aside that none should use."""
        vertex = near_numbers(self.vertex[self.vertex > FORBIDDING])
        spread = float(vertex[-1] - vertex[0]) if vertex.size else 0.0
        return min(self.vertex.shape) * spread + self._most_noise()

    def _most_noise(self) -> float:
        edges = min(len(self.source_edges), len(self.target_edges))
        return NOISE_RANGE * (self.vertex_noise * min(self.vertex.shape) + self.edge_noise * edges)


def matched_edges(
    problem: Problem, target: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The source edges that a matching carries onto a target edge, and those target edges.

    Parameters
    ----------
    target : (N_s,)
        Target vertex of every source vertex, -1 for none.
    """
    none = np.zeros(0, np.int64)
    if not len(problem.source_edges) or not len(problem.target_edges):
        return none, none
    width = problem.vertex.shape[1]
    ends = target[problem.source_edges].astype(np.int64)
    wanted = np.where((ends >= 0).all(axis=1), ends[:, 0] * width + ends[:, 1], -1)
    codes = problem.target_edges[:, 0].astype(np.int64) * width + problem.target_edges[:, 1]
    order = np.argsort(codes)
    at = order[np.minimum(np.searchsorted(codes, wanted, sorter=order), len(codes) - 1)]
    source = np.flatnonzero(codes[at] == wanted)
    return source, at[source]


def gumbel_noise(shape: Sequence[int], seed: int) -> NDArray[np.float32]:
    """Standard Gumbel noise of shape (rows, columns), the same on every machine: what `Problem` adds to its vertices.

    Raises ValueError if the shape or the seed is not one.
    """
    rows, columns = shape
    if rows < 0 or columns < 0:
        raise ValueError(f"shape is {tuple(shape)}, must be (rows, columns)")
    return _core.gumbel(rows, columns, seed_of("seed", seed))
