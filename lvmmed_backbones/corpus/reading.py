"""Turn files of every medical format into 8-bit images."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import Refused, opened
from lvmmed_backbones.images import containers, dicom, volumes
from lvmmed_backbones.images import pictures as photographs
from lvmmed_backbones.images.windows import NoContrast, eight_bits

PARTS = 1_000_000  # images of a file; TissueMNIST has 236,386 in one
HDF5 = (".h5", ".hdf5")
REMEDY = "Save it again or leave it out"
SMALLEST, LARGEST = 16, 20_000  # sides in pixels
LABEL = (
    r"(?:^|(?<!with)[_\-\s.])(?:masks?|labels?(?:tr|ts)?|seg(?:mentations?)?|gt|ground[_\-\s]?truths?|scribbles?|"
    r"annotations?|contours?|manual\d*)"
)
IMAGE_FOLDER = re.compile(r"images?|imgs?", re.IGNORECASE)
LABEL_FOLDER = re.compile(LABEL + "$", re.IGNORECASE)
LABEL_NAME = re.compile(LABEL + r"(?:$|[_\-\s.\d])", re.IGNORECASE)


class NotAnImage(ValueError):
    """The reason why a file, or a slice of it, is not taken into a corpus."""


@dataclass(frozen=True)
class Picture:
    """An image of a file.

    Attributes
    ----------
    part : str
        Slice, frame or array within the file; empty if the file is one image.
    pixels : ndarray
        (H, W) or (H, W, 3) uint8, red first.
    jpeg : bool
        Whether the file is an 8-bit JPEG, so that its bytes hold exactly these pixels.
    modality : str
        The modality that a DICOM file tells, else empty.
    """

    part: str
    pixels: NDArray[np.uint8]
    jpeg: bool = False
    modality: str = ""


def pictures(path: Path, relative: Path, axis: int) -> Iterator[Picture | tuple[str, NotAnImage]]:
    """Yield the images of a file; in place of a slice that is not taken, its name and the reason.

    Parameters
    ----------
    path : Path
        The file; relative: its path within its source, whose names tell masks from images.
    axis : int
        The axis along which volumes are cut.

    Raises
    ------
    NotAnImage
        If nothing of the file is taken.
    FileNotFoundError, Refused
        If it is no regular file, not whole, or declares too much.
    """
    *folders, name = relative.parts
    images = [number for number, folder in enumerate(folders) if IMAGE_FOLDER.fullmatch(folder)]
    folders = folders[images[-1] if images else 0 :]  # Kvasir-SEG/images has no label images
    for part, pattern in [*((folder, LABEL_FOLDER) for folder in folders), (name, LABEL_NAME)]:
        if pattern.search(part.partition(".")[0]):
            raise NotAnImage(f"label image, by the name {part}")
    if path.stat().st_size == 0:
        raise NotAnImage("empty file")
    for number, picture in enumerate(_reader_of(path)(path, axis)):
        if number >= PARTS:
            raise Refused(path, f"holds more than {PARTS:,} images", "Cut it into parts")
        part = plain(picture.part)
        try:
            _refuse_unfit(picture.pixels)
        except NotAnImage as reason:
            yield part, reason
        else:
            yield replace(picture, part=part)


def _refuse_unfit(image: NDArray[np.uint8]) -> None:
    """Raise NotAnImage if an 8-bit image is too small, too large, blank, or a mask."""
    height, width = image.shape[:2]
    if not min(height, width) >= SMALLEST or max(height, width) > LARGEST:
        raise NotAnImage(f"{width} x {height} pixels: sides of {SMALLEST} to {LARGEST} are taken")
    # A part at a time, since numpy counts in 8 bytes for each pixel.
    flat = image.reshape(-1)
    parts = (flat[start : start + 2**20] for start in range(0, flat.size, 2**20))
    counts = np.sum([np.bincount(part, minlength=256) for part in parts], axis=0) / flat.size
    values = np.arange(256)
    variance = counts @ (values - counts @ values) ** 2
    if variance < 1 or counts.max() > 0.995:
        raise NotAnImage("almost constant")
    bright = counts[240:].sum()
    if np.count_nonzero(counts) <= 4 or (bright > 0.005 and counts[:16].sum() + bright > 0.99):
        raise NotAnImage("label image, by its few values")


def _read_photo(path: Path, axis: int) -> Iterator[Picture]:
    """Yield every frame of a PNG, JPEG, TIFF or BMP file.

    Deep frames of one size and type share a scale, as slices do.
    """
    left = photographs.frames(path, REMEDY)
    begin = list(islice(left, 2))
    deep: dict[tuple, list[tuple[str, NDArray]]] = {}
    for number, frame in enumerate(chain(begin, left)):
        part = f"frame {number}" if len(begin) > 1 else ""
        if frame.pixels.dtype == np.uint8:
            yield Picture(part, frame.pixels, frame.kept == "JPEG")
        else:
            alike = (frame.pixels.shape, frame.pixels.dtype)
            deep.setdefault(alike, []).append((part, frame.pixels))
    for frames in deep.values():
        parts, stack = zip(*frames, strict=True)
        for part, image in zip(parts, _scaled(np.stack(stack)), strict=True):
            yield Picture(part, image)


def _read_dicom(path: Path, axis: int) -> Iterator[Picture]:
    """Yield every frame of a DICOM file: Hounsfield units where it says so, inverse values turned to bright on dark."""
    frames = dicom.frames(path)
    if frames is None:
        raise NotAnImage("DICOM without pixels")
    images = _scaled(frames.values, frames.hounsfield, frames.padding)
    if frames.inverse:
        images = 255 - images
        if frames.padding is not None:
            images[frames.padding] = 0
    for number, frame in enumerate(images):
        part = f"frame {number}" if len(images) > 1 else ""
        yield Picture(part, frame, modality=frames.modality)


def _read_volume(path: Path, axis: int) -> Iterator[Picture]:
    """Yield the slices of a NIfTI, MetaImage, NRRD or Analyze file; of a time series, those of every volume."""
    array = np.squeeze(volumes.read(path, REMEDY).values)
    if array.dtype.kind not in "iuf" or array.ndim not in (2, 3, 4):
        raise NotAnImage(f"array of shape {array.shape} and type {array.dtype}")
    if not -array.ndim <= axis < array.ndim:
        raise NotAnImage(f"no axis {axis} in an array of shape {array.shape}")
    several = np.moveaxis(array, -1, 0) if array.ndim == 4 else array[None]
    for time, volume in enumerate(several):
        if _has_few_values(volume):
            raise NotAnImage("label image, by its few values")
        grey = _scaled(volume)
        # The first axis runs from left to right, an image's from top to bottom.
        slices = np.moveaxis(grey, axis, 0) if grey.ndim == 3 else grey[None]
        for number, cut in enumerate(slices):
            part = f"slice {number}" + (f" of volume {time}" if len(several) > 1 else "")
            yield Picture(part, np.ascontiguousarray(np.rot90(cut)))


def _read_named_arrays(path: Path, axis: int) -> Iterator[Picture]:
    """Yield the images of every array in an HDF5, npz or npy file whose name is not that of a label.

    Such an array is (H, W), (N, H, W), (H, W, 3) or (N, H, W, 3).
    """
    is_hdf5 = path.suffix.lower() in HDF5
    read = containers.read_hdf5 if is_hdf5 else containers.read_numpy
    has_images = False
    for name, array in read(path, _may_be_image):
        if _has_few_values(array):
            continue
        colour = array.ndim > 2 and array.shape[-1] in (1, 3)
        try:
            grey = eight_bits(array)
        except NoContrast:  # this array is blank; others may not be
            continue
        has_images = True
        if colour and grey.shape[-1] == 1:
            grey = grey[..., 0]
            colour = False
        stack = grey if grey.ndim - colour == 3 else grey[None]
        for number, image in enumerate(stack):
            yield Picture(name + (f" {number}" if len(stack) > 1 else ""), image)
    if not has_images:
        raise NotAnImage("no array in it is an image")


def _may_be_image(name: str, shape: tuple[int, ...], kind: np.dtype) -> bool:
    """Whether a named array holds images, by its header."""
    colour = len(shape) > 2 and shape[-1] in (1, 3)
    return (
        kind.kind in "iuf"
        and 2 <= len(shape) - colour <= 3
        and not any(LABEL_NAME.search(part) for part in name.split("/"))
        and min(shape[-2 - colour : len(shape) - colour]) >= SMALLEST
    )


def _has_few_values(array: NDArray) -> bool:
    """Whether an array holds labels: at most 16 different whole numbers."""
    sample = array.reshape(-1)[:: max(1, array.size // 100_000)]
    values = np.unique(sample)
    return len(values) <= 16 and bool((values == np.round(values)).all())


def _scaled(
    array: NDArray, hounsfield: bool = False, padding: NDArray[np.bool_] | None = None
) -> NDArray[np.uint8]:
    """Return `eight_bits` of an array. Raises NotAnImage if there is nothing to see."""
    try:
        return eight_bits(array, hounsfield, padding)
    except NoContrast as reason:
        raise NotAnImage(str(reason)) from reason


VOXELS = (".raw", ".zraw", ".img")  # of MetaImage, NRRD and Analyze
READERS: dict[str, Callable[[Path, int], Iterator[Picture]]] = {
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"), _read_photo),
    **dict.fromkeys((".dcm", ".dicom", ".ima"), _read_dicom),
    **dict.fromkeys(volumes.ENDINGS, _read_volume),
    **dict.fromkeys((*HDF5, ".npz", ".npy"), _read_named_arrays),
}


def _reader_of(path: Path) -> Callable[[Path, int], Iterator[Picture]]:
    """Return the reader for a file, by its name's ending; DICOM files often have none, but a mark inside.

    Raises
    ------
    NotAnImage
        If it is of no format that is known.
    """
    suffix = volumes.ending(path)
    if suffix in READERS:
        return READERS[suffix]
    if suffix in VOXELS:
        raise NotAnImage("voxels without a header: they are read through the header beside them")
    with opened(path) as file:
        if file.read(132)[128:] == b"DICM":
            return _read_dicom
    raise NotAnImage(f"not an image format: {suffix or 'no suffix'}")
