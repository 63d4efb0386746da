"""The reduction of affinities before the search in float32.

A number that every matching gains changes no result, but it costs digits of float32: it is subtracted. A number so low
that no best matching can have it is as good as -inf, but it hides the scale of all others: it is replaced. Both kinds
are found in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.matching import _core

# Vertex affinities up to this one forbid their pair: -inf, and the lowest numbers of float32 and bfloat16.
FORBIDDING = -1e30
NOISE_RANGE = 20  # draws of the standard noise lie between -2.9 and 16.7


@dataclass(frozen=True)
class Reduction:
    """The search sees ``vertex[i, a] - source[i] - target[a]``; a value below ``lowest`` forbids the pair.

    The smaller graph is padded with vertices of affinity 0. So every vertex is matched, and every matching gains what
    is subtracted.

    Attributes
    ----------
    source, target : (N,) float64, N = max(N_s, N_t)
    lowest : float
    """

    source: NDArray[np.float64]
    target: NDArray[np.float64]
    lowest: float = -np.inf


def common_part(low: float, high: float) -> float:
    """Return what to subtract from numbers between `low` and `high` so that float32 keeps their differing digits.

    It is 0 unless the numbers lie far from 0 compared with their spread: else float32 keeps enough digits.
    """
    spread, middle = high - low, (low + high) / 2
    if abs(middle) <= max(8 * spread, 1e-30):
        return 0.0
    # The roundest number near them: adding and subtracting a round number changes no digits.
    first = math.floor(math.log10(abs(middle)))
    for digits in range(17):
        unit = 10.0 ** (first - digits)
        part = round(middle / unit) * unit
        if abs(part - middle) <= spread:
            return part
    return middle


def _far_below(numbers: NDArray) -> NDArray[np.bool_]:
    """Return which gaps (K - 1,) between sorted numbers (K,) are as wide as the range of all numbers above them."""
    return np.diff(numbers) >= numbers[-1:] - numbers[1:]


def near_numbers(numbers: NDArray) -> NDArray:
    """Return the sorted numbers (K,) without those that lie far below others."""
    ordered = np.sort(numbers)
    far = np.flatnonzero(_far_below(ordered) & (np.diff(ordered) > 0))
    return ordered[far[-1] + 1 :] if far.size else ordered


def raise_far_edges(edge: NDArray, others: Callable[[], float]) -> NDArray | None:
    """Raise the edge affinities (E_s, E_t) that no best matching can have; return None if no affinity is so low.

    This assumes that some matching has none of these edges. If there is no such matching, the best one may be missed.

    Parameters
    ----------
    others : function
        Returns the largest difference between matchings apart from their edges.
    """
    low, _, far, _ = _core.survey(edge, -np.inf)
    if not far or low >= 0:
        return None
    most = most_edges(edge) + others()
    if low >= -2 * most:
        return None
    near = np.maximum(edge, near_numbers(edge.ravel())[0])
    # A matching with one edge at this floor is worse than any matching with none.
    floor = -2 * (most + most_edges(-near))
    return np.maximum(edge, floor) if low < floor < 0 else None


def most_edges(edge: NDArray) -> float:
    """Return the most that edge affinities (E_s, E_t) can add: each edge of either graph counts at most once."""
    gains = np.maximum(edge, 0)
    return min(float(gains.max(axis=k, initial=0).sum(dtype=np.float64)) for k in (0, 1))


def most_products(source: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    """Return the same for products of features (E_s, F) and (E_t, F): a product is at most that of the lengths."""
    lengths = np.linalg.norm(source, axis=1), np.linalg.norm(target, axis=1)
    return min(float(one.sum() * other.max(initial=0)) for one, other in (lengths, lengths[::-1]))


def reduce(
    vertex: NDArray,
    typical_other: Callable[[], float],
    most_gain: Callable[[NDArray[np.int32]], float],
) -> tuple[Reduction | None, bool]:
    """Return the reduction of vertex affinities (None: they stay as they are), and whether it depends on `most_gain`.

    Parameters
    ----------
    vertex : ndarray of shape (N_s, N_t)
    typical_other : function
        Returns the scale of edge affinities and noise. Vertex affinities on about the same scale stay as they are.
    most_gain : function of a matching (N_s,)
        Returns the most that any other matching can gain over this one apart from vertex affinities.
    """
    low, high, below, above = _core.survey(vertex, FORBIDDING)
    if (below or above) and high - low > 100 * typical_other():
        return _reduce_far_numbers(vertex, most_gain), True
    return _without(common_part(low, high), vertex.shape), False


def _reduce_far_numbers(
    vertex: NDArray, most_gain: Callable[[NDArray[np.int32]], float]
) -> Reduction | None:
    """Return the reduction if some numbers lie far from the rest.

    The best matching by vertex affinities alone gives prices of the targets, the dual of linear assignment. With them
    ``loss[i, a]`` is the least loss in vertex affinities of a matching that uses the pair. A pair that loses more than
    all else can gain is in no best matching.
    """
    sources, targets = vertex.shape
    n = max(sources, targets)
    padded = np.zeros((n, n))
    padded[:sources, :targets] = np.maximum(vertex, FORBIDDING)
    place, price = _core.assign(padded)
    if padded[np.arange(n), place].min() <= FORBIDDING:
        return None  # every matching uses a forbidden pair
    worth = (padded - price).max(axis=1)
    loss = worth[:, None] + price - padded
    ordered = np.sort(vertex[vertex > FORBIDDING]).astype(np.float64)
    low, high = ordered[[0, -1]].tolist()
    rounding = 1e-12 * max(-low, high)
    margin = most_gain(np.where(place < targets, place, -1)[:sources]) + rounding
    useful = vertex[(loss[:sources, :targets] <= margin) & (vertex > FORBIDDING)]
    # Numbers that lie far below all others and are in no best matching stand for -inf.
    far = np.flatnonzero(_far_below(ordered) & (ordered[:-1] < useful.min(initial=np.inf)))
    lowest = -np.inf
    if far.size:
        low = lowest = float(ordered[far[-1] + 1])
    if high - low <= 4 * margin:
        part = common_part(low, high)
        return _without(part, vertex.shape, min(0.0, lowest - part))
    # Useful numbers lie far apart: subtract what a source or a target gains in every matching.
    return Reduction(worth, price, -margin)


def obvious_matching(
    vertex: NDArray,
    edge: NDArray | None,
    source_edges: NDArray[np.int32],
    vertex_noise: float,
    edge_noise: float,
) -> NDArray[np.int32] | None:
    """Return the best matching if vertex affinities alone decide it, whatever edges and noise are; else None.

    That is so if each source has its best target for itself, and would lose more with another one than all its edges
    and the noise can gain. Gradients of matchings often move affinities so far.

    Parameters
    ----------
    vertex : ndarray of shape (N_s, N_t)
    edge : ndarray of shape (E_s, E_t), optional
        None: not known, so nothing is obvious.
    source_edges : ndarray of shape (E_s, 2)
    vertex_noise, edge_noise : float
        Scales of the Gumbel noise.
    """
    sources, targets = vertex.shape
    if edge is None or sources > targets:
        return None
    best = vertex.argmax(axis=1)
    if len(set(best.tolist())) < sources:
        return None
    others = vertex.copy()
    others[np.arange(sources), best] = -np.inf
    margin = vertex.max(axis=1) - others.max(axis=1)
    # An edge gains what it has, or nothing if it is carried onto none.
    most_edge = 0.0
    if edge.size:
        most_edge = max(float(edge.max()), 0) - min(float(edge.min()), 0) + NOISE_RANGE * edge_noise
    degrees = np.bincount(source_edges.ravel(), minlength=sources)
    decided = margin > NOISE_RANGE * vertex_noise + degrees * most_edge
    return best.astype(np.int32) if decided.all() else None


def _without(part: float, shape: tuple[int, int], lowest: float = -np.inf) -> Reduction | None:
    """Return the reduction that subtracts a common part from all pairs."""
    if part == 0 and lowest == -np.inf:
        return None
    sources, targets = shape
    of_source, of_target = np.zeros((2, max(shape)))
    if sources <= targets:
        of_source[:sources] = part
    else:
        of_target[:targets] = part
    return Reduction(of_source, of_target, lowest)
