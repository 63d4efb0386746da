"""Fundus photographs: vessels that branch from the optic disc, with exudates and shading, as DRIVE."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.phantoms.canvas import (
    Array,
    blob,
    coloured,
    grid,
    noise,
    phantom,
    place,
    save,
    save_mask,
    soft,
)

SIDE = 80


@phantom("drive")
def draw(folder: Path, rng: np.random.Generator) -> None:
    """Draw 20 training and 20 test photographs, as many as DRIVE has, with its numbers."""
    for part, first in (("training", 21), ("test", 1)):
        for number in range(first, first + 20):
            image, vessels = draw_fundus(rng, SIDE)
            save(image, folder / part / "images" / f"{number:02}_{part}.tif")
            save_mask(vessels, folder / part / "1st_manual" / f"{number:02}_manual1.gif")
            disc = folder / part / "mask" / f"{number:02}_{part}_mask.gif"
            save_mask(_field_of_view(SIDE), disc)


def _field_of_view(side: int) -> NDArray[np.bool_]:
    """Return the disc that a fundus camera sees."""
    y, x = grid((side, side))
    return np.hypot(y - side / 2, x - side / 2) < 0.48 * side


def draw_fundus(rng: np.random.Generator, side: int) -> tuple[Array, NDArray[np.bool_]]:
    """Draw a photograph (side, side, 3) and its vessels (side, side)."""
    shape, inside = (side, side), _field_of_view(side)
    disc = (side * rng.uniform(0.4, 0.6), side * (0.22 if rng.random() < 0.5 else 0.78))
    vessels = np.zeros(shape, bool)
    toward = 0.0 if disc[1] < side / 2 else np.pi
    for side_sign in (-1, 1):
        for spread in (0.35, 0.8, 1.2):
            angle = toward + side_sign * spread * rng.uniform(0.8, 1.2)
            _grow_vessel(rng, vessels, disc, angle, rng.uniform(1.8, 2.9), 0)
    vessels &= inside
    green = 0.50 + 0.06 * noise(rng, shape, 10) + 0.02 * noise(rng, shape, 1)
    green += 0.30 * soft(blob(rng, shape, disc, 0.08 * side, 0.05), 2)
    green -= 0.16 * soft(vessels, 0.6) * rng.uniform(0.8, 1.2)
    for _ in range(rng.integers(2, 8)):  # dark dots are no vessels
        dot = blob(rng, shape, place(rng, shape, 0.2 * side), rng.uniform(1, 3.5), 0.1)
        green -= 0.15 * soft(dot, 0.6)
    image = coloured(green, (0.25, 0.02, 0.0), (1.0, 0.85, 0.45))
    return image * soft(inside, 0.7)[..., None], vessels


def _grow_vessel(
    rng: np.random.Generator,
    vessels: NDArray[np.bool_],
    start: tuple[float, float],
    angle: float,
    width: float,
    depth: int,
) -> None:
    """Draw a vessel that winds, thins and branches."""
    side = vessels.shape[0]
    y, x = start
    for step in range(int(side * (0.75 - 0.12 * depth))):
        angle += rng.normal(0, 0.09)
        y, x = y + np.sin(angle), x + np.cos(angle)
        if not (0 <= y < side and 0 <= x < side) or width < 0.45:
            return
        reach = int(np.ceil(width))
        rows = np.arange(max(0, int(y) - reach), min(side, int(y) + reach + 1))
        columns = np.arange(max(0, int(x) - reach), min(side, int(x) + reach + 1))
        near = np.hypot(rows[:, None] - y, columns[None] - x) <= width / 1.3
        vessels[np.ix_(rows, columns)] |= near
        width *= 0.992
        if depth < 2 and step > 8 and rng.random() < 0.035:
            branch = angle + rng.choice((-1, 1)) * rng.uniform(0.4, 0.8)
            _grow_vessel(rng, vessels, (y, x), branch, width * 0.75, depth + 1)
