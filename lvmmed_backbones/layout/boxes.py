"""Check boxes of findings: in a download, in a prepared data set, and when one is written."""

from __future__ import annotations

import math
from typing import Any

FAULTS = {  # the words for one box, and for several
    "is not of numbers": "boxes that are not of numbers",
    "is reversed": "boxes that are reversed",
    "has no area": "boxes without area",
    "leaves its image": "boxes that leave their image",
}
SLACK = 1.0  # pixels: some downloads count the last pixel in, others do not


def fault(left: float, top: float, right: float, bottom: float, width: float, height: float) -> str:
    """Return what is wrong with a box in an image of `width` x `height` pixels, one of `FAULTS`; empty if nothing is.

    A box may leave its image by `SLACK`, but not lie outside.
    """
    if not all(map(math.isfinite, (left, top, right, bottom))):
        return "is not of numbers"
    if right < left or bottom < top:
        return "is reversed"
    if right == left or bottom == top:
        return "has no area"
    inside = -SLACK <= left < width and -SLACK <= top < height
    if inside and 0 < right <= width + SLACK and 0 < bottom <= height + SLACK:
        return ""
    return "leaves its image"


def number(owner: Any, key: str) -> float:
    """Return a finite number of an object of a JSON file.

    Raises
    ------
    LookupError, TypeError
        If it has no such key, or is no object; ValueError: if the value is no number.
    """
    value = owner[key]
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            result = float(value)
        except OverflowError:
            result = math.inf
        if math.isfinite(result):
            return result
    raise ValueError(f"the {key} is {value!r}, not a number")
