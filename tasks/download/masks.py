"""Read masks and labels of a download as class indices. Nothing is scaled, rounded or guessed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.layout.reading import ORIGINAL, distinct_values, read_stored, whole_numbers

WHITE = {1, 255, 65535}  # white in 1, 8 and 16 bits
# Of a thresholded mask: the grey levels that are neither black nor white, and how many pixels may have them.
# Kvasir-SEG's masks have at most 0.6 %, its photographs at least 23 %.
BETWEEN, FEW = (50, 205), 0.05
TINTED = 16  # largest difference of the channels of a grey image that JPEG stored in colour


def read_mask(path: Path, threshold: int | None = None) -> NDArray[np.bool_]:
    """Read a two-valued mask, (H, W), from the stored values, by the rules of `read_stored`.

    Parameters
    ----------
    threshold : int, optional
        For masks of 8 bits that were compressed with loss: larger values are foreground. None: only 0 and one of 1, 255
        and 65535 may occur.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If it is no whole image, has other values, or, with a threshold, more than 5 % of them are neither black nor
        white: then it is a photograph.
    """
    mask = read_stored(path, tinted=0 if threshold is None else TINTED)
    if threshold is None:
        values = distinct_values(mask)
        if len(set(values) - {0}) > 1 or not set(values) <= {0, *WHITE}:
            reason = f"a mask of 0 and 255 (or 1) has the values {values[:6]}"
            raise Refused(path, reason, f"Was it resampled or saved as JPEG? {ORIGINAL}")
        return mask > 0
    if mask.max() > 255:
        raise Refused(path, f"has the value {mask.max()}, in place of 0 to 255", ORIGINAL)
    between = float(np.mean((mask >= BETWEEN[0]) & (mask <= BETWEEN[1])))
    if between > FEW:
        reason = f"{between:.0%} of a mask of 0 and 255 have values of {BETWEEN[0]} to {BETWEEN[1]}"
        raise Refused(path, reason, "Is it a photograph in place of a mask?")
    return mask > threshold


def label_map(labels: NDArray, values: Mapping[int, int], path: Path) -> NDArray[np.uint8]:
    """Replace a download's label values by class indices.

    Parameters
    ----------
    labels : NDArray
        Whole numbers.
    values : mapping of int to int
        Class index by value; the value 0 stays 0.

    Raises
    ------
    Refused
        Naming the file and the values that are unknown.
    """
    labels = whole_numbers(labels, path)
    unknown = sorted(set(distinct_values(labels)) - {0, *values})
    if unknown:
        reason = f"has the unknown labels {unknown[:6]}: expected 0 and {sorted(values)}"
        raise Refused(path, reason, "Is it the right file?")
    result = np.zeros(labels.shape, np.uint8)
    for value, index in values.items():
        result[labels == value] = index
    return result
