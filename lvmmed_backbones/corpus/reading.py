"""Files of every medical format to 8-bit images."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom.pixels
from numpy.typing import NDArray
from PIL import Image

from lvmmed_backbones.display import plain
from lvmmed_backbones.images import containers, dicom, photos, volumes
from lvmmed_backbones.outside import Refused, opened, refusing

PARTS = (
    1_000_000  # images of a file; the largest set of small ones in a file has 236,386 (TissueMNIST)
)
REMEDY = "Save it again or leave it out"
SMALLEST, LARGEST = 16, 20_000  # sides in pixels
HOUNSFIELD = (-1000.0, 1000.0)  # air to dense bone
PERCENTILES = (0.5, 99.5)
LABEL = (
    r"(?:^|(?<!with)[_\-\s.])(?:masks?|labels?(?:tr|ts)?|seg(?:mentations?)?|gt|ground[_\-\s]?truths?|scribbles?|"
    r"annotations?|contours?|manual\d*)"
)
LABEL_FOLDER = re.compile(LABEL + "$", re.IGNORECASE)
LABEL_NAME = re.compile(LABEL + r"(?:$|[_\-\s.\d])", re.IGNORECASE)


class NotAnImage(ValueError):
    """Why a file, or a slice of it, is not taken into a corpus."""


@dataclass(frozen=True)
class Picture:
    """An image of a file.

    Attributes:
        part: slice, frame or array within the file; empty if the file is one image.
        pixels: (H, W) or (H, W, 3) uint8, red first.
        jpeg: whether the file is an 8-bit JPEG, so that its bytes hold exactly these pixels.
        modality: as a DICOM file tells it, else empty.
    """

    part: str
    pixels: NDArray[np.uint8]
    jpeg: bool = False
    modality: str = ""


def pictures(path: Path, relative: Path, axis: int) -> Iterator[Picture | tuple[str, NotAnImage]]:
    """The images of a file; in place of a slice that is not taken, its name and why.

    Args:
        path: of the file; relative: within its source, whose names tell masks from images.
        axis: along which volumes are cut.

    Raises:
        NotAnImage: if nothing of the file is taken.
        FileNotFoundError, Refused: if it is no regular file, not whole, or declares too much.
    """
    *folders, name = relative.parts
    for part, pattern in [*((folder, LABEL_FOLDER) for folder in folders), (name, LABEL_NAME)]:
        if pattern.search(part.partition(".")[0]):
            raise NotAnImage(f"label image, by the name {part}")
    if path.stat().st_size == 0:
        raise NotAnImage("empty file")
    for number, (part, image, jpeg, modality) in enumerate(reader_of(path)(path, axis)):
        if number >= PARTS:
            raise Refused(path, f"holds more than {PARTS:,} images", "Cut it into parts")
        part = plain(part)
        try:
            check(image)
        except NotAnImage as reason:
            yield part, reason
        else:
            yield Picture(part, image, jpeg, modality)


def check(image: NDArray[np.uint8]) -> None:
    """Raises NotAnImage if an 8-bit image is too small, blank, or a mask."""
    height, width = image.shape[:2]
    if not min(height, width) >= SMALLEST or max(height, width) > LARGEST:
        raise NotAnImage(f"{width} x {height} pixels: sides of {SMALLEST} to {LARGEST} are taken")
    # Some at a time: numpy counts 8 bytes wide.
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


Cut = Iterator[tuple[str, NDArray[np.uint8], bool, str]]


def read_photo(path: Path, axis: int) -> Cut:
    """PNG, JPEG, TIFF and BMP, every frame."""
    for number, frame, pixels in photos.frames(path, photo_pixels, REMEDY):
        with refusing(path, REMEDY):
            part = f"frame {number}" if getattr(frame, "n_frames", 1) > 1 else ""
        jpeg = frame.format == "JPEG" and frame.mode in ("L", "RGB")
        yield part, to_8bit(pixels), jpeg, ""


def photo_pixels(frame: Image.Image) -> NDArray:
    """Pixels of an image in any of Pillow's modes: 8-bit ones, (H, W) or (H, W, 3), or deep ones."""
    if photos.deep(frame):
        return np.asarray(frame)
    grey = frame.mode in ("1", "L", "LA", "La")
    return np.asarray(frame.convert("L" if grey else "RGB"))


def read_dicom(path: Path, axis: int) -> Cut:
    """DICOM, every frame; Hounsfield units by the file's rescaling, MONOCHROME1 inverted."""
    data = dicom.read(path)
    if "PixelData" not in data:
        raise NotAnImage("DICOM without pixels")
    array = dicom.pixels(path, data)
    with dicom.reading(path):
        modality = plain(data.get("Modality", ""))
        space = str(data.get("PhotometricInterpretation", ""))
        colour = data.get("SamplesPerPixel", 1) == 3
        if not colour:
            array = pydicom.pixels.apply_modality_lut(array, data).astype(np.float32)
        elif space.startswith("YBR"):
            array = pydicom.pixels.convert_color_space(array, space, "RGB")
    if colour:
        frames = array if array.ndim == 4 else array[None]
    else:
        volume = to_8bit(array, hounsfield=modality == "CT")
        if space == "MONOCHROME1":
            volume = 255 - volume
        frames = volume if volume.ndim == 3 else volume[None]
    for number, frame in enumerate(frames):
        part = f"frame {number}" if len(frames) > 1 else ""
        yield part, np.asarray(frame, np.uint8), False, modality


def read_nifti(path: Path, axis: int) -> Cut:
    """NIfTI volumes, slice by slice; of a time series, every volume."""
    array = np.squeeze(volumes.read(path, REMEDY).values)
    if array.dtype.kind not in "iuf" or array.ndim not in (2, 3, 4):
        raise NotAnImage(f"array of shape {array.shape} and type {array.dtype}")
    if not -array.ndim <= axis < array.ndim:
        raise NotAnImage(f"no axis {axis} in an array of shape {array.shape}")
    several = np.moveaxis(array, -1, 0) if array.ndim == 4 else array[None]
    for time, volume in enumerate(several):
        if few_values(volume):
            raise NotAnImage("label image, by its few values")
        grey = to_8bit(volume, hounsfield=looks_hounsfield(volume))
        # NIfTI's first axis runs from left to right, an image's from top to bottom.
        slices = np.moveaxis(grey, axis, 0) if grey.ndim == 3 else grey[None]
        for number, cut in enumerate(slices):
            part = f"slice {number}" + (f" of volume {time}" if len(several) > 1 else "")
            yield part, np.ascontiguousarray(np.rot90(cut)), False, ""


def read_hdf5(path: Path, axis: int) -> Cut:
    """HDF5: every array that is not named as a label."""
    yield from read_arrays(containers.hdf5(path, may_be_image))


def read_numpy(path: Path, axis: int) -> Cut:
    """npz and npy, without pickled objects."""
    yield from read_arrays(containers.numpy(path, may_be_image))


def may_be_image(name: str, shape: tuple[int, ...], kind: np.dtype) -> bool:
    """Whether a named array holds images, by its header."""
    colour = len(shape) > 2 and shape[-1] in (1, 3)
    return (
        kind.kind in "iuf"
        and 2 <= len(shape) - colour <= 3
        and not LABEL_NAME.search(name)
        and min(shape[-2 - colour : len(shape) - colour]) >= SMALLEST
    )


def read_arrays(arrays: Iterable[tuple[str, NDArray]]) -> Cut:
    """Images (H, W), stacks (N, H, W), colour images (H, W, 3) and stacks of them among named arrays."""
    found = False
    for name, array in arrays:
        if few_values(array):
            continue
        found = True
        colour = array.ndim > 2 and array.shape[-1] in (1, 3)
        grey = to_8bit(array, hounsfield=looks_hounsfield(array))
        if colour and grey.shape[-1] == 1:
            grey = grey[..., 0]
            colour = False
        stack = grey if grey.ndim - colour == 3 else grey[None]
        for number, image in enumerate(stack):
            yield name + (f" {number}" if len(stack) > 1 else ""), image, False, ""
    if not found:
        raise NotAnImage("no array in it is an image")


def few_values(array: NDArray) -> bool:
    """Whether an array holds labels: at most 16 different whole numbers."""
    some = array.reshape(-1)[:: max(1, array.size // 100_000)]
    values = np.unique(some)
    return len(values) <= 16 and bool((values == np.round(values)).all())


def looks_hounsfield(array: NDArray) -> bool:
    """Whether values are Hounsfield units, as files tell who do not say: air near -1000, or padding below it."""
    return bool(array.min() <= -900 and array.max() >= 100 and array.max() < 20_000)


def to_8bit(array: NDArray, hounsfield: bool = False) -> NDArray[np.uint8]:
    """Intensities to 0 to 255: Hounsfield units within a fixed window, others between robust percentiles.

    Args:
        array: any shape: what shares a scale is passed together, as the slices of a volume are. uint8 stays.

    Raises:
        NotAnImage: if it is constant or holds no number.
    """
    if array.dtype == np.uint8:
        return array
    values = array.astype(np.float32)
    finite = np.isfinite(values)
    if not finite.any():
        raise NotAnImage("no finite value")
    low, high = HOUNSFIELD if hounsfield else np.percentile(values[finite], PERCENTILES)
    if high <= low:  # a small bright thing on a flat ground
        low, high = values[finite].min(), values[finite].max()
    if high <= low:
        raise NotAnImage("constant")
    scaled = (np.nan_to_num(values, nan=low, posinf=high, neginf=low) - low) / (high - low)
    return (np.clip(scaled, 0, 1) * 255).round().astype(np.uint8)


READERS: dict[str, Callable[[Path, int], Cut]] = {
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"), read_photo),
    **dict.fromkeys((".dcm", ".dicom", ".ima"), read_dicom),
    **dict.fromkeys((".nii", ".nii.gz"), read_nifti),
    **dict.fromkeys((".h5", ".hdf5"), read_hdf5),
    **dict.fromkeys((".npz", ".npy"), read_numpy),
}


def reader_of(path: Path) -> Callable[[Path, int], Cut]:
    """By the file's ending; DICOM files often have none, but a mark inside.

    Raises:
        NotAnImage: if it is of no format that is known.
    """
    name = path.name.lower()
    suffix = ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()
    if suffix in READERS:
        return READERS[suffix]
    with opened(path) as file:
        if file.read(132)[128:] == b"DICM":
            return read_dicom
    raise NotAnImage(f"not an image format: {suffix or 'no suffix'}")
