"""Traps of box prompts, as far as they can be measured without SAM's weights: what a box tells of its structure.

The mask of a box is the ellipse that fills it, by no network. It shows what a prompt gives away by itself, and how much
of it noise takes back; not what SAM makes of it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.studies.traps.masks import LOW, dense_images, dice_of
from benchmarks.studies.traps.scores import Pair, percent
from tasks.prompt.boxes import NOISE, Box, moved, tight_box
from tasks.release.transforms import nearest

SLICES = (274, 297)  # of MMWHS's CT volumes 1010 and 1019


def noise_in_testing(prepared: Path, seed: int) -> list[Pair]:
    """§4: sides of test boxes moved outwards by 0 to 19 of 256 pixels, against tight boxes."""
    rng = np.random.default_rng(seed)
    masks = _masks(prepared)
    tight = [_of_box(mask, _box(mask)) for mask in masks]
    noisy = [_of_box(mask, moved(_box(mask), NOISE, LOW, rng)) for mask in masks]
    return [Pair("kvasir, ellipse in the box", "dice_2d", seed, percent(noisy), percent(tight))]


def slices_as_height(prepared: Path) -> list[Pair]:
    """Trap 4: boxes of volumes of more than 256 slices, scaled by 1024 / n in place of 4."""
    masks = _masks(prepared)
    tight = [_of_box(mask, _box(mask)) for mask in masks]
    return [
        Pair(f"kvasir, ellipse in the box, as of {n} slices", "dice_2d", None,
             percent([_of_box(mask, _box(mask) * LOW / n) for mask in masks]), percent(tight))
        for n in SLICES
    ]  # fmt: skip


def _masks(prepared: Path) -> list[NDArray[np.uint8]]:
    """Masks of kvasir's test images at 256 x 256."""
    data = dense_images(prepared, "kvasir")
    return [nearest(data.mask(place), (LOW, LOW)) for place in data.of("test")]


def _box(mask: NDArray) -> Box:
    box = tight_box(mask)
    assert box is not None, "every image of kvasir has a polyp"
    return box


def _of_box(mask: NDArray, box: Box) -> float:
    """Dice of a mask and the ellipse that fills a box."""
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2] + 1) / 2
    rows, columns = np.indices(mask.shape)
    inside = ((columns - centre[0]) / half[0]) ** 2 + ((rows - centre[1]) / half[1]) ** 2 <= 1
    return dice_of(inside, mask)
