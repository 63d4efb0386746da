"""Breast ultrasound: a hypoechoic lesion in speckle, with layers and shadows, as BUSI."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tasks.phantoms.canvas import blob, grid, noise, phantom, place, save, save_mask, soft
from tasks.splits import published_split

HEIGHT, WIDTH = 100, 124
COUNTS = dict(train=36, valid=8, test=14)


@phantom("buid")
def draw(folder: Path, rng: np.random.Generator) -> None:
    """Draw the first benign and malignant names of each part of the published split; one image has two lesions."""
    root = folder / "Dataset_BUSI_with_GT"
    for split, count in COUNTS.items():
        for kind in ("benign", "malignant"):
            names = [name for name in published_split("buid")[split] if name.startswith(kind)]
            for name in names[: count // 2]:
                stem = name.removesuffix(".png")
                second = name == published_split("buid")["train"][0]
                image, lesions = _draw_breast(rng, kind == "malignant", 1 + second)
                save(image, root / kind / name)
                for number, lesion in enumerate(lesions):
                    suffix = f"_{number}" if number else ""
                    save_mask(lesion, root / kind / f"{stem}_mask{suffix}.png")


def _draw_breast(
    rng: np.random.Generator, malignant: bool, count: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Draw an image (H, W) and masks of its lesions: benign ones are smooth, malignant ones jagged with a shadow."""
    shape = (HEIGHT, WIDTH)
    y, _ = grid(shape)
    layers = np.sin(y / rng.uniform(6, 12) + noise(rng, shape, 12))
    echo = 0.45 + 0.10 * layers + 0.10 * noise(rng, shape, 8)
    for _ in range(rng.integers(1, 4)):  # fat lobules are darker too, but not as dark
        echo -= 0.13 * soft(blob(rng, shape, place(rng, shape, 15), rng.uniform(6, 14), 0.2), 3)
    lesions = []
    for _ in range(count):
        centre, radius = place(rng, shape, 30), rng.uniform(13, 25)
        lesion = blob(rng, shape, centre, radius, 0.35 if malignant else 0.06)
        echo -= 0.33 * soft(lesion, 1.5)
        columns = lesion.any(axis=0, keepdims=True)
        below = (y > centre[0] + radius * 0.6) & columns
        echo += (-0.12 if malignant else 0.10) * soft(below, 2)
        lesions.append(lesion)
    speckle = rng.rayleigh(0.8, shape)
    return np.clip(echo, 0.02, 1) * soft(speckle, 0.6), lesions
