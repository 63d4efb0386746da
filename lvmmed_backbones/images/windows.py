"""Turn intensities of any range into 8 bits, in one way for corpora and tasks and for all formats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HOUNSFIELD = (-1000.0, 1000.0)  # air to dense bone
PERCENTILES = (0.5, 99.5)  # so that outliers do not decide, such as a voxel of 32767 or of metal


class NoContrast(ValueError):
    """Values that no window can show: all the same, or no numbers."""


def eight_bits(
    values: NDArray, hounsfield: bool = False, padding: NDArray[np.bool_] | None = None
) -> NDArray[np.uint8]:
    """Map intensities to 0..255: Hounsfield units from a fixed window, others from robust percentiles.

    Parameters
    ----------
    values : NDArray
        Of any shape; values that share a scale are passed together, such as the slices of a volume. uint8 stays as it
        is. NaN and infinite values do not count for the window; they become its nearest end, NaN the lower one.
    hounsfield : bool
        Whether they are Hounsfield units. Only a file can say so; a guess from the values would depend on a single
        voxel.
    padding : ndarray, optional
        Where values mean nothing, as in DICOM's padding; they do not count, and become 0.

    Raises
    ------
    NoContrast
        If they are constant, or hold no number.
    """
    if values.dtype == np.uint8 and padding is None:
        return values
    values = values.astype(np.float32)
    counted = np.isfinite(values)
    if padding is not None:
        counted &= ~padding
    known = values if counted.all() else values[counted]
    if not known.size:
        raise NoContrast("no finite value")
    low, high = HOUNSFIELD if hounsfield else np.percentile(known, PERCENTILES)
    if high <= low:  # such as a small bright spot on a flat background
        low, high = known.min(), known.max()
    if high <= low:
        raise NoContrast("constant")
    if known is not values:
        values = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
    scaled = (np.clip((values - low) / (high - low), 0, 1) * 255).round().astype(np.uint8)
    if padding is not None:
        scaled[padding] = 0
    return scaled
