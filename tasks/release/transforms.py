"""How the release reads images for segmentation: nearest pixels, intensities stretched, nothing mirrored or turned."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from mmengine.registry import TRANSFORMS
from numpy.typing import NDArray
from scipy.ndimage import zoom


@TRANSFORMS.register_module()
class NearestResize:
    """Resize image and mask by nearest pixels, as scikit-image's order 0; the ratio of the sides is not kept.

    dataloader/dataset_ete.py:47-51, dataset.py:90-94.

    Parameters
    ----------
    scale : (int, int)
        Width and height in pixels, as mmcv's Resize has them.
    """

    def __init__(self, scale: tuple[int, int]) -> None:
        self.scale = (scale[0], scale[1])

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change `img`, `gt_seg_map` and their shape."""
        for key in ("img", "gt_seg_map"):
            if key in results:
                results[key] = nearest(results[key], self.scale)
        results["img_shape"] = results["img"].shape[:2]
        return results


def nearest(image: NDArray, scale: tuple[int, int]) -> NDArray:
    """Take the pixel under the centre of each new one; scale is (width, height)."""
    rows, columns = (_places(*sides) for sides in zip(image.shape, reversed(scale), strict=False))
    return image[rows][:, columns]


# By scipy, as in scikit-image, which rounds a centre just between two pixels by its floating-point error: of 512 pixels
# 25 of 224 places differ from exact arithmetic.
@lru_cache(maxsize=256)
def _places(length: int, wanted: int) -> NDArray[np.int64]:
    return zoom(np.arange(length), wanted / length, order=0, grid_mode=True, mode="nearest")


@TRANSFORMS.register_module()
class Stretch:
    """Stretch an image to 0..255: (x - min) * (1 / (max - min + gap) * 255), truncated, over all channels together.

    dataset_ete.py:54 and dataset.py:97 have a gap of 0.01, so the top value is at most 254; the loader of valid and
    test images, dataset_ete.py:165, has none. Its top value is 255, or 254 where the product is rounded down, so the
    order of the operations is the release's. An image of one value, by which it divides by zero there, becomes 0.

    Parameters
    ----------
    gap : float
        0.01, or 0.
    """

    def __init__(self, gap: float = 0.01) -> None:
        self.gap = gap

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change `img`."""
        results["img"] = stretched(results["img"], self.gap)
        return results


def stretched(image: NDArray[np.uint8], gap: float = 0.01) -> NDArray[np.uint8]:
    """Stretch an image as `Stretch`."""
    low, high = float(image.min()), float(image.max())
    factor = 1 / ((gap + high - low) or 1.0) * 255
    table = (np.maximum(np.arange(256) - low, 0) * factor).astype(np.int64)  # of each value once
    return table.astype(np.uint8)[image]
