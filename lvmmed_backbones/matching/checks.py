"""Checks of the solver's arguments. The code behind them trusts the arguments."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lvmmed_backbones.matching import _core
from lvmmed_backbones.matching.reduction import FORBIDDING

# Even in float64, sums with larger affinities would lose the small ones.
LARGEST_AFFINITY = 1e12


def check_shape(name: str, matrix: NDArray, shape: tuple[int, ...]) -> None:
    """Raise ValueError if a matrix has another shape."""
    if matrix.shape != shape:
        raise ValueError(f"{name} has shape {matrix.shape}, must be {shape}, one for each pair")


def _float(number: float | Fraction | Decimal) -> float:
    try:
        return float(number)
    except OverflowError:  # of integers and fractions
        return np.inf if number > 0 else -np.inf


def _unmasked_array(name: str, values: ArrayLike) -> NDArray:
    """Return `values` as an array. Raise ValueError if they are masked, or cannot be an array."""
    arrays = values if isinstance(values, list | tuple) else [values]
    if any(isinstance(array, np.ma.MaskedArray) for array in arrays):
        raise ValueError(
            f"{name} is a masked array: say what the masked values are, as in {name}.filled(value)"
        )
    try:
        return np.asarray(values)
    except (TypeError, RuntimeError) as error:  # tensors of bfloat16, or that need gradients
        raise ValueError(
            f"{name} cannot be read as an array ({error}): give a tensor as tensor.detach().float().cpu()"
        ) from error


def checked_affinities(name: str, values: ArrayLike, forbids: float | None = None) -> NDArray:
    """Return `values` as a contiguous matrix of float32, or of float64 if float32 cannot hold their type exactly.

    Python's fractions, decimals and large integers count as real numbers.

    Parameters
    ----------
    forbids : float, optional
        The infinite value that forbids a pair: -inf for affinities, +inf for costs. Huge values stand for it.

    Raises
    ------
    ValueError
        If the array is masked or is no matrix of real numbers; if a value is not finite or beyond 1e12, and does not
        forbid a pair. The message has the first such value.
    """
    array = _unmasked_array(name, values)
    if array.dtype == object and all(isinstance(x, Real | Decimal) for x in array.flat):
        array = np.array([_float(x) for x in array.flat], np.float64).reshape(array.shape)
    if array.ndim != 2 or not np.can_cast(array.dtype, np.longdouble):
        raise ValueError(
            f"{name} has shape {array.shape} and type {array.dtype}, must be a matrix of real numbers"
        )
    exact = np.float32 if np.can_cast(array.dtype, np.float32) else np.float64
    with np.errstate(over="ignore"):  # infinite values are refused below
        matrix: NDArray = np.ascontiguousarray(array, dtype=exact)
    at = _core.first_invalid(
        -matrix if forbids == np.inf else matrix,
        LARGEST_AFFINITY,
        np.nan if forbids is None else FORBIDDING,
    )
    if at >= 0:
        row, column = divmod(at, matrix.shape[1])
        raise ValueError(
            f"{name}[{row}, {column}] is {np.asarray(values)[row, column]!s}: numbers must be finite, of magnitude up "
            "to 1e12" + (f", or {forbids} to forbid a pair" if forbids is not None else "")
        )
    return matrix


def checked_features(name: str, values: ArrayLike | None, edges: int) -> NDArray:
    """Return `values` as the features of a number of edges. Raise ValueError if they are not."""
    if values is None:
        raise ValueError(f"{name} is missing: the edges of both graphs must have features")
    features = checked_affinities(name, values)
    if len(features) != edges:
        raise ValueError(
            f"{name} has {len(features)} rows, must have one for each of {edges} edges"
        )
    return features


def check_products(source: NDArray, target: NDArray) -> None:
    """Raise ValueError if the products of both features cannot be affinities."""
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


def checked_edges(name: str, values: ArrayLike, vertices: int) -> NDArray[np.int32]:
    """Return `values` as a contiguous (E, 2) int32 array. Raise ValueError with the first edge that is not allowed."""
    array = _unmasked_array(name, values)
    if array.size == 0:
        return np.zeros((0, 2), np.int32)
    if array.dtype.kind not in "iu" or array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(
            f"{name} has shape {array.shape} and type {array.dtype}, must be integers of shape (edges, 2)"
        )
    outside = ((array < 0) | (array >= vertices)).any(axis=1)
    loops = array[:, 0] == array[:, 1]
    for wrong, reason in (
        (outside, f"vertices are 0 to {vertices - 1}"),
        (loops, "a loop belongs into the vertex affinities"),
    ):
        if wrong.any():
            at = int(wrong.argmax())
            raise ValueError(f"{name}[{at}] is {array[at].tolist()}: {reason}")
    codes = array[:, 0].astype(np.int64) * vertices + array[:, 1]
    ordered = np.sort(codes)
    repeated = ordered[1:] == ordered[:-1]
    if repeated.any():
        pair = divmod(int(ordered[int(repeated.argmax())]), vertices)
        raise ValueError(
            f"{name} has the edge {list(pair)} more than once: add their affinities up"
        )
    return np.ascontiguousarray(array, dtype=np.int32)


def checked_scale(name: str, value: float) -> float:
    """Return `value` if it is a scale of noise. Raise ValueError otherwise."""
    if not 0 <= value <= LARGEST_AFFINITY:
        raise ValueError(f"{name} is {value}, must be a scale in [0, 1e12]")
    return float(value)


def checked_seed(name: str, value: int) -> int:
    """Return `value` if it is a seed. Raise ValueError otherwise."""
    if not isinstance(value, int | np.integer) or not 0 <= value < 2**64:
        raise ValueError(f"{name} is {value!r}, must be an integer in [0, 2**64)")
    return int(value)
