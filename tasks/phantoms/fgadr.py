"""Fundus photographs whose lesions grow in number and kind with the grade, as FGADR."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from tasks.phantoms.canvas import blob, phantom, place, save, soft
from tasks.phantoms.drive import draw_fundus
from tasks.splits import published_split

SIDE, PER_GRADE = 112, dict(train=9, test=4)


@phantom("fgadr")
def draw(folder: Path, rng: np.random.Generator) -> None:
    """Draw the first names of each grade in the published split; its valid images are its test images."""
    rows = []
    for split, count in PER_GRADE.items():
        for grade in range(5):
            for name in [n for n, g in published_split("fgadr")[split] if g == grade][:count]:
                save(_draw_diseased(rng, grade), folder / "Seg-set" / "Original_Images" / name)
                rows.append([name, grade])
    with (folder / "Seg-set" / "DR_Seg_Grading_Label.csv").open("w", newline="") as file:
        csv.writer(file).writerows(sorted(rows))


def _draw_diseased(rng: np.random.Generator, grade: int) -> np.ndarray:
    """Draw a photograph of side SIDE: bleedings from grade 1, exudates from 2, large bleedings from 3, clouds at 4."""
    image, _ = draw_fundus(rng, SIDE)
    red, yellow = np.array([0.35, -0.05, -0.05]) - 0.4, np.array([0.35, 0.35, 0.1])
    plan = (
        (rng.poisson(4 * grade), (0.8, 1.8), red),
        (rng.poisson(4) * (grade >= 2) * (grade - 1), (0.8, 2.0), yellow),
        (rng.poisson(4) * (grade >= 3), (3, 6), red),
        (rng.poisson(3) * (grade >= 4), (6, 10), yellow * 0.6),
    )
    shape = (SIDE, SIDE)
    for count, (small, large), colour in plan:
        for _ in range(count):
            centre, radius = place(rng, shape, 0.2 * SIDE), rng.uniform(small, large)
            lesion = blob(rng, shape, centre, radius, 0.2)
            image = image + soft(lesion, 0.7)[..., None] * colour
    return image
