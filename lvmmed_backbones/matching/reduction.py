"""What is taken off the vertex affinities before they are searched in float32.

A number that every matching earns changes no matching, and digits of float32 are lost to it. A number so low that no best
matching can earn it is no better than -inf, and hides the size of all others. Both are told apart in float64.
"""

from __future__ import annotations

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
    if abs(middle) <= 8 * spread:
        return 0.0
    if spread == 0:
        return middle
    # A power of two above the spread: numbers on both sides of 0 that were moved by its multiple come back as they were.
    step = 2.0 ** (np.floor(np.log2(spread)) + 1)
    return float(np.round(middle / step) * step)


def reduce(
    vertex: NDArray, most_gain: Callable[[NDArray[np.int32]], float]
) -> tuple[Reduction | None, bool]:
    """The reduction of vertex affinities (None: they are searched as they are), and whether it depends on `most_gain`.

    Parameters
    ----------
    vertex : (N_s, N_t)
    most_gain : function of a matching (N_s,)
        By how much, at most, any other matching earns more than that one apart from vertex affinities.
    """
    allowed = vertex.ravel() if vertex.min() > FORBIDDING else vertex[vertex > FORBIDDING]
    if not allowed.size:
        return None, False
    low, high = float(allowed.min()), float(allowed.max())
    if _may_lie_far(allowed, low, high):
        return _reduce_far_numbers(vertex, allowed, most_gain), True
    return _without(common_part(low, high), vertex.shape), False


def _may_lie_far(numbers: NDArray, low: float, high: float) -> bool:
    """Whether some lie further below all others than those from each other: a look at a thousand, for speed.

    Where few are above, that may be chance: then the gap must be wide for all numbers too.
    """
    some = np.sort(np.append(numbers[:: max(1, numbers.size // 1024)], [low, high]))
    gaps, above = np.diff(some), high - some[1:]
    wide = gaps > (high - low) / 4
    wide[:-8] = True
    return bool((wide & (gaps >= above) & (gaps > 0)).any())


def _reduce_far_numbers(
    vertex: NDArray, allowed: NDArray, most_gain: Callable[[NDArray[np.int32]], float]
) -> Reduction | None:
    """`reduce` where some numbers lie far from the rest.

    The best matching by vertex affinities alone comes with prices of the places (the dual of linear assignment), by which
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
    low, high = float(allowed.min()), float(allowed.max())
    rounding = 1e-12 * max(-low, high)
    margin = most_gain(np.where(place < targets, place, -1)[:sources]) + rounding
    useful = vertex[(loss[:sources, :targets] <= margin) & (vertex > FORBIDDING)]
    # Below the useful ones, the first that lie further from all above than those from each other stand for -inf.
    ordered = np.sort(allowed)
    far = (np.diff(ordered) >= high - ordered[1:]) & (ordered[:-1] < useful.min(initial=np.inf))
    if far.any():
        low = float(ordered[np.flatnonzero(far)[-1] + 1])
    if high - low <= 4 * margin:
        part = common_part(low, high)
        return _without(part, vertex.shape, min(0.0, low - part) if far.any() else -np.inf)
    # Numbers that differ by more than decides are useful: what their vertices earn in any case is taken off each.
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
