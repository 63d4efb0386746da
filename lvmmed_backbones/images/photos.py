"""Read photographs by Pillow. The sizes that a file declares are checked before its pixels are decoded."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lvmmed_backbones.files.outside import (
    ARRAY,
    MIB,
    ForeignFile,
    bounded,
    opened,
    read_bytes,
    refusing,
)
from lvmmed_backbones.images.complaints import silenced

# Pillow's plain decoders, those that it has loaded already first. Others run programs: EPS starts Ghostscript.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP", "JPEG2000")
PIXELS = 1024 * MIB // 4 // 3  # pixels of a frame: above this limit Pillow itself warns of a bomb
KEPT = ("PNG", "JPEG")
GREY = ("1", "L", "LA", "La")
BITS, PHOTOMETRIC, SAMPLES, SAMPLE_FORMAT = 258, 262, 277, 339  # tags of TIFF
ORIENTATION = 274  # of TIFF and EXIF
# Entries of an image's info in which Pillow finds an orientation.
EXIF = {"exif", "xmp", "Raw profile type exif", "XML:com.adobe.xmp"}
# By the number of the orientation: how to turn the pixels upright.
TURNS: dict[int, Callable[[NDArray], NDArray]] = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: np.rot90,
}
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
JPEG_2000 = b"\xff\x4f\xff\x51"  # the mark of a codestream, within boxes or not
NO_SIZE = {0xD8, 0x01, *range(0xD0, 0xD8)}  # JPEG's markers without a length
# JPEG's markers that start a frame, also in JPEG-LS.
SIZED = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Drop Pillow's warnings, which have the file's texts; the one of a decompression bomb becomes an error."""
    with silenced():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _open_image(source: ForeignFile, file: BinaryIO) -> Image.Image:
    """Return Pillow's image of an open file, not yet decoded. Raises Refused if it is none, or has over `PIXELS`."""
    with source.reading():
        image = Image.open(file, formats=FORMATS)
        bounded(source.path, image.size, 1, PIXELS)
    return image


@dataclass(frozen=True)
class Frame:
    """An image of a file.

    Attributes
    ----------
    pixels : NDArray
        (H, W) or (H, W, 3) RGB, upright, in their own depth.
    kept : str
        PNG or JPEG, if the bytes of the file stand for just these pixels to any reader, so that it can be kept as it
        is: of 8 bits, grey or RGB, of one image that needs no turn; else empty.
    """

    pixels: NDArray
    kept: str = ""


def frames(source: ForeignFile, file: BinaryIO) -> Iterator[Frame]:
    """Yield every image of an open file, as Pillow reads it.

    Raises
    ------
    Refused
        If it is no whole image, a frame has more than `PIXELS`, or all together take more than `ARRAY` bytes.
    """
    with _without_warnings():
        image = _open_image(source, file)
        with source.reading():
            # In a camera's file (MPO) the further images are previews of the first.
            count = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
            # Frames have one size, and Pillow decodes all frames before the one that it seeks.
            bounded(source.path, (count, *image.size), _pixel_bytes(image))
        for number in range(count):
            with source.reading():
                if number:
                    image.seek(number)
                    bounded(source.path, image.size, 1, PIXELS)
                frame = _read_frame(source.path, image, count == 1)
            yield frame


def is_plain_tiff(file: BinaryIO) -> bool:
    """Whether a TIFF holds one upright image of 8 bits, grey or RGB, which Pillow reads right and fastest."""
    with _without_warnings():
        try:
            image: Any = Image.open(file, formats=("TIFF",))
            tags = image.tag_v2
            samples, colours = {"L": (1, 1), "RGB": (3, 2)}.get(image.mode, (0, 0))
            return (
                tags.get(BITS) == (8,) * samples
                and tags.get(SAMPLES, 1) == samples
                and set(tags.get(SAMPLE_FORMAT, (1,))) == {1}
                and tags.get(PHOTOMETRIC) == colours
                and tags.get(ORIENTATION, 1) == 1
                and image.n_frames == 1
            )
        except Exception:  # tifffile will report what is wrong
            return False
        finally:
            file.seek(0)


def _read_frame(path: Path, image: Image.Image, single: bool) -> Frame:
    """Return the current frame of an image of Pillow; `single` says that it is the only one."""
    sixteen = _has_deep_colours(image)
    image.load()  # first, or a damaged part would be taken for damaged EXIF
    turn = _orientation(image)
    if sixteen:
        deep = imagecodecs.png_decode(read_bytes(path, most=ARRAY))
        colours = deep[..., 0] if deep.shape[-1] == 2 else deep[..., :3]  # without alpha
        return Frame(upright(colours, turn))
    if _is_deep(image):
        return Frame(upright(np.asarray(image), turn))
    mode = image.mode
    pixels = np.asarray(image.convert("L" if mode in GREY else "RGB"))
    kept = single and turn == 1 and mode in ("L", "RGB") and image.format in KEPT
    return Frame(upright(pixels, turn), str(image.format) if kept else "")


def _has_deep_colours(image: Image.Image) -> bool:
    """Whether a PNG has colours, or an alpha channel, of 16 bits, of which Pillow keeps 8."""
    return (
        image.format == "PNG"
        and any("16B" in str(tile[3]) for tile in image.tile)
        and not _is_deep(image)
    )


def _orientation(image: Image.Image) -> int:
    """Return EXIF's number for how to turn an image upright; 1: not at all."""
    if not EXIF & image.info.keys():
        return 1
    try:
        turn = image.getexif().get(ORIENTATION, 1)
    except Exception:  # readers do not turn an image whose EXIF is damaged
        return 1
    return turn if turn in TURNS else 1


def upright(pixels: NDArray, turn: int) -> NDArray:
    """Turn pixels (H, W, ...) upright, by the number that EXIF and TIFF have for it."""
    return np.ascontiguousarray(TURNS.get(turn, TURNS[1])(pixels))


def _pixel_bytes(image: Image.Image) -> int:
    """Return the number of bytes of a decoded pixel."""
    return 4 if _is_deep(image) else 3 if image.mode == "P" else len(image.getbands())


def read_first(source: ForeignFile, values: Callable[[Image.Image], NDArray]) -> NDArray:
    """Return what a function makes of a file's first frame, which is not yet decoded.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        As `frames`, and if the function raises anything.
    """
    with opened(source.path, most=ARRAY) as file, _without_warnings():
        image = _open_image(source, file)
        with source.reading():
            return values(image)


def _is_deep(image: Image.Image) -> bool:
    """Whether an image has more than 8 bits."""
    return image.mode.startswith(("I", "F"))


def decode(
    path: str | Path, content: bytes, remedy: str, reason: str = "is no whole image"
) -> NDArray[np.uint8]:
    """Decode a PNG or JPEG in memory by OpenCV: (H, W, 3), blue first.

    Parameters
    ----------
    path : str or Path
        What the bytes are called in an error; remedy, reason: what is said of them.

    Raises
    ------
    Refused
        If they are no whole image, or declare more than `ARRAY` bytes of pixels.
    """
    height, width = declared_size(content)
    bounded(path, (height, width, 3), 1)
    with refusing(path, remedy, reason):
        if not content.startswith((PNG, JPEG)):  # OpenCV reads many more formats
            raise ValueError("neither PNG nor JPEG")
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise ValueError("it is damaged or cut off")
    return np.asarray(image, np.uint8)


def declared_size(content: bytes) -> tuple[int, int]:
    """Return height and width as the header of a PNG, JPEG or JPEG 2000 has them; 0 and 0 if it is none of them."""
    if content.startswith(PNG):
        return int.from_bytes(content[20:24], "big"), int.from_bytes(content[16:20], "big")
    if content.startswith(JPEG):
        return _jpeg_size(content)
    sizes = [(0, 0)]
    for mark in re.finditer(JPEG_2000, content):
        header = content[mark.end() + 4 : mark.end() + 20]
        right, bottom, left, top = (int.from_bytes(header[n : n + 4], "big") for n in (0, 4, 8, 12))
        sizes.append((max(bottom - top, 0), max(right - left, 0)))
    return max(sizes, key=lambda size: size[0] * size[1])


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """Return height and width of the first segment that starts a frame; 0 and 0 if there is none."""
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        kind = content[at + 1]
        if kind == 0xFF:  # padding
            at += 1
        elif kind in SIZED:
            return (
                int.from_bytes(content[at + 5 : at + 7], "big"),
                int.from_bytes(content[at + 7 : at + 9], "big"),
            )
        elif kind in NO_SIZE:
            at += 2
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return 0, 0
