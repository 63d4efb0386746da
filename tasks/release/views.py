"""How the release sees FGADR: a part of the image, now and then mirrored and with its contrast stretched."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from mmengine.registry import TRANSFORMS
from PIL import Image, ImageOps

from tasks.metrics import case_name


@TRANSFORMS.register_module()
class RandomView:
    """Crop at random, mirror, and stretch the contrast of each channel, in training, validation and testing alike.

    cls50:302-308: torchvision's RandomCrop, RandomHorizontalFlip and RandomAutocontrast.

    Parameters
    ----------
    crop_size : int
        Side of the crop in pixels.
    flip, autocontrast : float
        Probabilities of mirroring and of stretching.
    seed : int, optional
        An image always has the same view then, whatever was drawn before; None: drawn from numpy's generator.
    """

    def __init__(
        self, crop_size: int, flip: float = 0.5, autocontrast: float = 0.2, seed: int | None = None
    ) -> None:
        self.crop_size, self.flip, self.autocontrast, self.seed = (
            crop_size,
            flip,
            autocontrast,
            seed,
        )

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change `img` and its shape.

        Raises
        ------
        ValueError
            If the image is smaller than the crop.
        """
        image, side = results["img"], self.crop_size
        height, width = image.shape[:2]
        if min(height, width) < side:
            raise ValueError(
                f"{results['img_path']}: {width} x {height} px, smaller than a crop of {side}. Resize it before"
            )
        rng = self._generator(case_name(results["img_path"]))
        top, left = rng.integers(0, (height - side + 1, width - side + 1))
        image = image[top : top + side, left : left + side]
        if rng.random() < self.flip:
            image = image[:, ::-1]
        if rng.random() < self.autocontrast:
            image = np.array(ImageOps.autocontrast(Image.fromarray(image)))
        results["img"] = np.ascontiguousarray(image)
        results["img_shape"] = (side, side)
        return results

    def _generator(self, name: str) -> np.random.Generator:
        if self.seed is None:
            return np.random.default_rng(np.random.randint(2**31))
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])
