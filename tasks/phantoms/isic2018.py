"""Dermoscopy: a pigmented lesion with a network inside, hairs and vignetting around it, as ISIC 2018."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tasks.phantoms.canvas import blob, coloured, grid, noise, phantom, place, save, save_mask, soft

SIDE, IMAGES = 112, 48


@phantom("isic2018")
def draw(folder: Path, rng: np.random.Generator) -> None:
    """Draw 48 images, of which the preparer takes 34, 5 and 9."""
    for number in range(IMAGES):
        shape = (SIDE, SIDE)
        centre, radius = place(rng, shape, 0.35 * SIDE), rng.uniform(0.14, 0.3) * SIDE
        lesion = blob(rng, shape, centre, radius, 0.25)
        skin = 0.78 + 0.05 * noise(rng, shape, 9) + 0.03 * noise(rng, shape, 1)
        network = 0.10 * np.abs(noise(rng, shape, 2)) + 0.06 * noise(rng, shape, 5)
        brightness = skin - soft(lesion, 2) * (rng.uniform(0.25, 0.45) + network)
        y, x = grid(shape)
        for _ in range(rng.integers(0, 7)):  # hairs are as dark as lesions
            phase, slope, offset = rng.uniform(0, 6), rng.uniform(-1, 1), rng.uniform(0, SIDE)
            distance = np.abs(y - offset - slope * x - 4 * np.sin(x / 15 + phase))
            brightness -= 0.35 * soft(distance < rng.uniform(0.6, 1.2), 0.5)
        brightness *= 1 - 0.35 * (np.hypot(y - SIDE / 2, x - SIDE / 2) / SIDE) ** 2
        tone = rng.uniform(-0.05, 0.05)
        image = coloured(brightness, (0.22, 0.10, 0.06), (0.98, 0.80 + tone, 0.70 + tone))
        name = f"ISIC_{number:07}"
        save(image, folder / "ISIC2018_Task1-2_Training_Input" / f"{name}.jpg")
        masks = folder / "ISIC2018_Task1_Training_GroundTruth"
        save_mask(lesion, masks / f"{name}_segmentation.png")
