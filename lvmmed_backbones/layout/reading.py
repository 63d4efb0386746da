"""Read the images of a data set, and its masks and label volumes as they are stored.

An image may be converted, and its intensities mapped to 8 bits. A mask may not be scaled, rounded or guessed: a value
of no class, a colour, an alpha channel or another geometry says that the file is not what it should be, and a guess
would make it look right.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from lvmmed_backbones.files.outside import ForeignFile, Refused
from lvmmed_backbones.images import photos, pictures
from lvmmed_backbones.images.photos import Frame
from lvmmed_backbones.images.windows import NoContrast, eight_bits

KEPT = (".png", ".jpg", ".jpeg")  # formats that are kept byte for byte
REMEDY = "Is it the right file? Download it again if it is cut off or damaged"
ORIGINAL = "Use the original file"
GREY = ("1", "L", "I", "I;16", "I;16B", "I;16L", "F")


def read_image(path: Path) -> NDArray[np.uint8]:
    """Return an image of 8 bits, upright: (H, W) or (H, W, 3).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If it is no whole image, holds several or nothing to see, or is too large.
    """
    return to_8_bit(read_frame(path).pixels, path)


def read_frame(path: Path) -> Frame:
    """Return the image of a file, in its own depth. Raises the errors of `read_image`."""
    try:
        return pictures.read_one(path, REMEDY, "is no whole image")
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such image. Is the download complete?") from None


def to_8_bit(values: NDArray, path: Path) -> NDArray[np.uint8]:
    """Turn the intensities of a file into 0..255, as `eight_bits`. Raises Refused if there is nothing to see."""
    try:
        return eight_bits(values)
    except NoContrast as error:
        raise Refused(path, f"shows nothing ({error})", "Is it the right file?") from error


def read_stored(path: Path, tinted: int = 0) -> NDArray:
    """Return the values that are stored in a mask, (H, W), by the rules of `_stored_values`.

    Parameters
    ----------
    tinted : int
        Grey levels by which the channels of a grey image may differ.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If it is no whole image, or is refused by `_stored_values`.
    """
    try:
        source = ForeignFile(path, REMEDY, "is no whole image")
        return photos.read_first(source, lambda image: _stored_values(path, image, tinted))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such image. Is the download complete?") from None


def _stored_values(path: Path, image: Image.Image, tinted: int = 0) -> NDArray:
    """Return the values of a mask's file, (H, W), whole numbers, turned as the file says.

    A palette stands for its greys; one of black and a single other colour stands for 0 and 255. Colour must be grey.
    One bit stands for 0 and 255.

    Parameters
    ----------
    tinted : int
        Grey levels by which the channels of a grey image may differ; the largest counts.

    Raises
    ------
    Refused
        For colours, for an alpha that is not opaque, for several frames, and for values that are not whole.
    """
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise Refused(path, f"holds {frames} images, in place of one mask", "Save its mask alone")
    image.load()  # before the orientation: Pillow turns a TIFF itself, and a PNG may have it behind the pixels
    ImageOps.exif_transpose(image, in_place=True)
    if not _is_opaque(image):
        remedy = "Is the mask in the alpha channel? Save it as a grey image without alpha"
        raise Refused(path, "is not opaque everywhere", remedy)
    if image.mode == "1":
        return np.asarray(image).astype(np.uint8) * 255
    if image.mode in GREY:
        return whole_numbers(np.asarray(image), path)
    if image.mode in ("P", "PA"):
        return _palette_greys(path, image)
    if image.mode in ("LA", "La"):
        return np.asarray(image.getchannel(0))
    if image.mode not in ("RGB", "RGBA", "RGBa", "RGBX"):
        raise Refused(path, f"is an image of {image.mode}, in place of a grey mask", ORIGINAL)
    colours = np.asarray(image)[..., :3]
    apart = int((colours.max(axis=2) - colours.min(axis=2)).max())
    if apart > tinted:
        reason = f"is coloured: its red, green and blue differ by {apart} grey levels"
        raise Refused(path, reason, f"A mask is grey: {ORIGINAL.lower()}")
    return colours.max(axis=2)


def _is_opaque(image: Image.Image) -> bool:
    """Whether no pixel of an image is transparent, by a channel or by a value that stands for transparent."""
    if image.getbands()[-1] in ("A", "a"):
        return image.getchannel(len(image.getbands()) - 1).getextrema() == (255, 255)
    clear = image.info.get("transparency")
    if clear is None:
        return True
    if isinstance(clear, bytes):  # an alpha for each index of a palette
        indices = np.flatnonzero(np.frombuffer(clear, np.uint8) < 255)
        return not np.isin(np.asarray(image), indices).any()
    pixels = np.asarray(image).reshape(*image.size[::-1], -1)
    return not (pixels == np.asarray(clear)).all(axis=2).any()


def _palette_greys(path: Path, image: Image.Image) -> NDArray[np.uint8]:
    """Return the greys of an image with a palette, (H, W); 0 and 255 for black and one other colour.

    Raises
    ------
    Refused
        For other colours.
    """
    indices = np.asarray(image if image.mode == "P" else image.getchannel(0))
    palette = np.array(image.getpalette() or (), np.uint8).reshape(-1, 3)
    used = distinct_values(indices)
    if used[-1] >= len(palette):
        raise Refused(path, f"has no colour {used[-1]} in its palette", REMEDY)
    paints = np.unique(palette[used], axis=0)
    if (paints == paints[:, :1]).all():
        return palette[indices, 0]
    if len(paints) == 2 and not paints[0].any():
        return np.where(palette.any(axis=1), 255, 0).astype(np.uint8)[indices]
    raise Refused(
        path,
        f"is painted in {len(paints)} colours, such as {tuple(paints[-1].tolist())}, not in greys",
        ORIGINAL,
    )


def refuse_other_size(image: NDArray, mask: NDArray, path: Path) -> None:
    """Raise Refused if a mask does not cover its image: (H, W) of (H, W, 3), or (X, Y, Z) of (X, Y, Z, 3)."""
    size = image.shape[: mask.ndim]
    if size != mask.shape:
        reason = f"the mask has the size {mask.shape}, its image {size}"
        raise Refused(path, reason, "Do the two belong together?")


def whole_numbers(values: NDArray, path: Path) -> NDArray:
    """Return values as whole numbers. They may differ by 1e-4 and a millionth of the value; integers stay as they are.

    Raises
    ------
    Refused
        Naming the first value that is none.
    """
    if values.dtype.kind in "bui":
        return values
    if values.dtype.kind != "f":
        raise Refused(path, f"has values of {values.dtype}, in place of labels", ORIGINAL)
    with np.errstate(invalid="ignore"):  # of infinity minus infinity
        nearest = np.rint(values)
        near = np.abs(values - nearest) <= 1e-4 + 1e-6 * np.abs(nearest)
    near &= np.abs(nearest) < 2**31
    if not near.all():
        reason = f"has the value {values[~near][0]:.6g}, which is no whole label"
        raise Refused(path, reason, f"Was it resampled? {ORIGINAL}")
    return nearest.astype(np.int32)


def distinct_values(labels: NDArray) -> list[int]:
    """Return the values that occur, sorted. Small ones are counted, since sorting a volume takes seconds."""
    if labels.dtype.itemsize > 2 and not 0 <= labels.min() <= labels.max() <= 65535:
        return np.unique(labels).tolist()
    lowest = int(labels.min())
    return (np.flatnonzero(np.bincount(labels.ravel().astype(np.int64) - lowest)) + lowest).tolist()
