"""Read the images of a download, with errors that name the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from lvmmed_backbones.images import photos

KEPT = (".png", ".jpg", ".jpeg")  # formats that are kept byte for byte
REMEDY = "Download it again"


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


def to_8_bit(volume: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Intensities to 0..255, from percentile 0.5 to percentile 99.5, so that outliers do not rule."""
    low, high = np.percentile(volume, (0.5, 99.5))
    return (np.clip((volume - low) / max(high - low, 1e-6), 0, 1) * 255).round().astype(np.uint8)


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
