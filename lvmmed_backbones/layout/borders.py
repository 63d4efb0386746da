"""Measure whether masks belong to their images: whether their borders lie on edges of these images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 128  # pixels of the longer side: people do not draw more exactly, and it is fast
NEAR = 0.06  # of the longer side: the neighbourhood that an edge is compared with
FAINT = 0.25  # added to the neighbourhood's edges, so that noise in flat parts is no edge


@dataclass(frozen=True)
class Outline:
    """An image and its mask, reduced.

    Attributes
    ----------
    edges : ndarray
        (h, w) strength of the image's edges, of mean 0 and standard deviation 1.
    labels : ndarray
        (h, w) class indices.
    """

    edges: NDArray[np.float32]
    labels: NDArray[np.uint8]


def outline(image: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Outline | None:
    """Reduce an image (H, W) or (H, W, 3) and its class indices (H, W); return None if no border or no edge is left."""
    shrink = min(1.0, SIDE / max(labels.shape))
    height, width = (max(1, round(side * shrink)) for side in labels.shape)
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    soft = cv2.GaussianBlur(small, (0, 0), 1)
    across, down = (cv2.Sobel(soft, cv2.CV_32F, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1)))
    edges = np.sqrt(cv2.magnitude(across, down))
    edges /= cv2.GaussianBlur(edges, (0, 0), NEAR * max(height, width)) + FAINT
    spread = float(edges.std())
    small_labels = _resized(labels, (height, width))
    if spread < 1e-6 or not border(small_labels).any():
        return None
    return Outline((edges - edges.mean()) / spread, small_labels)


def _resized(labels: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Return class indices at another size, each the nearest."""
    return np.asarray(cv2.resize(labels, shape[::-1], interpolation=cv2.INTER_NEAREST), np.uint8)


def border(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where pixels lie beside another class."""
    is_border = np.zeros(labels.shape, bool)
    for axis in (0, 1):
        labels_along, border_along = (np.moveaxis(x, axis, 0) for x in (labels, is_border))
        apart = labels_along[1:] != labels_along[:-1]
        border_along[1:] |= apart
        border_along[:-1] |= apart
    return is_border


def border_fit(outlines: Sequence[Outline]) -> float:
    """Return how much better masks fit the edges of their own images than masks of other images do.

    The fit of a mask is the mean strength of the edges under its border. Of each image, the fit of its own mask is
    compared with the mean fit of three masks from the other half of the sequence, resized to it.

    Returns
    -------
    float
        The mean of these differences in units of their standard deviation (Cohen's d of pairs): near 0 if the masks
        have nothing to do with their images.
    """
    count, gains = len(outlines), []
    for number, own in enumerate(outlines):
        fits = []
        for away in (count // 2 - 1, count // 2, count // 2 + 1):
            other = border(_resized(outlines[(number + away) % count].labels, own.labels.shape))
            if other.any():
                fits.append(own.edges[other].mean())
        if fits:
            gains.append(own.edges[border(own.labels)].mean() - np.mean(fits))
    spread = float(np.std(gains)) if gains else 0.0
    return float(np.mean(gains)) / spread if spread > 0 else 0.0
