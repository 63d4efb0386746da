"""Chest X-rays with findings in boxes, as the 512-pixel data set of VinBigData."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from tasks.datasets.cards.vindr import COLUMNS, DATASET, NO_FINDING
from tasks.phantoms.canvas import blob, grid, noise, phantom, save, soft
from tasks.phantoms.jsrt import draw_chest
from tasks.phantoms.kvasir import extent

SIDE, ORIGINAL, IMAGES, HEALTHY = 128, 2048, 56, 4
HEADER = ("image_id", "class_name", "class_id", "rad_id", *COLUMNS[2:])


@phantom("vindr")
def draw(folder: Path, rng: np.random.Generator) -> None:
    """Draw 56 X-rays with two findings each, every class eight times, and four healthy ones.

    A second reader has seen the first finding of every other one, with a box of his own.
    """
    classes = [c for _ in range(8) for c in rng.permutation(len(DATASET.classes))]
    rows: list[tuple] = [HEADER]
    second: list[tuple] = []
    for number in range(IMAGES + HEALTHY):
        image, _ = draw_chest(rng, SIDE)
        image_id = f"{number:032x}"
        if number >= IMAGES:
            no_box = [""] * 4
            rows.append((image_id, "No finding", NO_FINDING, "R1", *no_box, ORIGINAL, ORIGINAL))
        found = classes[2 * number : 2 * number + 2] if number < IMAGES else []
        for place, finding in enumerate(found):
            image, mask = _add_finding(rng, image, int(finding))
            box = [side * ORIGINAL // SIDE for side in extent(mask).values()]
            name = DATASET.classes[finding]
            rows.append((image_id, name, finding, "R1", *box, ORIGINAL, ORIGINAL))
            if number % 2 == place == 0:
                again = _moved(box)
                second.append((image_id, name, finding, "R2", *again, ORIGINAL, ORIGINAL))
        save(image, folder / "train" / f"{image_id}.png")
    with (folder / "train.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows + second)


def _moved(box: list[int]) -> list[int]:
    """Return a box an eighth further right and an eighth less high."""
    left, top, right, bottom = box
    aside = (right - left) // 8
    return [left + aside, top, min(right + aside, ORIGINAL), bottom - (bottom - top) // 8]


def _add_finding(
    rng: np.random.Generator, image: np.ndarray, finding: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a finding, and give its mask: each class has a place, a size and a texture of its own."""
    shape = image.shape
    y, x = grid(shape)
    row = (0.25 + 0.5 * (finding % 4) / 3) * SIDE + rng.normal(0, 4)
    centre = (row, rng.choice((0.28, 0.72)) * SIDE + rng.normal(0, 4))
    radius = (5, 8, 12, 16)[finding // 4] * rng.uniform(0.85, 1.15)
    mask = blob(rng, shape, centre, radius, 0.05 + 0.1 * (finding % 3))
    stripes = np.sin((x if finding % 2 else y) * (0.5 + 0.15 * finding))
    texture = 0.16 + 0.10 * stripes + 0.05 * noise(rng, shape, 1 + finding % 3)
    return image + soft(mask, 1) * (texture if finding % 5 else -texture), mask
