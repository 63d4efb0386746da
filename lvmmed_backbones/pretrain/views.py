"""Random views of an image, and their positions in the image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import cv2
import msgspec
import numpy as np
import torch
from mmcv.transforms import BaseTransform, Compose
from mmengine.registry import TRANSFORMS
from mmpretrain.structures import DataSample
from numpy.typing import NDArray
from torch import Tensor

from lvmmed_backbones.pretrain.arguments import Count, Share, checked


class Crop(msgspec.Struct, forbid_unknown_fields=True):
    """One kind of view: see `RandomViews`."""

    number: Count
    size: Count
    scale: tuple[Share, Share]


@TRANSFORMS.register_module()
class RandomViews(BaseTransform):
    """Cuts random views out of an image: each is a resized crop, perhaps flipped, with distortions of its own.

    Parameters
    ----------
    crops : sequence of mapping
        One mapping for each kind of view: `number` of views; `size`, side of the square in pixels; `scale`, the range
        of the crop's share of the image's area (SimCLR: 0.2 to 1 or 0.08 to 1).
    flip : float
        Probability of a horizontal flip.
    transforms : sequence of mapping
        Further transforms of each view, on `results["img"]`. They must not move pixels.

    Raises
    ------
    ValueError
        If a size, number, scale or probability is out of its range.

    Notes
    -----
    The result has `inputs`, a list of V uint8 tensors (3, size, size), and `data_samples` with `sample_idx` and `views`
    (V, 5): the crop's x, y, width and height as fractions of the image's width and height, and 1 if it is flipped.
    """

    # Logarithm of a crop's largest width by height, as in Inception's and every later recipe.
    ASPECT = math.log(4 / 3)
    ATTEMPTS = 10

    @checked
    def __init__(
        self, crops: Sequence[Mapping], flip: Share = 0.5, transforms: Sequence[Mapping] = ()
    ) -> None:
        if not crops:
            raise ValueError("there are no crops: give at least one kind of view")
        for crop in crops:
            try:
                low, high = msgspec.convert(crop, Crop).scale
            except msgspec.ValidationError:
                low = high = 0
            if not 0 < low <= high:
                raise ValueError(
                    f"a crop is {crop}: it needs number and size, whole numbers of 1 or more, and scale, two shares "
                    "within (0, 1]"
                )
        self.crops = list(crops)
        self.flip = flip
        self.distort = Compose(list(transforms))

    def transform(self, results: dict) -> dict:
        image = results["img"]
        inputs, views = [], []
        for crop in self.crops:
            for _ in range(crop["number"]):
                pixels, view = self._cut(image, crop["size"], *crop["scale"])
                pixels = self.distort(dict(img=pixels))["img"]
                inputs.append(torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))))
                views.append(view)
        sample = DataSample(metainfo=dict(sample_idx=results.get("sample_idx", -1)))
        sample.set_field(torch.tensor(views), "views", field_type="data")
        return dict(inputs=inputs, data_samples=sample)

    def _cut(
        self, image: NDArray[np.uint8], size: int, smallest: float, largest: float
    ) -> tuple[NDArray[np.uint8], tuple[float, float, float, float, float]]:
        """Cut a view (size, size, 3) out of an image (H, W, 3). Return it with its position."""
        height, width = image.shape[:2]
        x, y, w, h = self._draw_crop(width, height, smallest, largest)
        flipped = np.random.rand() < self.flip
        crop = image[y : y + h, x : x + w]
        shrinks = w > size and h > size
        view = cv2.resize(
            crop, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        )
        if flipped:
            view = view[:, ::-1]
        position = (x / width, y / height, w / width, h / height, float(flipped))
        return np.ascontiguousarray(view), position

    def _draw_crop(
        self, width: int, height: int, smallest: float, largest: float
    ) -> tuple[int, int, int, int]:
        """Draw x, y, width and height in pixels of a crop inside the image; the whole image if no crop fits."""
        for _ in range(self.ATTEMPTS):
            area = width * height * np.random.uniform(smallest, largest)
            aspect = math.exp(np.random.uniform(-self.ASPECT, self.ASPECT))
            w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if 0 < w <= width and 0 < h <= height:
                x = np.random.randint(width - w + 1)
                y = np.random.randint(height - h + 1)
                return x, y, w, h
        return 0, 0, width, height


@TRANSFORMS.register_module()
class Blur(BaseTransform):
    """Blurs an image as torchvision's GaussianBlur does, to within 2 of 255 grey levels, in a 50th of the time.

    Parameters
    ----------
    side : int
        Pixels of the kernel, an odd number.
    sigma : (float, float)
        Range of the standard deviation in pixels, drawn evenly by torch.
    """

    def __init__(self, side: int, sigma: tuple[float, float]) -> None:
        self.side = side
        self.sigma = sigma

    def transform(self, results: dict) -> dict:
        sigma = torch.empty(1).uniform_(*self.sigma).item()
        size, border = (self.side, self.side), cv2.BORDER_REFLECT_101
        return results | dict(img=cv2.GaussianBlur(results["img"], size, sigma, borderType=border))


def cell_positions(views: Tensor, rows: int, columns: int) -> Tensor:
    """Return the positions of the cells of feature maps in the images that the views were cut from.

    Parameters
    ----------
    views : Tensor of shape (N, 5)
        One view of each image, as `RandomViews` gives it.
    rows, columns : int
        Size R x S of the feature map.

    Returns
    -------
    Tensor of shape (N, R * S, 2)
        x and y of each cell's centre, row by row, as fractions of the image's width and height.
    """
    x, y, width, height, flipped = views.float().unbind(1)
    across = (torch.arange(columns, device=views.device) + 0.5) / columns
    down = (torch.arange(rows, device=views.device) + 0.5) / rows
    across = torch.where(flipped[:, None] > 0.5, 1 - across, across)  # (N, S)
    xs = x[:, None] + width[:, None] * across
    ys = y[:, None] + height[:, None] * down
    xs = xs[:, None, :].expand(-1, rows, -1)
    ys = ys[:, :, None].expand(-1, -1, columns)
    return torch.stack((xs, ys), dim=-1).flatten(1, 2)
