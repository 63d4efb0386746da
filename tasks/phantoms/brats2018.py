"""Brain MRI in four contrasts with a tumour of three parts, as BraTS 2018."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tasks.phantoms.canvas import body, noise, phantom, save_volume, soft

SHAPE, CASES = (64, 64, 10), dict(HGG=6, LGG=4)
# Brightness of brain, necrosis, oedema and enhancing tumour in each contrast.
CONTRASTS = dict(
    t1=(500, 330, 420, 460),
    t1ce=(500, 330, 430, 900),
    t2=(450, 800, 760, 600),
    flair=(420, 500, 850, 700),
)


@phantom("brats2018")
def draw(folder: Path, rng: np.random.Generator) -> None:
    """Draw ten cases, of which the preparer takes 7, 1 and 2."""
    for grade, count in CASES.items():
        for number in range(count):
            case = f"Brats18_Phantom_{grade}_{number}"
            root = folder / "MICCAI_BraTS_2018_Data_Training" / grade / case
            brain = body(rng, SHAPE, (0.5, 0.5, 0.5), (0.42, 0.36, 0.6))
            centre = tuple(rng.uniform(0.35, 0.65, 3))
            size = rng.uniform(0.22, 0.32)
            oedema = body(rng, SHAPE, centre, (size, size, 1.5 * size), 0.25) & brain
            tumour = body(rng, SHAPE, centre, (0.65 * size, 0.65 * size, 1.2 * size), 0.2) & oedema
            core = body(rng, SHAPE, centre, (0.4 * size, 0.4 * size, 0.8 * size), 0.15) & tumour
            labels = 2 * oedema
            labels[tumour] = 4
            labels[core] = 1
            place = tuple(rng.uniform(0.3, 0.7, 3))
            vessel = body(rng, SHAPE, place, (0.05, 0.05, 0.3), 0.1) & brain
            for key, (tissue, necrosis, swelling, enhancing) in CONTRASTS.items():
                image = tissue * (brain + 0.10 * brain * noise(rng, SHAPE, 2))
                values = (swelling, enhancing, necrosis, enhancing)
                parts = (oedema, tumour, core, vessel & ~oedema)
                for value, part in zip(values, parts, strict=True):
                    image += soft(part, 0.7) * (value - image)
                image += 30 * rng.standard_normal(SHAPE)
                save_volume(np.clip(image, 0, None), root / f"{case}_{key}.nii.gz")
            save_volume(labels, root / f"{case}_seg.nii.gz")
