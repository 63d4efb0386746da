"""MRI of the heart, as MMWHS."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tasks.phantoms.heart import draw_hearts

BRIGHTNESS = {0: 250, 205: 330, 420: 700, 500: 650, 550: 620, 600: 600, 820: 760, 850: 680}


def draw(folder: Path, rng: np.random.Generator) -> None:
    """Eleven patients: 6, 2 and 3 of the published split."""
    draw_hearts(folder, rng, "mmwhs_mri", BRIGHTNESS, grain=45)
