"""Hearts of seven structures, as MMWHS: contrast CT in Hounsfield units, and MRI."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tasks.phantoms.canvas import body, noise, phantom, save_volume, soft
from tasks.splits import published_split

SHAPE, COUNTS = (64, 64, 10), dict(train=6, valid=2, test=3)
# Label, centre and radii as fractions of the volume; later ones lie over earlier ones.
STRUCTURES = (
    (205, (0.50, 0.60, 0.50), (0.20, 0.18, 0.55)),
    (500, (0.50, 0.60, 0.50), (0.13, 0.11, 0.45)),
    (600, (0.58, 0.38, 0.50), (0.15, 0.12, 0.50)),
    (420, (0.30, 0.60, 0.55), (0.11, 0.11, 0.40)),
    (550, (0.34, 0.34, 0.50), (0.12, 0.10, 0.40)),
    (820, (0.22, 0.46, 0.60), (0.07, 0.07, 0.45)),
    (850, (0.70, 0.52, 0.65), (0.07, 0.06, 0.40)),
)
HOUNSFIELD = {0: 20, 205: 110, 420: 300, 500: 320, 550: 210, 600: 230, 820: 350, 850: 260}
BRIGHTNESS = {0: 250, 205: 330, 420: 700, 500: 650, 550: 620, 600: 600, 820: 760, 850: 680}


@phantom("mmwhs_ct")
def draw_ct(folder: Path, rng: np.random.Generator) -> None:
    """Draw eleven patients: 6, 2 and 3 of the published split."""
    _draw_hearts(folder, rng, "mmwhs_ct", HOUNSFIELD, grain=25)


@phantom("mmwhs_mri")
def draw_mri(folder: Path, rng: np.random.Generator) -> None:
    """Draw eleven patients: 6, 2 and 3 of the published split."""
    _draw_hearts(folder, rng, "mmwhs_mri", BRIGHTNESS, grain=45)


def _draw_hearts(
    folder: Path,
    rng: np.random.Generator,
    split_name: str,
    brightness: dict[int, int],
    grain: float,
) -> None:
    """Draw the first patients of each part of the published split.

    Parameters
    ----------
    folder : Path
        Folder of the modality's volumes.
    brightness : dict of int to int
        Brightness of each label, and of the background under 0.
    grain : float
        Standard deviation of the noise.
    """
    for split, count in COUNTS.items():
        for case in list(published_split(split_name)[split])[:count]:
            shift, size = rng.normal(0, 0.03, 3), rng.uniform(1.1, 1.3)
            labels = np.zeros(SHAPE, int)
            image = brightness[0] * (1 + 0.1 * noise(rng, SHAPE, 3))
            for label, centre, radii in STRUCTURES:
                moved, scaled = np.array(centre) + shift, size * np.array(radii)
                part = body(rng, SHAPE, tuple(moved), tuple(scaled))
                labels[part] = label
                image += soft(part, 0.7) * (brightness[label] - image)
            image += grain * rng.standard_normal(SHAPE)
            save_volume(image, folder / f"{case}_image.nii.gz")
            save_volume(labels, folder / f"{case}_label.nii.gz")
