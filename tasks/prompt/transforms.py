"""From a mask to a prompt: the data set and the transforms of mmengine's loaders."""

from __future__ import annotations

import zlib
from collections import Counter
from pathlib import PurePath
from typing import Literal

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.registry import DATASETS, TRANSFORMS
from mmseg.datasets import BaseSegDataset
from PIL import Image

from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.records.gallery import IGNORED
from tasks.metrics import case_name
from tasks.prompt.boxes import MASK, NOISE, moved, random_box, tight_box
from tasks.prompt.images import low_resolution


@DATASETS.register_module()
class PromptedImages(BaseSegDataset):
    """Prepared images and masks; each knows in how many of the list's images its folder, a volume, has: `slices`."""

    def load_data_list(self) -> list[dict]:
        """Read the list."""
        rows = super().load_data_list()
        slices = Counter(PurePath(row["img_path"]).parent for row in rows)
        return [dict(row, slices=slices[PurePath(row["img_path"]).parent]) for row in rows]


@TRANSFORMS.register_module()
class PromptByBox(BaseTransform):
    """Draws the box that prompts for all structures of a mask, and brings the mask to the size it is compared at.

    Parameters
    ----------
    scale : (int, int)
        What the model sees, in pixels; a square.
    noise : int
        Each side of the box is moved outwards by 0 to `noise` - 1 pixels of a mask of 256 pixels; 0: not at all.
    seed : int, optional
        The noise of an image is always the same then, whatever was drawn before; None: drawn from numpy's generator.
    tight_at : {"mask", "low"}
        Where the box is tight: around the structures of the mask as it is, or, as released, of the mask at a quarter of
        the model's size, where small structures may be lost.
    empty : {"skip", "random"}
        A mask without a structure has no prompt, or, as released, a random box.
    compare_at : {"low", "mask"}
        The size at which masks are compared: a quarter of the model's, or the mask's own.
    slices_as_height : bool
        As released in validation and testing: boxes of a volume of n slices are scaled as if masks were n pixels high
        and 256 wide. Up to 256 slices that changes nothing; with more, boxes are too small.
    """

    def __init__(
        self,
        scale: tuple[int, int] = (1024, 1024),
        noise: int = NOISE,
        seed: int | None = None,
        tight_at: Literal["mask", "low"] = "mask",
        empty: Literal["skip", "random"] = "skip",
        compare_at: Literal["low", "mask"] = "low",
        slices_as_height: bool = False,
    ) -> None:
        for name, value, choices in (
            ("tight_at", tight_at, ("mask", "low")),
            ("empty", empty, ("skip", "random")),
            ("compare_at", compare_at, ("low", "mask")),
        ):
            if value not in choices:
                raise ValueError(f"{name}={value!r}: choose {' or '.join(map(repr, choices))}")
        if scale[0] != scale[1]:
            raise ValueError(f"scale={tuple(scale)}: SAM sees a square, such as (1024, 1024)")
        self.side, self.low = scale[0], scale[0] // 4
        self.noise, self.seed = noise * self.low // MASK, seed
        self.tight_at, self.empty, self.compare_at = tight_at, empty, compare_at
        self.slices_as_height = slices_as_height

    def transform(self, results: dict) -> dict:
        """Draw the box `box`, in pixels of the model's input, None without a prompt; `drawn` says if it is random.

        Raises
        ------
        Refused
            If the mask has not the size of its image.
        """
        mask = results["gt_seg_map"]
        results["ori_shape"] = mask.shape
        self._check_size(results)
        low = low_resolution(mask, self.side)
        rng = self._generator(case_name(results["img_path"]))
        box = self._tight(low if self.tight_at == "low" else mask)
        results["drawn"] = box is None and self.empty == "random"
        if results["drawn"]:
            box = random_box(self.noise, self.side, rng)
        elif box is not None:
            box = moved(box, self.noise, self.low, rng)
        results["box"] = None if box is None else tuple(self._scaled(box, results))
        results["gt_seg_map"] = low if self.compare_at == "low" else mask
        return results

    def _tight(self, mask: np.ndarray) -> np.ndarray | None:
        """Return the tight box, in pixels of the low resolution."""
        box = tight_box((mask > 0) & (mask != IGNORED))
        height, width = mask.shape
        return None if box is None else box * self.low / np.array([width, height] * 2)

    def _scaled(self, box: np.ndarray, results: dict) -> list[float]:
        """Return a box in pixels of the model's input."""
        if not self.slices_as_height:
            return (box * self.side / self.low).tolist()
        from segment_anything.utils.transforms import ResizeLongestSide

        size = (results["slices"], self.low)
        return ResizeLongestSide(self.side).apply_boxes(box, size)[0].tolist()

    def _generator(self, name: str) -> np.random.Generator:
        if self.seed is None:
            return np.random.default_rng(np.random.randint(2**31))
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])

    @staticmethod
    def _check_size(results: dict) -> None:
        with Image.open(results["img_path"]) as image:  # reads the header alone
            width, height = image.size
        mask = results["gt_seg_map"].shape
        if sorted(mask) != sorted((height, width)):  # a photograph may lie on its side
            raise Refused(
                results["seg_map_path"],
                f"has {mask[1]} x {mask[0]} pixels, its image {width} x {height}",
                "Prepare the data set again",
            )
