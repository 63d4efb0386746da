"""What is taken off the affinities before they are searched in float32.

A number that every matching earns changes no matching, and digits of float32 are lost to it. A number so low that no
best matching can earn it is no better than -inf, and hides the size of all others. Both are told apart in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.matching import _core

# Vertex affinities that forbid their pair: -inf, and what stands for it, the lowest number of float32 or bfloat16.
FORBIDDING = -1e30


@dataclass(frozen=True)
class Reduction:
    """Affinities are searched as ``vertex[i, a] - source[i] - target[a]``; below ``lowest`` they forbid the pair.

    The smaller graph is padded with vertices of affinity 0, so that every vertex is matched and the parts are earned by
    every matching.

    Attributes
    ----------
    source, target : (N,) float64, N = max(N_s, N_t)
    lowest : float
    """

    source: NDArray[np.float64]
    target: NDArray[np.float64]
    lowest: float = -np.inf


def common_part(low: float, high: float) -> float:
    """What to take off numbers between `low` and `high` so that float32 keeps the digits in which they differ.

    0 unless they lie far from 0 for how much they differ: then float32 keeps enough of them as they are.
    """
    spread, middle = high - low, (low + high) / 2
    if abs(middle) <= max(8 * spread, 1e-30):
        return 0.0
    # The roundest number near them: numbers that were moved by a round one come back as they were.
    first = math.floor(math.log10(abs(middle)))
    for digits in range(17):
        unit = 10.0 ** (first - digits)
        part = round(middle / unit) * unit
        if abs(part - middle) <= spread:
            return part
    return middle


def far_below(numbers: NDArray) -> NDArray[np.bool_]:
    """Which of the gaps between sorted numbers (K,) are as wide as all that lies above them: (K - 1,)."""
    return np.diff(numbers) >= numbers[-1:] - numbers[1:]


def near_numbers(numbers: NDArray) -> NDArray:
    """Those of (K,) numbers that do not lie far below others, sorted."""
    ordered = np.sort(numbers)
    far = np.flatnonzero(far_below(ordered) & (np.diff(ordered) > 0))
    return ordered[far[-1] + 1 :] if far.size else ordered


def raise_far_edges(edge: NDArray, others: Callable[[], float]) -> NDArray | None:
    """Edge affinities (E_s, E_t), those raised that keep a matching with them from being best; None if none is so low.

    That takes for granted that some matching carries none of them. If all do, which of them is best may be lost.

    Parameters
    ----------
    others : function
        By how much, at most, matchings differ in all but their edges.
    """
    low, _, far, _ = _core.survey(edge, -np.inf)
    if not far or low >= 0:
        return None
    most = most_edges(edge) + others()
    if low >= -2 * most:
        return None
    near = np.maximum(edge, near_numbers(edge.ravel())[0])
    # With one at this floor, a matching is worse than any with none.
    floor = -2 * (most + most_edges(-near))
    return np.maximum(edge, floor) if low < floor < 0 else None


def most_edges(edge: NDArray) -> float:
    """What edge affinities (E_s, E_t) can earn at most: an edge of either graph is carried once, or not."""
    gains = np.maximum(edge, 0)
    return min(float(gains.max(axis=k, initial=0).sum(dtype=np.float64)) for k in (0, 1))


def most_products(source: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    """The same for the products of features (E_s, F) and (E_t, F): none exceeds that of their lengths."""
    lengths = np.linalg.norm(source, axis=1), np.linalg.norm(target, axis=1)
    return min(float(one.sum() * other.max(initial=0)) for one, other in (lengths, lengths[::-1]))


def reduce(
    vertex: NDArray,
    typical_other: Callable[[], float],
    most_gain: Callable[[NDArray[np.int32]], float],
) -> tuple[Reduction | None, bool]:
    """The reduction of vertex affinities (None: they are searched as they are), and whether it depends on `most_gain`.

    Parameters
    ----------
    vertex : (N_s, N_t)
    typical_other : function
        The size of edge affinities and noise: vertex affinities that spread little further are left as they are.
    most_gain : function of a matching (N_s,)
        By how much, at most, any other matching earns more than that one apart from vertex affinities.
    """
    low, high, below, above = _core.survey(vertex, FORBIDDING)
    if (below or above) and high - low > 100 * typical_other():
        return _reduce_far_numbers(vertex, most_gain), True
    return _without(common_part(low, high), vertex.shape), False


def _reduce_far_numbers(
    vertex: NDArray, most_gain: Callable[[NDArray[np.int32]], float]
) -> Reduction | None:
    """`reduce` where some numbers lie far from the rest.

    The best matching by vertex affinities alone comes with prices of the places, the dual of linear assignment. By them
    ``loss[i, a]`` is the least that a matching loses in vertex affinities when it uses the pair. A pair that loses more
    than all else can gain is in no best matching.
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
    # Those that lie far below all others and are of no use stand for -inf.
    far = np.flatnonzero(far_below(ordered) & (ordered[:-1] < useful.min(initial=np.inf)))
    lowest = -np.inf
    if far.size:
        low = lowest = float(ordered[far[-1] + 1])
    if high - low <= 4 * margin:
        part = common_part(low, high)
        return _without(part, vertex.shape, min(0.0, lowest - part))
    # Some that lie far apart are useful: what a vertex or a place earns in every matching is taken off.
    return Reduction(worth, price, -margin)


def _without(part: float, shape: tuple[int, int], lowest: float = -np.inf) -> Reduction | None:
    """A part that is common to all pairs, as many as the smaller graph has vertices."""
    if part == 0 and lowest == -np.inf:
        return None
    sources, targets = shape
    of_source, of_target = np.zeros((2, max(shape)))
    if sources <= targets:
        of_source[:sources] = part
    else:
        of_target[:targets] = part
    return Reduction(of_source, of_target, lowest)
