"""Chest X-rays: two lungs, a heart, ribs, as JSRT's raw files with SCR's masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tasks.phantoms.canvas import Array, blob, grid, noise, phantom, save_mask, soft

SIDE, PER_FOLD = 128, (14, 34)


@phantom("jsrt")
def draw(folder: Path, rng: np.random.Generator) -> None:
    """Draw 14 X-rays of fold 1, 34 of fold 2; raw images have twice the side of the masks, as in JSRT and SCR."""
    number = 0
    for fold, count in enumerate(PER_FOLD, start=1):
        for _ in range(count):
            number += 1
            brightness, parts = draw_chest(rng, SIDE)
            name = f"JPCLN{number:03}"
            raw = np.kron(4095 * (1 - np.clip(brightness, 0, 1)), np.ones((2, 2))).astype(">u2")
            path = folder / "All247images" / f"{name}.IMG"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(raw.tobytes())
            for part, mask in parts.items():
                save_mask(mask, folder / "scratch" / f"fold{fold}" / "masks" / part / f"{name}.gif")


def draw_chest(rng: np.random.Generator, side: int) -> tuple[Array, dict[str, np.ndarray]]:
    """Draw the brightness (side, side) and the masks of left lung, right lung and heart."""
    shape = (side, side)
    y, x = grid(shape)
    middle = side * rng.uniform(0.47, 0.53)
    tall = side * rng.uniform(0.24, 0.30)
    right = blob(rng, shape, (0.45 * side, middle - 0.22 * side), 0.9 * tall * 0.75, 0.08)
    left = blob(rng, shape, (0.45 * side, middle + 0.22 * side), 0.9 * tall * 0.75, 0.08)
    centre = (0.62 * side, middle + 0.06 * side)
    heart = blob(rng, shape, centre, rng.uniform(0.11, 0.15) * side, 0.05)
    image = 0.62 + 0.05 * noise(rng, shape, 12)
    image -= 0.35 * soft(left | right, 2) * (1 + 0.15 * noise(rng, shape, 3))
    image += soft(heart, 2) * (0.70 - image)
    ribs = np.sin((y + 0.002 * (x - middle) ** 2 * 8) / side * rng.uniform(50, 65))
    image += 0.06 * np.clip(ribs, 0, 1) + 0.15 * soft(np.abs(x - middle) < 0.03 * side, 2)
    image += 0.015 * rng.standard_normal(shape)
    return image, {"left lung": left & ~heart, "right lung": right & ~heart, "heart": heart}
