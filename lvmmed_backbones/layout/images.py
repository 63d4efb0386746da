"""Read images, with errors that name the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.images import pictures
from lvmmed_backbones.images.photos import Frame
from lvmmed_backbones.images.windows import NoContrast, eight_bits

KEPT = (".png", ".jpg", ".jpeg")  # formats that are kept byte for byte
REMEDY = "Is it the right file? Download it again if it is cut off or damaged"


def read_image(path: Path) -> NDArray[np.uint8]:
    """An 8-bit image, upright: (H, W) or (H, W, 3).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If it is no whole image, holds several or nothing to see, or is too large.
    """
    return to_8_bit(frame(path).pixels, path)


def frame(path: Path) -> Frame:
    """The image of a file, in its own depth. Raises as `read_image`."""
    try:
        return pictures.only(path, REMEDY, "is no whole image")
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such image. Is the download complete?") from None


def to_8_bit(values: NDArray, path: Path) -> NDArray[np.uint8]:
    """Intensities of a file to 0..255, as `eight_bits`. Raises Refused if there is nothing to see."""
    try:
        return eight_bits(values)
    except NoContrast as error:
        raise Refused(path, f"shows nothing ({error})", "Is it the right file?") from error
