"""What the volume phantoms are drawn with: bodies in three dimensions, NIfTI files."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray

from tasks.phantoms.canvas import grid


def body(
    rng: np.random.Generator,
    shape: tuple[int, int, int],
    centre: tuple[float, ...],
    radii: tuple[float, ...],
    rough: float = 0.1,
) -> NDArray[np.bool_]:
    """An ellipsoid around a centre (fractions of the shape) with radii (likewise), its surface uneven by `rough`."""
    steps = [
        (c - n * m) / (n * r) for c, n, m, r in zip(grid(shape), shape, centre, radii, strict=True)
    ]
    around = np.arctan2(steps[0], steps[1])
    uneven = sum(
        rng.normal() / k * np.cos(k * around + 2 * steps[2] + rng.uniform(0, 6))
        for k in range(2, 6)
    )
    return np.sqrt(sum(s**2 for s in steps)) < 1 + rough * uneven


def save_volume(volume: NDArray, path: Path) -> None:
    """Write a volume (X, Y, Z) of integers as compressed NIfTI; the same volume gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(volume.astype(np.int16), np.diag([1.0, 1.0, 3.0, 1.0])), path)
