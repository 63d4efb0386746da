"""TIFF files that somebody else made, by tifffile: what they declare is bounded before their pixels are decoded."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tifffile import PHOTOMETRIC, TiffFile, TiffPage

from lvmmed_backbones.files.outside import Refused, bounded, refusing
from lvmmed_backbones.images.complaints import kept
from lvmmed_backbones.images.photos import PIXELS, declared_size, upright

PAGES = 100_000
# Compressions that unpack into memory of the declared size: none, CCITT, LZW, deflate, PackBits, LZMA, Zstandard;
# and those with a header of their own, which is compared with it: JPEG and JPEG 2000.
PACKED = {1, 2, 3, 4, 5, 8, 32773, 32946, 34925, 50000}
CODED = {7, 33003, 33004, 33005, 34712}
REDUCED, MASK = 1, 4  # bits of NewSubfileType: a smaller copy of another page, a transparency mask


def planes(
    path: Path, file: BinaryIO, remedy: str, reason: str = "cannot be read"
) -> Iterator[NDArray]:
    """Every image of an open file, upright: (H, W) grey or (H, W, 3) RGB, in its own depth.

    Of a pyramid only the largest image, and no transparency masks. White-is-zero is inverted, a palette becomes its
    colours, CMYK and YCbCr become RGB, an alpha channel is left out; of several channels of no colour each is an image.
    Fewer than 8 bits are stretched to 8.

    Parameters
    ----------
    path : Path
        Of the file; remedy: a sentence, for a file that is no whole image; reason: what is said of it.

    Raises
    ------
    Refused
        If it is no whole TIFF, is packed or coloured in a way that is not read, an image has more than `PIXELS`, or all
        together take more than `ARRAY` bytes.
    """
    with warnings.catch_warnings(), kept("tifffile") as said:
        warnings.simplefilter("ignore")  # their texts are the file's
        with refusing(path, remedy, reason):
            pages = wanted(path, TiffFile(file, name=path.name), remedy)
        # tifffile goes on without the pages that a damaged place would lead to.
        if lost := [text for text in said if "page" in text]:
            raise Refused(path, f"has pages that are lost: {lost[0]}", remedy)
        for page in pages:
            with refusing(path, remedy, reason):
                check_segments(path, page, remedy)
                found = list(coloured(path, page, decoded(path, page, remedy), remedy))
            yield from found


def wanted(path: Path, tiff: TiffFile, remedy: str) -> list[TiffPage]:
    """The pages that are images of their own. Raises Refused for more than `PAGES`, or too many bytes."""
    found: list[TiffPage] = []
    total, places = 0, set()
    for number, page in enumerate(tiff.pages):
        if number >= PAGES or page.offset in places:
            reason = (
                f"has more than {number:,} pages" if number >= PAGES else "has pages in a circle"
            )
            raise Refused(path, reason, remedy)
        places.add(page.offset)
        if not isinstance(page, TiffPage) or page.dtype is None:
            raise Refused(path, f"has a page {number} of no known kind of values", remedy)
        if int(page.subfiletype) & (REDUCED | MASK) or (found and is_reduced(page, found[0])):
            continue
        if 0 in page.shaped:
            raise Refused(path, f"declares no pixel on page {number}", remedy)
        depth, height, width = page.shaped[1:4]
        bounded(path, (height, width), 1, PIXELS)
        bounded(path, (page.tilelength, page.tilewidth), 1, PIXELS)
        total += depth * height * width * max(page.samplesperpixel, 1) * page.dtype.itemsize
        bounded(path, (total,), 1)
        found.append(page)
    if not found:
        raise Refused(path, "holds no image", remedy)
    return found


def is_reduced(page: TiffPage, first: TiffPage) -> bool:
    """Whether a page is a smaller copy of the first one, in a pyramid whose writer did not say so.

    Such pyramids (of whole slides) are tiled, and their levels have the same sides but for rounding.
    """
    if not first.is_tiled or page.imagewidth >= first.imagewidth:
        return False
    expected = first.imagelength * page.imagewidth / first.imagewidth
    alike = (page.samplesperpixel, page.dtype) == (first.samplesperpixel, first.dtype)
    return alike and abs(expected - page.imagelength) <= 1 + first.imagelength / first.imagewidth


def check_segments(path: Path, page: TiffPage, remedy: str) -> None:
    """Raises Refused if a strip or tile is absent, cut off, or packed so that it could unpack to more than declared."""
    if page.compression not in PACKED and page.compression not in CODED:
        name = getattr(page.compression, "name", page.compression)
        raise Refused(path, f"is packed by {name}, which is not read", "Save it without, or by LZW")
    file = page.parent.filehandle
    size = file.size
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    if not segments or any(not count or start + count > size for start, count in segments):
        raise Refused(path, "is cut off: it lacks a part of an image", remedy)
    if page.compression in CODED:
        tile = max(page.tilelength, page.rowsperstrip) * max(page.tilewidth, page.imagewidth)
        for start, count in segments:
            file.seek(start)
            height, width = declared_size(file.read(count))
            if height * width > max(tile, page.imagelength * page.imagewidth):
                raise Refused(
                    path, f"has a part of {width} x {height} pixels, more than declared", remedy
                )


def decoded(path: Path, page: TiffPage, remedy: str) -> NDArray:
    """The values of a page: (S, D, H, W, s).

    Raises
    ------
    Refused
        If a strip or tile unpacks to less than it should; tifffile would fill it up.
    """
    array = np.zeros(page.shaped, page.dtype)
    filled = 0
    for segment, (sample, depth, row, column, _), _ in page.segments(maxworkers=1):
        if segment is not None:
            place = array[sample, depth:, row:, column:][tuple(map(slice, segment.shape[:3]))]
            place[...] = segment[tuple(map(slice, place.shape[:3]))]
            filled += place.size
    if filled != array.size:
        reason = f"is cut off or damaged: {filled:,} of {array.size:,} values can be unpacked"
        raise Refused(path, reason, remedy)
    return array


def coloured(path: Path, page: TiffPage, array: NDArray, remedy: str) -> Iterator[NDArray]:
    """The images of a page's values (S, D, H, W, s): samples one after another, or side by side."""
    values = np.moveaxis(array[..., 0], 0, -1) if array.shape[-1] == 1 else array[0]
    samples, space, bits = values.shape[-1], page.photometric, page.bitspersample
    if values.dtype.kind not in "buif":
        raise Refused(path, f"has values of type {values.dtype}", remedy)
    if values.dtype.kind == "b" or (bits < 8 and space != PHOTOMETRIC.PALETTE):
        values = (values.astype(np.uint8) * (255 // (2**bits - 1))).astype(np.uint8)
        bits = 8
    colour = samples >= 3
    if space == PHOTOMETRIC.PALETTE and samples == 1:
        values, colour = palette(page)[values[..., 0]], True
    elif space == PHOTOMETRIC.MINISWHITE:
        values = -values if values.dtype.kind == "f" else np.invert(values) & of_bits(values, bits)
        colour = False
    elif space == PHOTOMETRIC.MINISBLACK:
        colour = False
    elif space == PHOTOMETRIC.SEPARATED and samples == 4 and values.dtype == np.uint8:
        values = converted(values, "CMYK")
    elif space == PHOTOMETRIC.YCBCR and colour and page.compression not in CODED:
        values = converted(values[..., :3], "YCbCr")
    elif not (space in (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR) and colour):
        name = getattr(space, "name", space)
        raise Refused(
            path, f"has {samples} samples of {name}, which are not read", "Save it as RGB or grey"
        )
    turn = page.tags.valueof(274, 1)
    for plane in values:
        if colour:
            yield upright(plane[..., :3], turn)
        else:
            alpha = len([extra for extra in page.extrasamples if extra])
            for channel in range(max(1, samples - alpha)):
                yield upright(plane[..., channel], turn)


def of_bits(values: NDArray, bits: int) -> np.generic:
    """The largest value of so many bits, as the values' own type; of a signed one all bits."""
    return values.dtype.type(-1 if values.dtype.kind == "i" else 2**bits - 1)


def palette(page: TiffPage) -> NDArray[np.uint8]:
    """The colours (N, 3) of a page's palette; some writers use 8 of its 16 bits."""
    colours = np.asarray(page.colormap).T
    return (colours >> 8 if colours.max() > 255 else colours).astype(np.uint8)


def converted(values: NDArray[np.uint8], mode: str) -> NDArray[np.uint8]:
    """Colours (D, H, W, s) of a mode of Pillow to RGB."""
    return np.stack([np.asarray(Image.fromarray(plane, mode).convert("RGB")) for plane in values])
