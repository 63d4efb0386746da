"""Prostate MRI of four sites, whose scanners differ in contrast, shading and noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tasks.datasets.cards.prostate import SITES
from tasks.phantoms.canvas import body, grid, noise, phantom, save_volume, soft

SHAPE, CASES = (64, 64, 8), dict(BMC=10, RUNMC=3, BIDMC=3, HK=3)
# Brightness of the prostate against its surroundings, strength of the shading, noise.
SCANNERS = dict(BMC=(150, 0.1, 20), RUNMC=(110, 0.3, 30), BIDMC=(80, 0.6, 45), HK=(-60, 0.3, 30))


@phantom("prostate")
def draw(folder: Path, rng: np.random.Generator) -> None:
    """Draw ten cases of BMC, of which the preparer takes 6, 1 and 3, and three of each other site."""
    for site in SITES:
        contrast, shading, grain = SCANNERS[site]
        for case in range(CASES[site]):
            centre = (0.5 + rng.normal(0, 0.04), 0.5 + rng.normal(0, 0.04), 0.5)
            radii = (rng.uniform(0.18, 0.26), rng.uniform(0.16, 0.22), 0.5)
            prostate = body(rng, SHAPE, centre, radii)
            bladder = body(rng, SHAPE, (centre[0] - 0.3, centre[1], 0.6), (0.12, 0.16, 0.4))
            image = 400 + 40 * noise(rng, SHAPE, 3)
            texture = contrast + 60 * noise(rng, SHAPE, 1.5)
            image += soft(prostate, 0.8) * texture + 260 * soft(bladder, 0.8)
            rows = grid(SHAPE)[0] / SHAPE[0]
            image = image * (1 + shading * (rows - 0.5)) + grain * rng.standard_normal(SHAPE)
            save_volume(image, folder / site / f"Case{case:02}.nii.gz")
            save_volume(prostate, folder / site / f"Case{case:02}_segmentation.nii.gz")
