"""Small sets of images for probes, and networks without weights."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from lvmmed_backbones.evaluation import LabelledImages
from lvmmed_backbones.evaluation.data import DenseImages


class Grid(nn.Module):
    """Mean colours of a 4 x 4 grid and two constants, as maps (B, 5, 4, 4): they tell dark from bright, and where."""

    def forward(self, images: Tensor) -> Tensor:
        constants = torch.tensor([-1.0, 2.0])[:, None, None].expand(len(images), 2, 4, 4)
        return torch.cat([nn.functional.adaptive_avg_pool2d(images, 4), constants], 1)


class Blind(nn.Module):
    """Three numbers that say little of an image: its corners."""

    def forward(self, images: Tensor) -> Tensor:
        return images[:, :, :1, :1].expand(-1, -1, 4, 4) + torch.arange(16.0).reshape(4, 4) / 50


def greys(each: int = 10, seed: int = 0) -> LabelledImages:
    """Dark, grey and bright images of noise, `each` of a class in each part."""
    random = np.random.default_rng(seed)
    labels = np.arange(9 * each) % 3
    noise = random.integers(0, 200, (9 * each, 20, 16, 3))
    images = (noise + 20 * labels[:, None, None, None]).clip(0, 255).astype(np.uint8)
    return LabelledImages(
        name="grey",
        images=list(images),
        names=[f"{number}" for number in range(9 * each)],
        labels=labels,
        parts=np.repeat(["train", "valid", "test"], 3 * each),
        classes=["dark", "grey", "bright"],
    )


@dataclass(frozen=True)
class Squares:
    """Images and masks in memory, and the case of each."""

    images: list[NDArray[np.uint8]]
    masks: list[NDArray[np.uint8]]
    cases: list[str]
    parts: NDArray[np.str_]
    classes: tuple[str, ...] = ("background", "bright", "half")

    def mask(self, place: int) -> NDArray[np.uint8]:
        return self.masks[place]

    def of(self, part: str) -> NDArray[np.int64]:
        return np.flatnonzero(self.parts == part)

    def stored(self, folder: Path, kind: str) -> DenseImages:
        """The same in files."""
        for name in ("images", "masks"):
            (folder / name).mkdir(parents=True)
            for number, array in enumerate(getattr(self, name)):
                Image.fromarray(array).save(folder / name / f"{number:03}.png")
        files = [f"{number:03}.png" for number in range(len(self.images))]
        content = b"".join(mask.tobytes() for mask in self.masks)
        return DenseImages(
            name="squares",
            images=[folder / "images" / file for file in files],
            masks=[folder / "masks" / file for file in files],
            names=files,
            parts=self.parts,
            classes=self.classes,
            patients=None,
            cases=self.cases,
            kind=kind,
            fingerprint=hashlib.sha256(content).hexdigest(),
        )


def squares(volumes: int = 9, slices: int = 6) -> Squares:
    """Slices with a bright square, class 1, and a half-bright one, class 2; each fills a cell of a 4 x 4 grid.

    A third of the volumes is in each part; with one slice each, they are images.
    """
    random = np.random.default_rng(0)
    images, masks, cases = [], [], []
    for number in range(volumes * slices):
        image = random.integers(0, 40, (32, 32, 3), dtype=np.uint8)
        mask = np.zeros((32, 32), np.uint8)
        for label, value in ((1, 250), (2, 140)):
            row, column = 8 * random.integers(0, 4, 2)
            image[row : row + 8, column : column + 8] = value
            mask[row : row + 8, column : column + 8] = label
        images.append(image)
        masks.append(mask)
        cases.append(f"v{number // slices}")
    return Squares(
        images, masks, cases, np.repeat(["train", "valid", "test"], volumes // 3 * slices)
    )
