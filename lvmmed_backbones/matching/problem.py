"""Graph matching problems: what the solver accepts, checked at the door."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lvmmed_backbones.matching import _core
from lvmmed_backbones.matching.reduction import (
    FORBIDDING,
    common_part,
    most_edges,
    most_products,
    near_numbers,
    raise_far_edges,
    reduce,
)

# Sums of larger affinities would lose the small ones, in float64 too.
LARGEST_AFFINITY = 1e12
NOISE_RANGE = 20  # the largest draw of the standard noise is 16.7, the least -2.9


class Problem:
    """Match the vertices of a source graph to those of a target graph (a quadratic assignment problem).

    The solver maximises, over matchings ``p`` that match every vertex of the smaller graph to a vertex of its own,

        sum_i vertex[i, p(i)]  +  sum_{e = (i, j), f = (a, b)} edge[e, f] [p(i) = a] [p(j) = b]

    (Swoboda et al. 2017, eq. 1, with affinities in place of costs).

    Numbers of every real type are taken, in any layout. They are kept contiguous: as float32 if that holds every value of
    their type, else as float64; edges as int32. The search works in float32, after it has taken off what every matching
    earns: a common part of the vertex affinities, and one of the edge affinities if every matching carries the same number
    of edges (one graph is complete, and all vertices of the other are matched). Elsewhere such a part decides which
    matching is best, and edge affinities that differ by less than 1e-7 of it are alike to the search.

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
            _check_shape("edge", self.edge, counts)
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
            _check_shape("vertex", problem.vertex, self.vertex.shape)
        if edge is not None:
            problem.edge = affinities("edge", edge)
            _check_shape("edge", problem.edge, (len(self.source_edges), len(self.target_edges)))
            problem.source_features = problem.target_features = None
        problem._prepare()
        return problem

    def _prepare(self) -> None:
        """What the search sees of the affinities, in float32: core/bindings.cpp reads it."""
        self._edge_part = 0.0
        self._edge = self._source_features = self._target_features = None
        self._raised = False
        if self.edge is None:
            self._source_features = np.asarray(self.source_features, np.float32)
            self._target_features = np.asarray(self.target_features, np.float32)
        elif (raised := raise_far_edges(self.edge, self._most_others)) is not None:
            self._raised = True
            self._edge = np.asarray(raised, np.float32)
        else:
            self._round_edges()
        self._reduction, depends = reduce(self.vertex, self._typical_other, self._most_gain)
        self._depends_on_noise = depends or self._raised

    def _round_edges(self) -> None:
        assert self.edge is not None
        edge = self.edge
        if edge.size and self._carries_the_same_edges():
            self._edge_part = common_part(float(edge.min()), float(edge.max()))
        if self._edge_part:
            edge = edge.astype(np.float64) - self._edge_part
        self._edge = np.asarray(edge, np.float32)

    def carries_raised_edges(self, target: NDArray[np.int32]) -> bool:
        """Whether a matching carries edges that were raised for the search, as if a best one could do without."""
        if not self._raised:
            return False
        at = matched_edges(self, target)
        return bool((self._edge[at] > self.edge[at].astype(np.float32)).any())

    def without_raised_edges(self) -> Problem:
        """The same problem, whose search sees all edge affinities as they are; it shares the arrays."""
        problem = copy.copy(self)
        problem._raised = False
        problem._round_edges()
        return problem

    def _carries_the_same_edges(self) -> bool:
        """Whether every matching carries the same number of edges: all of one graph, onto a complete one."""
        sources, targets = self.vertex.shape
        onto_target = len(self.target_edges) == targets * (targets - 1) and sources <= targets
        onto_source = len(self.source_edges) == sources * (sources - 1) and targets <= sources
        return onto_target or onto_source

    def _most_others(self) -> float:
        """By how much, at most, matchings differ in all but their edges; pairs that none should use left out."""
        vertex = near_numbers(self.vertex[self.vertex > FORBIDDING])
        spread = float(np.ptp(vertex)) if vertex.size else 0.0
        return min(self.vertex.shape) * spread + self._most_noise()

    def _most_noise(self) -> float:
        return NOISE_RANGE * (
            self.vertex_noise * min(self.vertex.shape)
            + self.edge_noise * min(len(self.source_edges), len(self.target_edges))
        )

    def _typical_other(self) -> float:
        """The size of what is not a vertex affinity: the mean over a thousand edge affinities, and noise."""
        if self._edge is None:
            lengths = [np.abs(x).mean() for x in (self._source_features, self._target_features) if x.size]
            edge = np.prod(lengths)
        else:
            some = self._edge.ravel()[:: max(1, self._edge.size // 1024)]
            edge = np.abs(some).mean() if some.size else 0
        return float(edge) + self.vertex_noise + self.edge_noise

    def _most_gain(self, target: NDArray[np.int32]) -> float:
        """By how much, at most, the edges and the noise of a matching exceed those of the matching ``target``."""
        source_edges, target_edges = matched_edges(self, target)
        if self._edge is not None:
            most = most_edges(self._edge)
            carried = self._edge[source_edges, target_edges]
        else:
            source, target = (
                x.astype(np.float64) for x in (self._source_features, self._target_features)
            )
            most = most_products(source, target)
            carried = (source[source_edges] * target[target_edges]).sum(axis=1)
        return most - float(carried.sum(dtype=np.float64)) + self._most_noise()


def _check_shape(name: str, matrix: NDArray, shape: tuple[int, ...]) -> None:
    if matrix.shape != shape:
        raise ValueError(f"{name} has shape {matrix.shape}: {shape} is wanted, one for each pair")


def numbers(name: str, values: ArrayLike) -> NDArray:
    """`values` as float32 if that holds every value of their type, else as float64: no digit is lost to a caller's type.

    Raises ValueError for what is masked or not of real numbers. Fractions, decimals and large integers of Python are.
    """
    array = unmasked(name, values)
    if array.dtype == object and all(isinstance(x, Real | Decimal) for x in array.flat):
        with suppress(ArithmeticError, ValueError):  # an integer beyond float64, a signalling NaN
            array = array.astype(np.float64)
    if not np.can_cast(array.dtype, np.longdouble):
        raise ValueError(
            f"{name} has shape {array.shape} and type {array.dtype}: a matrix of real numbers is wanted"
        )
    exact = np.float32 if np.can_cast(array.dtype, np.float32) else np.float64
    with np.errstate(over="ignore"):  # what overflows is refused as infinite
        return np.ascontiguousarray(array, dtype=exact)


def unmasked(name: str, values: ArrayLike) -> NDArray:
    """`values` as an array. Raises ValueError if it hides some of them, or is none."""
    parts = values if isinstance(values, list | tuple) else [values]
    if any(isinstance(part, np.ma.MaskedArray) for part in parts):
        raise ValueError(
            f"{name} is a masked array: say what the masked values are, as in {name}.filled(value)"
        )
    try:
        return np.asarray(values)
    except (TypeError, RuntimeError) as error:  # tensors of bfloat16, or that need gradients
        raise ValueError(
            f"{name} cannot be read as an array ({error}): give a tensor as tensor.detach().float().cpu()"
        ) from error


def affinities(name: str, values: ArrayLike, forbids: float | None = None) -> NDArray:
    """`values` as a contiguous matrix of float32 or float64 (`numbers`), in which ``forbids``, -inf or +inf, is allowed.

    Raises ValueError naming the first value that is not allowed.
    """
    matrix = numbers(name, values)
    if matrix.ndim != 2:
        raise ValueError(
            f"{name} has shape {matrix.shape} and type {matrix.dtype}: a matrix of real numbers is wanted"
        )
    at = _core.first_invalid(
        -matrix if forbids == np.inf else matrix,
        LARGEST_AFFINITY,
        np.nan if forbids is None else FORBIDDING,
    )
    if at >= 0:
        row, column = divmod(at, matrix.shape[1])
        raise ValueError(
            f"{name}[{row}, {column}] is {np.asarray(values)[row, column]!s}: finite numbers of magnitude up to 1e12 are "
            "wanted" + (f", or {forbids} to forbid a pair" if forbids is not None else "")
        )
    return matrix


def features_of(name: str, values: ArrayLike | None, edges: int) -> NDArray:
    """`values` as the features of so many edges. Raises ValueError otherwise."""
    if values is None:
        raise ValueError(f"{name} is missing: features are wanted for the edges of both graphs")
    features = affinities(name, values)
    if len(features) != edges:
        raise ValueError(
            f"{name} has {len(features)} rows: one for each of {edges} edges is wanted"
        )
    return features


def check_products(source: NDArray, target: NDArray) -> None:
    """Raises ValueError unless the products of both features are affinities."""
    if source.shape[1] != target.shape[1]:
        raise ValueError(
            f"source_features have {source.shape[1]} columns and target_features {target.shape[1]}: they must agree"
        )
    lengths = [
        np.linalg.norm(x.astype(np.float64), axis=1).max(initial=0) for x in (source, target)
    ]
    if lengths[0] * lengths[1] > LARGEST_AFFINITY:  # |a . b| <= |a| |b|
        raise ValueError(
            "the products of source_features and target_features exceed 1e12: scale them"
        )


def edges_of(name: str, values: ArrayLike, vertices: int) -> NDArray[np.int32]:
    """`values` as a contiguous (E, 2) int32 array. Raises ValueError naming the first edge that is not allowed."""
    array = unmasked(name, values)
    if array.size == 0:
        return np.zeros((0, 2), np.int32)
    if array.dtype.kind not in "iu" or array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(
            f"{name} has shape {array.shape} and type {array.dtype}: integers of shape (edges, 2) are wanted"
        )
    outside = ((array < 0) | (array >= vertices)).any(axis=1)
    if outside.any():
        at = int(outside.argmax())
        raise ValueError(f"{name}[{at}] is {array[at].tolist()}: vertices are 0 to {vertices - 1}")
    loops = array[:, 0] == array[:, 1]
    if loops.any():
        at = int(loops.argmax())
        raise ValueError(
            f"{name}[{at}] is {array[at].tolist()}: a loop belongs into the vertex affinities"
        )
    codes = array[:, 0].astype(np.int64) * vertices + array[:, 1]
    ordered = np.sort(codes)
    repeated = ordered[1:] == ordered[:-1]
    if repeated.any():
        pair = divmod(int(ordered[int(repeated.argmax())]), vertices)
        raise ValueError(
            f"{name} has the edge {list(pair)} more than once: add their affinities up"
        )
    return np.ascontiguousarray(array, dtype=np.int32)


def scale_of(name: str, value: float) -> float:
    """`value` if it is a scale of noise. Raises ValueError otherwise."""
    if not 0 <= value <= LARGEST_AFFINITY:
        raise ValueError(f"{name} is {value}: a scale in [0, 1e12] is wanted")
    return float(value)


def seed_of(name: str, value: int) -> int:
    """`value` if it is a seed. Raises ValueError otherwise."""
    if not isinstance(value, int | np.integer) or not 0 <= value < 2**64:
        raise ValueError(f"{name} is {value!r}: an integer in [0, 2**64) is wanted")
    return int(value)


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
        raise ValueError(f"shape is {tuple(shape)}: (rows, columns) is wanted")
    return _core.gumbel(rows, columns, seed_of("seed", seed))
