"""Read the images and masks of a download, with errors that name the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from lvmmed_backbones.images import pictures, volumes
from lvmmed_backbones.images.photos import Frame
from lvmmed_backbones.images.windows import NoContrast, eight_bits
from lvmmed_backbones.outside import Refused

KEPT = (".png", ".jpg", ".jpeg")  # formats that are kept byte for byte
REMEDY = "Download it again"


def read_image(path: Path) -> NDArray[np.uint8]:
    """An 8-bit image, upright: (H, W) or (H, W, 3).

    Raises:
        FileNotFoundError: if there is no such file.
        Refused: if it is no whole image, holds several or nothing to see, or is too large.
    """
    return to_8_bit(frame(path).pixels, path)


def frame(path: Path) -> Frame:
    """The image of a file, in its own depth. Raises as `read_image`."""
    try:
        return pictures.only(path, REMEDY, "is no whole image")
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


def to_8_bit(values: NDArray, path: Path) -> NDArray[np.uint8]:
    """Intensities of a file to 0..255, as `eight_bits`. Raises Refused if there is nothing to see."""
    try:
        return eight_bits(values)
    except NoContrast as error:
        raise Refused(path, f"shows nothing ({error})", "Is it the right file?") from error


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
    """The files of a folder that match, sorted.

    Raises:
        FileNotFoundError: if there are none, naming what was looked for.
    """
    found = sorted(folder.glob(pattern))
    if not found:
        raise FileNotFoundError(
            f"{folder / pattern}: no {what} there. Is the download unpacked in this place?"
        )
    return found


def each(folder: Path, pattern: str, what: str) -> Iterator[Path]:
    """One after another the files that `only` finds, with a progress bar on a terminal's stderr.

    Raises:
        FileNotFoundError: as `only`.
    """
    yield from tqdm(only(folder, pattern, what), desc=what, leave=False, disable=None)
