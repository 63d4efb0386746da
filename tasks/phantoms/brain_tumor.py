"""Brain MRI slices with three kinds of tumour or none, as the Kaggle data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tasks.datasets.cards.brain_tumor import FOLDERS
from tasks.phantoms.canvas import Array, blob, grid, noise, phantom, save, soft

SIDE, PER_CLASS = 96, dict(Training=16, Testing=8)


@phantom("brain_tumor")
def draw(folder: Path, rng: np.random.Generator) -> None:
    """Draw 16 training and 8 test slices of each class."""
    for part, count in PER_CLASS.items():
        for label, name in enumerate(FOLDERS):
            for number in range(1, count + 1):
                save(_draw_head(rng, label), folder / part / name / f"image({number}).jpg")


def _draw_head(rng: np.random.Generator, label: int) -> Array:
    """Draw a slice (SIDE, SIDE) with a jagged glioma, a smooth meningioma at the skull, nothing, or a pituitary tumour.

    Harmless bright spots are everywhere.
    """
    shape = (SIDE, SIDE)
    y, x = grid(shape)
    centre = SIDE / 2 + rng.normal(0, 2, 2)
    radius = np.hypot((y - centre[0]) / 1.12, x - centre[1])
    brain = radius < 0.36 * SIDE
    skull = soft(np.abs(radius - 0.40 * SIDE) < 1.5, 0.7)
    image = 0.42 * soft(brain, 1) * (1 + 0.12 * noise(rng, shape, 3)) + 0.75 * skull
    for sign in (-1, 1):  # ventricles
        ventricle = blob(rng, shape, (centre[0], centre[1] + sign * 5), rng.uniform(3, 5), 0.15)
        image -= 0.25 * soft(ventricle, 1)
    for _ in range(rng.integers(0, 4)):
        where = centre + rng.normal(0, 0.15 * SIDE, 2)
        image += 0.2 * soft(blob(rng, shape, tuple(where), rng.uniform(1, 2.5), 0.1), 0.7)
    turn = rng.uniform(0, 2 * np.pi)
    if label == 0:
        where = centre + 0.15 * SIDE * np.array([np.sin(turn), np.cos(turn)])
        core = blob(rng, shape, tuple(where), rng.uniform(8, 13), 0.35)
        rim = soft(core, 2) - 0.8 * soft(soft(core, 3) > 0.8, 1.5)
        image += 0.30 * rim + 0.05 * soft(core, 1) * noise(rng, shape, 1)
    elif label == 1:
        where = centre + 0.30 * SIDE * np.array([np.sin(turn), np.cos(turn)])
        image += 0.35 * soft(blob(rng, shape, tuple(where), rng.uniform(6, 10), 0.05), 1)
    elif label == 3:
        where = centre + np.array([0.20 * SIDE, 0]) + rng.normal(0, 1, 2)
        image += 0.33 * soft(blob(rng, shape, tuple(where), rng.uniform(4, 7), 0.08), 1)
    return image + 0.02 * rng.standard_normal(shape)
