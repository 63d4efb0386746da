"""Graph matching problems: what the solver accepts, checked at the door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lvmmed_backbones.matching import _core

# Sums of larger affinities would lose the small ones: the search works in float32.
LARGEST_AFFINITY = 1e12


@dataclass(frozen=True, eq=False)
class Problem:
    """Match the vertices of a source graph to those of a target graph (a quadratic assignment problem).

    The solver maximises, over matchings ``p`` that match every vertex of the smaller graph to a vertex of its own,

        sum_i vertex[i, p(i)]  +  sum_{e = (i, j), f = (a, b)} edge[e, f] [p(i) = a] [p(j) = b]

    (Swoboda et al. 2017, eq. 1, with affinities in place of costs). Arrays of any layout and of float64 or integers are
    taken and kept as contiguous float32 and int32.

    Parameters
    ----------
    vertex : (N_s, N_t)
        Affinity of source vertex and target vertex; ``-inf`` forbids the pair.
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
        For shapes that do not fit, an empty graph, values that are NaN, +inf or beyond 1e12, edges that are out of
        range, repeated or loops.
    """

    vertex: NDArray[np.float32]
    source_edges: NDArray[np.int32] = ()  # type: ignore[assignment]
    target_edges: NDArray[np.int32] = ()  # type: ignore[assignment]
    edge: NDArray[np.float32] | None = None
    source_features: NDArray[np.float32] | None = None
    target_features: NDArray[np.float32] | None = None
    vertex_noise: float = 0.0
    edge_noise: float = 0.0
    noise_seed: int = 0

    def __post_init__(self) -> None:
        put = object.__setattr__
        vertex = affinities("vertex", self.vertex, may_forbid=True)
        if 0 in vertex.shape:
            raise ValueError(f"vertex has shape {vertex.shape}: both graphs need a vertex")
        put(self, "vertex", vertex)
        for name, count in zip(("source_edges", "target_edges"), vertex.shape, strict=True):
            put(self, name, edges_of(name, getattr(self, name), count))
        shape = (len(self.source_edges), len(self.target_edges))
        if self.edge is None and self.source_features is None and 0 in shape:
            put(self, "edge", np.zeros(shape, np.float32))
        if (self.edge is None) == (self.source_features is None and self.target_features is None):
            raise ValueError("give either edge, or source_features and target_features")
        if self.edge is not None:
            put(self, "edge", affinities("edge", self.edge))
            if self.edge.shape != shape:
                raise ValueError(
                    f"edge has shape {self.edge.shape}: {shape} is wanted, for {shape[0]} source edges and "
                    f"{shape[1]} target edges"
                )
        else:
            self._check_features(shape)
        for name in ("vertex_noise", "edge_noise"):
            value = float(getattr(self, name))
            if not 0 <= value <= LARGEST_AFFINITY:
                raise ValueError(f"{name} is {value}: a scale in [0, 1e12] is wanted")
            put(self, name, value)
        put(self, "noise_seed", seed_of("noise_seed", self.noise_seed))

    def with_noise(self, vertex_noise: float, edge_noise: float, noise_seed: int) -> Problem:
        """The same problem under other noise; its arrays are shared and not checked again."""
        return self._changed(vertex_noise=vertex_noise, edge_noise=edge_noise, noise_seed=noise_seed)

    def with_affinities(self, vertex: ArrayLike, edge: ArrayLike) -> Problem:
        """The same graphs and noise with other affinities, of the same shapes. Raises ValueError as the constructor."""
        return self._changed(
            vertex=affinities("vertex", vertex, may_forbid=True), edge=affinities("edge", edge)
        )

    def _changed(self, **fields: object) -> Problem:
        problem = object.__new__(Problem)
        problem.__dict__.update(self.__dict__, **fields)
        return problem

    def _check_features(self, shape: tuple[int, int]) -> None:
        features = []
        for name, count in zip(("source_features", "target_features"), shape, strict=True):
            if getattr(self, name) is None:
                raise ValueError(f"{name} is missing: features are wanted for the edges of both graphs")
            features.append(affinities(name, getattr(self, name)))
            if len(features[-1]) != count:
                raise ValueError(f"{name} has {len(features[-1])} rows: one for each of {count} edges is wanted")
            object.__setattr__(self, name, features[-1])
        source, target = features
        if source.shape[1] != target.shape[1]:
            raise ValueError(
                f"source_features have {source.shape[1]} columns and target_features {target.shape[1]}: they must agree"
            )
        # |a . b| <= |a| |b|: keeps the products within the range of affinities.
        longest = [float(np.sqrt((x.astype(np.float64) ** 2).sum(1)).max(initial=0)) for x in features]
        if longest[0] * longest[1] > LARGEST_AFFINITY:
            raise ValueError("the products of source_features and target_features exceed 1e12: scale them")


def affinities(name: str, values: ArrayLike, may_forbid: bool = False) -> NDArray[np.float32]:
    """`values` as a contiguous float32 matrix. Raises ValueError naming the first value that is not allowed."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiu" or array.ndim != 2:
        raise ValueError(
            f"{name} has shape {array.shape} and type {array.dtype}: a matrix of real numbers is wanted"
        )
    with np.errstate(over="ignore"):  # what overflows is found below, and named
        matrix = np.ascontiguousarray(array, dtype=np.float32)
    at = _core.first_invalid(matrix, LARGEST_AFFINITY, may_forbid)
    if at >= 0:
        row, column = divmod(at, matrix.shape[1])
        raise ValueError(
            f"{name}[{row}, {column}] is {array[row, column]}: finite numbers of magnitude up to 1e12 are wanted"
            + (", or -inf to forbid a pair" if may_forbid else "")
        )
    return matrix


def edges_of(name: str, values: ArrayLike, vertices: int) -> NDArray[np.int32]:
    """`values` as a contiguous (E, 2) int32 array. Raises ValueError naming the first edge that is not allowed."""
    array = np.asarray(values)
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
        raise ValueError(f"{name} has the edge {list(pair)} more than once: add their affinities up")
    return np.ascontiguousarray(array, dtype=np.int32)


def seed_of(name: str, value: int) -> int:
    """`value` if it is a seed. Raises ValueError otherwise."""
    if not isinstance(value, int | np.integer) or not 0 <= value < 2**64:
        raise ValueError(f"{name} is {value!r}: an integer in [0, 2**64) is wanted")
    return int(value)


def matched_edges(problem: Problem, target: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
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
