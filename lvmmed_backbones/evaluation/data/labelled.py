"""Images of a data set with what is known of them: what every source gives, whatever it reads."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from lvmmed_backbones.files.outside import ARRAY, Refused, read_bytes
from lvmmed_backbones.layout.reading import read_image, read_stored

TRAIN, VALID, TEST = PARTS = ("train", "valid", "test")
Image = Path | NDArray[np.uint8]


class Images:
    """What all images have: pixels, and a key of their content."""

    name: str
    images: Sequence[Image]
    names: Sequence[str]
    parts: NDArray[np.str_]
    phantom: bool = False  # drawn by the suite
    complete: bool = True  # not a part of a prepared data set

    def __len__(self) -> int:
        return len(self.images)

    def pixels(self, place: int) -> NDArray[np.uint8]:
        """An image as (H, W, 3) uint8 RGB.

        A file's other depths and modes become that: 16 bits and floats by their percentiles, palettes and CMYK by their
        colours, without an alpha channel.

        Raises
        ------
        FileNotFoundError, Refused
            If its file is none that can be read.
        ValueError
            If it is an array of another form.
        """
        image = self.images[place]
        array = read_image(image) if isinstance(image, Path) else image
        if array.ndim == 2:
            array = cv2.cvtColor(array, cv2.COLOR_GRAY2RGB)
        if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or not array.size:
            raise ValueError(
                f"{self.name}: {self.names[place]} is {array.dtype} {array.shape}. "
                "Give (H, W) or (H, W, 3) uint8"
            )
        return array

    @cached_property
    def keys(self) -> list[bytes]:
        """BLAKE2b of each image's content, 16 bytes: of its file, or of its pixels."""
        return [_key(image) for image in tqdm(self.images, "images", leave=False, delay=1)]

    def of(self, part: str) -> NDArray[np.int64]:
        """The places of a part's images."""
        return np.flatnonzero(self.parts == part)


def _key(image: Image) -> bytes:
    if isinstance(image, Path):
        return hashlib.blake2b(read_bytes(image, most=ARRAY), digest_size=16).digest()
    shape = f"{image.shape}".encode()
    return hashlib.blake2b(shape + image.tobytes(), digest_size=16).digest()


@dataclass(frozen=True)
class LabelledImages(Images):
    """A data set for classification or regression.

    Attributes
    ----------
    name : str
        Of the data set.
    images : sequence of Path or ndarray
        Files, or arrays (H, W) or (H, W, 3) uint8.
    names : sequence of str
        What reports call each image.
    labels : ndarray of int
        (N,), from 0 to C - 1; in regression all 0.
    parts : ndarray of str
        (N,) "train", "valid" or "test"; "" for images whose part is to be drawn.
    classes : sequence of str
        C names; in regression that of the target.
    patients : sequence of str, optional
        Of each image; None: not known, so that each image counts by itself.
    targets : ndarray of float, optional
        (N,) finite numbers of a regression; None: it is a classification.
    volumes : sequence of str, optional
        Of each image, which is a slice: a volume is scored by the mean of its slices' features, see `pooled`. None:
        each image is scored.
    ordered : bool
        Whether the classes are grades, the lowest first.
    notes : sequence of str
        What a reader of scores must know, such as files that were left out.
    phantom, complete : bool
        Whether a prepared data set was drawn by the suite, and whether nothing of it was missing.
    """

    name: str
    images: Sequence[Image]
    names: Sequence[str]
    labels: NDArray[np.int64]
    parts: NDArray[np.str_]
    classes: Sequence[str]
    patients: Sequence[str] | None = None
    targets: NDArray[np.float64] | None = None
    volumes: Sequence[str] | None = None
    ordered: bool = False
    notes: Sequence[str] = ()
    phantom: bool = False
    complete: bool = True

    @property
    def cases(self) -> Sequence[str]:
        """What is scored: the volume of each slice, or the image's own name."""
        return self.names if self.volumes is None else self.volumes


@dataclass(frozen=True)
class DenseImages(Images):
    """A data set for segmentation, of single images or of volumes slice by slice.

    Attributes
    ----------
    name : str
        Of the data set.
    images, masks : sequence of Path
        Files; a mask has class indices.
    names : sequence of str
        What reports call each image.
    parts : ndarray of str
        (N,) "train", "valid" or "test".
    classes : sequence of str
        C names, the first the background.
    patients : sequence of str or None
        Of each image; None: not known.
    cases : sequence of str
        What is scored: the volume of each slice, or the image's own name.
    kind : {"segmentation", "volumes"}
        Whether cases are images or volumes.
    fingerprint : str
        Checksum of all files.
    notes, phantom, complete
        As of `LabelledImages`.
    """

    name: str
    images: Sequence[Path]
    masks: Sequence[Path]
    names: Sequence[str]
    parts: NDArray[np.str_]
    classes: Sequence[str]
    patients: Sequence[str] | None
    cases: Sequence[str]
    kind: str
    fingerprint: str
    notes: Sequence[str] = ()
    phantom: bool = False
    complete: bool = True

    @property
    def labels(self) -> NDArray[np.int64]:
        """(N,) zeros: there is no class to draw images of alike."""
        return np.zeros(len(self), np.int64)

    def mask(self, place: int) -> NDArray[np.uint8]:
        """The class of each pixel, (H, W) from 0 to C - 1; 255 does not count.

        Raises
        ------
        FileNotFoundError, Refused
            If its file is none that can be read, or has another value.
        """
        path = self.masks[place]
        mask = read_stored(path)
        wrong = mask[(mask < 0) | ((mask >= len(self.classes)) & (mask != 255))]
        if wrong.size:
            reason = f"has the class {wrong[0]}, but there are {len(self.classes)}"
            raise Refused(path, reason, "Prepare the data set again")
        return mask.astype(np.uint8)
