"""Read the images and masks of a download, with errors that name the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from lvmmed_backbones.images import photos, volumes
from lvmmed_backbones.outside import Refused
from tasks.prepared.folders import files, missing

KEPT = (".png", ".jpg", ".jpeg")  # formats that are kept byte for byte
REMEDY = "Is it the right file? Download it again if it is cut off or damaged"


def read_image(path: Path) -> NDArray[np.uint8]:
    """An 8-bit image: (H, W) or (H, W, 3).

    Raises:
        FileNotFoundError: if there is no such file.
        Refused: if it is no whole image, or too large.
    """
    pixels = first_frame(path, eight_bits)
    return pixels if pixels.dtype == np.uint8 else to_8_bit(pixels)


def eight_bits(image: Image.Image) -> NDArray:
    """Pixels of an image in any of Pillow's modes; of one of 16 bits as float32."""
    if image.mode.startswith("I"):
        return np.asarray(image, np.float32)
    return np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))


def is_kept(path: Path) -> bool:
    """Whether an image's file can stay as it is: PNG or JPEG of 8 bits. Raises as `read_image`."""
    if path.suffix.lower() not in KEPT:
        return False
    return not first_frame(path, lambda image: np.array(image.mode.startswith("I")))


def first_frame(path: Path, values: Callable[[Image.Image], NDArray]) -> NDArray:
    """What `values` takes from the first frame of an image's file. Raises as `read_image`."""
    try:
        return photos.first(path, values, REMEDY, "is no whole image")
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such image. Is the download complete?") from None


def read_mask(path: Path, threshold: int | None = None) -> NDArray[np.bool_]:
    """A two-valued mask, (H, W).

    Args:
        threshold: for masks that were compressed with loss: larger values are foreground. None: only 0 and one other
            value may occur.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no whole image, or has other values.
    """
    mask = read_image(path)
    if mask.ndim == 3:
        mask = mask.max(axis=2)
    if threshold is not None:
        return mask > threshold
    values = np.unique(mask)
    if len(values) > 2 or (len(values) == 2 and values[0] != 0) or not set(values) <= {0, 1, 255}:
        raise ValueError(
            f"{path}: a mask of 0 and 255 (or 1) has the values {values[:6].tolist()}. "
            "Was it resampled or saved as JPEG? "
            "Use the original file."
        )
    return mask > 0


def read_volume(path: Path) -> NDArray[np.float32]:
    """A compressed NIfTI volume, (X, Y, Z).

    Raises:
        FileNotFoundError: if there is no such file.
        Refused: if it is no whole volume of three axes, or too large.
    """
    try:
        volume = volumes.read(path, REMEDY, "is no whole volume", np.float32).values
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such volume. Is the download complete?") from None
    if volume.ndim != 3 or not volume.size:
        reason = f"a volume of three axes is expected, this one has the shape {volume.shape}"
        raise Refused(path, reason, "Is it the right file?")
    return volume


def to_8_bit(volume: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Intensities to 0..255, from percentile 0.5 to percentile 99.5, so that outliers do not rule."""
    low, high = np.percentile(volume, (0.5, 99.5))
    return (np.clip((volume - low) / max(high - low, 1e-6), 0, 1) * 255).round().astype(np.uint8)


def label_map(volume: NDArray, values: dict[int, int], path: Path) -> NDArray[np.uint8]:
    """Replace a download's label values by class indices.

    Args:
        values: class index by value; the value 0 stays 0.

    Raises:
        ValueError: naming the file and the values that are unknown.
    """
    labels = volume.round().astype(np.int32)
    unknown = sorted(set(np.unique(labels).tolist()) - {0, *values})
    if unknown:
        raise ValueError(
            f"{path} has the unknown labels {unknown[:6]}: expected 0 and {sorted(values)}. Is it the right file?"
        )
    result = np.zeros(labels.shape, np.uint8)
    for value, index in values.items():
        result[labels == value] = index
    return result


def same_size(image: NDArray, mask: NDArray, path: Path) -> None:
    """Raise ValueError if a mask does not cover its image."""
    if image.shape[: mask.ndim] != mask.shape:
        raise ValueError(
            f"{path}: the mask has the size {mask.shape}, its image {image.shape[: mask.ndim]}. "
            "Do the two belong together?"
        )


def only(folder: Path, pattern: str, what: str) -> list[Path]:
    """The files of a folder whose usual names match, sorted.

    Raises:
        FileNotFoundError: if there are none, naming what was looked for; Refused: as `files`.
    """
    found = files(folder, pattern)
    if not found:
        raise missing(folder / pattern, what)
    return list(found.values())


def each(folder: Path, pattern: str, what: str) -> Iterator[Path]:
    """One after another the files that `only` finds, with a progress bar on a terminal's stderr.

    Raises:
        FileNotFoundError, Refused: as `only`.
    """
    yield from tqdm(only(folder, pattern, what), desc=what, leave=False, disable=None)
