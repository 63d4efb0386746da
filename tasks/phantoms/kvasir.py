"""Colonoscopy: a shaded polyp on folded mucosa with reflections, and its box in original pixels, as Kvasir-SEG."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tasks.phantoms.canvas import blob, coloured, grid, noise, phantom, place, save, save_mask, soft
from tasks.splits import published_split

HEIGHT, WIDTH = 96, 120
COUNTS = dict(train=36, valid=8, test=14)


@phantom("kvasir")
def draw(folder: Path, rng: np.random.Generator) -> None:
    """Draw the first names of each part of the published split."""
    boxes = {}
    for split, count in COUNTS.items():
        for name in published_split("kvasir")[split][:count]:
            image, polyps = _draw_colon(rng)
            save(image, folder / "images" / name)
            save_mask(np.logical_or.reduce(polyps), folder / "masks" / name)
            # The boxes of the download are in pixels of larger images.
            corners = [{key: 4 * v for key, v in extent(polyp).items()} for polyp in polyps]
            bbox = [dict(label="polyp", **corner) for corner in corners]
            size = dict(height=4 * HEIGHT, width=4 * WIDTH)
            boxes[name.removesuffix(".jpg")] = dict(**size, bbox=bbox)
    (folder / "kavsir_bboxes.json").write_text(json.dumps(boxes))


def _draw_colon(rng: np.random.Generator) -> tuple[np.ndarray, list[np.ndarray]]:
    """Draw an image (H, W, 3) and the masks of its one or two polyps."""
    shape = (HEIGHT, WIDTH)
    y, x = grid(shape)
    distance = np.hypot(y - rng.uniform(0, HEIGHT), x - rng.uniform(0, WIDTH))
    folds = np.sin(distance / rng.uniform(7, 12))
    light = 0.55 + 0.12 * folds + 0.08 * noise(rng, shape, 6) + 0.02 * noise(rng, shape, 0.8)
    polyps = []
    for _ in range(1 + (rng.random() < 0.2)):
        centre, radius = place(rng, shape, 26), rng.uniform(14, 26)
        polyp = blob(rng, shape, centre, radius, 0.15)
        squares = (y - centre[0]) ** 2 + (x - centre[1]) ** 2
        dome = np.clip(1 - squares / (1.6 * radius) ** 2, 0, 1)
        # Bulging, and rougher than mucosa.
        surface = 0.40 + 0.45 * dome + 0.09 * noise(rng, shape, 1.5)
        light += soft(polyp, 1) * (surface - light)
        polyps.append(polyp)
    for _ in range(rng.integers(2, 8)):
        light += 0.5 * soft(blob(rng, shape, place(rng, shape, 5), rng.uniform(0.8, 2.5), 0.1), 0.7)
    return coloured(light, (0.20, 0.02, 0.02), (1.0, 0.66, 0.55)), polyps


def extent(mask: np.ndarray) -> dict[str, int]:
    """Return the box around a mask."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return dict(
        xmin=int(columns[0]), ymin=int(rows[0]), xmax=int(columns[-1]) + 1, ymax=int(rows[-1]) + 1
    )
