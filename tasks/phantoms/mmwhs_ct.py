"""Contrast CT of the heart in Hounsfield units, as MMWHS."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tasks.phantoms.heart import draw_hearts

HOUNSFIELD = {0: 20, 205: 110, 420: 300, 500: 320, 550: 210, 600: 230, 820: 350, 850: 260}


def draw(folder: Path, rng: np.random.Generator) -> None:
    """Eleven patients: 6, 2 and 3 of the published split."""
    draw_hearts(folder, rng, "mmwhs_ct", HOUNSFIELD, grain=25)
