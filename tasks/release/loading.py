"""What the release sees of a prepared image: all structures as one class, one channel of several."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine.registry import TRANSFORMS
from mmseg.datasets.transforms import LoadAnnotations
from numpy.typing import NDArray

from lvmmed_backbones.records.gallery import IGNORED


@TRANSFORMS.register_module()
class LoadUnion(LoadAnnotations):
    """Load a mask whose structures are one class: `union`."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Set `gt_seg_map`."""
        results = super().transform(results)
        results["gt_seg_map"] = union(results["gt_seg_map"])
        return results


def union(mask: NDArray) -> NDArray[np.uint8]:
    """Return 1 where a mask is above 0: the release's rule for data sets that it does not name (dataset_ete.py:94-112).

    255, which is no label here, stays.
    """
    return np.where(mask == IGNORED, IGNORED, mask > 0).astype(np.uint8)


@TRANSFORMS.register_module()
class LoadOneChannel(LoadImageFromFile):
    """Load one channel of an image in colour as three equal ones, as a grey image is loaded.

    Parameters
    ----------
    place : int
        0: blue, 1: green, 2: red.
    """

    def __init__(self, place: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.place = place

    def transform(self, results: dict[str, Any]) -> dict[str, Any] | None:
        """Set `img` and its shape."""
        loaded = super().transform(results)
        if loaded is not None:
            loaded["img"] = np.repeat(loaded["img"][..., self.place, None], 3, axis=2)
        return loaded
