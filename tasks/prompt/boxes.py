"""The box that prompts for the structures of a mask: pure functions of arrays.

A box is (x1, y1, x2, y2) in pixels, the last row and column that it touches included, as Segment Anything takes it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Box = NDArray[np.float64]
NOISE = 20  # the release moves each side by 0 to 19 pixels of a mask of MASK pixels
MASK = 256


def tight_box(mask: NDArray) -> Box | None:
    """Return the smallest box around all that is not 0 in a mask (H, W), whatever its class; None if all is 0."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return None
    return np.array([columns[0], rows[0], columns[-1], rows[-1]], np.float64)


def moved(box: Box, noise: int, side: int, rng: np.random.Generator) -> Box:
    """Move each side of a box outwards by a whole number of pixels, 0 to `noise` - 1, to [0, side] at the most.

    As in the release, left and top are held at 0 alone, right and bottom at `side` alone.
    """
    steps = rng.integers(0, max(1, noise), 4)
    return np.concatenate(
        [np.maximum(0, box[:2] - steps[:2]), np.minimum(side, box[2:] + steps[2:])]
    )


def random_box(noise: int, side: int, rng: np.random.Generator) -> Box:
    """Return the release's box for a mask without a structure: a random point, its sides moved.

    Both coordinates are normal with mean 0 and a deviation of `side`, so about half the points lie left of the image or
    above it, and the box then ends before it begins. The release takes it for pixels of the mask all the same, and
    makes it four times as large.
    """
    point = rng.normal(0, side, 2)
    return moved(np.concatenate([point, point]), noise, side, rng)


def check_boxes(boxes: NDArray, side: int, names: Sequence[str]) -> None:
    """See that boxes (N, 4) are boxes in an image of `side` pixels.

    Raises
    ------
    ValueError
        Naming the image, the box and the remedy, if it is none, is empty, or leaves the image.
    """
    shape = (len(names), 4)
    if boxes.shape != shape:
        raise ValueError(
            f"boxes of shape {boxes.shape} for {len(names)} images: give (x1, y1, x2, y2) for each"
        )
    for name, box in zip(names, boxes, strict=True):
        text = ", ".join(f"{value:g}" for value in box)
        if not np.isfinite(box).all() or box[2] < box[0] or box[3] < box[1]:
            raise ValueError(
                f"{name}: the box ({text}) is empty. Give x1 <= x2 and y1 <= y2, all of them numbers"
            )
        if box.min() < 0 or box.max() > side:
            raise ValueError(
                f"{name}: the box ({text}) leaves the image, which the model sees at {side} x {side} pixels. "
                "Scale the box as the image is scaled, and clip it"
            )
