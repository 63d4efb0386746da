"""Tools to draw phantoms: smooth noise, blobs, bodies in three dimensions, files; and how a drawing is registered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

Array = NDArray[np.float64]
Draw = Callable[[Path, np.random.Generator], None]
PHANTOMS: dict[str, Draw] = {}


def phantom(name: str) -> Callable[[Draw], Draw]:
    """Register a function as the one that draws the phantom of a data set into an empty folder."""

    def register(function: Draw) -> Draw:
        PHANTOMS[name] = function
        return function

    return register


def grid(shape: tuple[int, ...]) -> tuple[Array, ...]:
    """Return coordinates in pixels, one array for each axis."""
    return tuple(np.meshgrid(*(np.arange(n, dtype=float) for n in shape), indexing="ij"))


def noise(rng: np.random.Generator, shape: tuple[int, ...], scale: float) -> Array:
    """Return smooth noise of mean 0 and standard deviation 1; `scale` is its grain in pixels."""
    field = gaussian_filter(rng.standard_normal(shape), scale, mode="reflect")
    return (field - field.mean()) / field.std()


def blob(
    rng: np.random.Generator,
    shape: tuple[int, int],
    centre: tuple[float, float],
    radius: float,
    rough: float,
) -> NDArray[np.bool_]:
    """Return a closed shape around a centre; `rough` 0 is an ellipse, 0.3 a jagged shape."""
    y, x = grid(shape)
    stretch, turn = rng.uniform(0.75, 1.3), rng.uniform(0, np.pi)
    dy, dx = y - centre[0], x - centre[1]
    u = (dx * np.cos(turn) + dy * np.sin(turn)) * stretch
    v = (dy * np.cos(turn) - dx * np.sin(turn)) / stretch
    angle = np.arctan2(v, u)
    edge = np.ones(shape)
    for harmonic in range(2, 8):
        edge += (
            rough * rng.normal() / harmonic * np.cos(harmonic * angle + rng.uniform(0, 2 * np.pi))
        )
    return np.hypot(u, v) < radius * edge


def soft(mask: NDArray, width: float) -> Array:
    """Return a mask with an edge as wide as `width` pixels, 0 to 1."""
    return gaussian_filter(mask.astype(float), width)


def place(rng: np.random.Generator, shape: tuple[int, int], margin: float) -> tuple[float, float]:
    """Return a random place at least `margin` pixels from the border."""
    return rng.uniform(margin, shape[0] - margin), rng.uniform(margin, shape[1] - margin)


def coloured(brightness: Array, dark: tuple, bright: tuple) -> Array:
    """Turn brightness (H, W) in 0..1 into (H, W, 3), from one colour (RGB, 0..1) to another."""
    return np.asarray(dark) + brightness[..., None] * (np.asarray(bright) - np.asarray(dark))


def save(image: NDArray, path: Path) -> None:
    """Write an image, 0..1 or bytes, in the format of its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if image.dtype != np.uint8:
        image = (np.clip(image, 0, 1) * 255).round().astype(np.uint8)
    Image.fromarray(image).save(path, quality=92)  # quality of JPEG; the other formats ignore it


def save_mask(mask: NDArray, path: Path) -> None:
    """Write a mask of 0 and 255."""
    save(mask.astype(np.uint8) * 255, path)


def body(
    rng: np.random.Generator,
    shape: tuple[int, int, int],
    centre: tuple[float, ...],
    radii: tuple[float, ...],
    rough: float = 0.1,
) -> NDArray[np.bool_]:
    """Return an ellipsoid; centre and radii are fractions of the shape, `rough` makes its surface uneven."""
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
