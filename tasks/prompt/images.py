"""Images and masks at the size that the model sees, by the rules of the suite and of the release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lvmmed_backbones.evaluation.data.labelled import Images
from lvmmed_backbones.evaluation.encoders import Resize, Transform
from tasks.release.transforms import nearest, stretched


@dataclass(frozen=True)
class ImageFiles(Images):
    """Images of which no more is known than their files.

    Attributes
    ----------
    name : str
        Of the data set.
    images : sequence of Path
        Their files.
    names : sequence of str
        What errors call each image.
    """

    name: str
    images: Sequence[Path]
    names: Sequence[str]


def low_resolution(mask: NDArray, side: int) -> NDArray:
    """Return a mask at a quarter of `side`, by way of `side`, as the release has it."""
    return nearest(nearest(mask, (side, side)), (side // 4, side // 4))


@dataclass(frozen=True)
class StretchedBGR:
    """An image as the release gives it to SAM: blue first, nearest pixels, stretched, normalised by values for RGB.

    Attributes
    ----------
    side : int
        In pixels.
    mean, std : tuple of float
        Of the first, the second and the third channel, whatever they hold.
    """

    side: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, image: NDArray[np.uint8]) -> Tensor:
        """Return (3, side, side) of an image (H, W, 3) in RGB."""
        pixels = torch.from_numpy(
            stretched(nearest(image[..., ::-1], (self.side, self.side)))
        ).float()
        mean, std = (torch.tensor(values, dtype=torch.float32) for values in (self.mean, self.std))
        return ((pixels - mean) / std).permute(2, 0, 1).contiguous()


INPUTS = {"rgb": Resize, "stretched_bgr": StretchedBGR}


def image_input(name: str, side: int, mean: Sequence[float], std: Sequence[float]) -> Transform:
    """Return what makes the model's input of an image.

    Parameters
    ----------
    name : {"rgb", "stretched_bgr"}
        The suite's, resized with antialiasing; or the release's, `StretchedBGR`.
    side : int
        In pixels.
    mean, std : sequence of float
        Of the backbone, in RGB, 0 to 255.

    Raises
    ------
    ValueError
        If there is no such input.
    """
    if name not in INPUTS:
        raise ValueError(f"image_input={name!r}: choose {' or '.join(INPUTS)}")
    return INPUTS[name](side, tuple(mean), tuple(std))
