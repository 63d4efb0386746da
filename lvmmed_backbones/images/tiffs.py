"""Read TIFF files by tifffile. The sizes that a file declares are checked before its pixels are decoded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tifffile import PHOTOMETRIC, TiffFile, TiffPage

from lvmmed_backbones.files.outside import ForeignFile, Refused, bounded
from lvmmed_backbones.images.complaints import silenced
from lvmmed_backbones.images.photos import PIXELS, declared_size, upright

PAGES = 100_000
# Compressions that unpack into memory of the declared size: none, CCITT, LZW, deflate, PackBits, LZMA, Zstandard;
# and those with a header of their own, which is compared with it: JPEG and JPEG 2000.
PACKED = {1, 2, 3, 4, 5, 8, 32773, 32946, 34925, 50000}
CODED = {7, 33003, 33004, 33005, 34712}
REDUCED, MASK = 1, 4  # bits of NewSubfileType: a smaller copy of another page, a transparency mask


def planes(source: ForeignFile, file: BinaryIO) -> Iterator[NDArray]:
    """Yield every image of an open file, upright: (H, W) grey or (H, W, 3) RGB, in its own depth.

    Of a pyramid only the largest image, and no transparency masks. White-is-zero is inverted, a palette becomes its
    colours, CMYK and YCbCr become RGB, an alpha channel is left out; of several channels of no colour each is an image.
    Fewer than 8 bits are stretched to 8.

    Raises
    ------
    Refused
        If it is no whole TIFF, is packed or coloured in a way that is not read, an image has more than `PIXELS`, or all
        together take more than `ARRAY` bytes.
    """
    with silenced("tifffile") as complaints:
        with source.reading():
            pages = _image_pages(source, TiffFile(file, name=source.path.name))
        # tifffile only logs it if a damaged place loses pages.
        if lost := [text for text in complaints if "page" in text]:
            raise source.refused(f"has pages that are lost: {lost[0]}")
        for page in pages:
            with source.reading():
                _check_segments(source, page)
                images = list(_to_images(source, page, _decode_page(source, page)))
            yield from images


def _image_pages(source: ForeignFile, tiff: TiffFile) -> list[TiffPage]:
    """Return the pages that are images of their own. Raises Refused for more than `PAGES`, or too many bytes."""
    images: list[TiffPage] = []
    total, offsets = 0, set()
    for number, page in enumerate(tiff.pages):
        if number >= PAGES:
            raise source.refused(f"has more than {number:,} pages")
        if page.offset in offsets:
            raise source.refused("has pages in a circle")
        offsets.add(page.offset)
        if not isinstance(page, TiffPage) or page.dtype is None:
            raise source.refused(f"has a page {number} of no known kind of values")
        if int(page.subfiletype) & (REDUCED | MASK) or (images and _is_reduced(page, images[0])):
            continue
        if 0 in page.shaped:
            raise source.refused(f"declares no pixel on page {number}")
        depth, height, width = page.shaped[1:4]
        bounded(source.path, (height, width), 1, PIXELS)
        bounded(source.path, (page.tilelength, page.tilewidth), 1, PIXELS)
        total += depth * height * width * max(page.samplesperpixel, 1) * page.dtype.itemsize
        bounded(source.path, (total,), 1)
        images.append(page)
    if not images:
        raise source.refused("holds no image")
    return images


def _is_reduced(page: TiffPage, first: TiffPage) -> bool:
    """Whether a page is a smaller copy of the first one, in a pyramid whose writer did not say so.

    Such pyramids (of whole slides) are tiled, and their levels have the same sides but for rounding.
    """
    if not first.is_tiled or page.imagewidth >= first.imagewidth:
        return False
    expected = first.imagelength * page.imagewidth / first.imagewidth
    alike = (page.samplesperpixel, page.dtype) == (first.samplesperpixel, first.dtype)
    return alike and abs(expected - page.imagelength) <= 1 + first.imagelength / first.imagewidth


def _check_segments(source: ForeignFile, page: TiffPage) -> None:
    """Raise Refused if a strip or tile is absent, cut off, or could unpack to more than is declared."""
    if page.compression not in PACKED and page.compression not in CODED:
        name = getattr(page.compression, "name", page.compression)
        reason = f"is packed by {name}, which is not read"
        raise Refused(source.path, reason, "Save it without, or by LZW")
    file = page.parent.filehandle
    size = file.size
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    if not segments or any(not count or start + count > size for start, count in segments):
        raise source.refused("is cut off: it lacks a part of an image")
    if page.compression in CODED:
        tile = max(page.tilelength, page.rowsperstrip) * max(page.tilewidth, page.imagewidth)
        for start, count in segments:
            file.seek(start)
            height, width = declared_size(file.read(count))
            if height * width > max(tile, page.imagelength * page.imagewidth):
                raise source.refused(f"has a part of {width} x {height} pixels, more than declared")


def _decode_page(source: ForeignFile, page: TiffPage) -> NDArray:
    """Return the values of a page: (S, D, H, W, s).

    Raises
    ------
    Refused
        If a strip or tile unpacks to less than it should; tifffile would fill it up.
    """
    array = np.zeros(page.shaped, page.dtype)
    filled = 0
    for segment, (sample, depth, row, column, _), _ in page.segments(maxworkers=1):
        if segment is not None:
            part = array[sample, depth:, row:, column:][tuple(map(slice, segment.shape[:3]))]
            part[...] = segment[tuple(map(slice, part.shape[:3]))]
            filled += part.size
    if filled != array.size:
        counts = f"{filled:,} of {array.size:,} values can be unpacked"
        raise source.refused(f"is cut off or damaged: {counts}")
    return array


def _to_images(source: ForeignFile, page: TiffPage, array: NDArray) -> Iterator[NDArray]:
    """Yield the images of a page's values (S, D, H, W, s): samples one after another, or side by side."""
    values = np.moveaxis(array[..., 0], 0, -1) if array.shape[-1] == 1 else array[0]
    samples, space, bits = values.shape[-1], page.photometric, page.bitspersample
    if values.dtype.kind not in "buif":
        raise source.refused(f"has values of type {values.dtype}")
    if values.dtype.kind == "b" or (bits < 8 and space != PHOTOMETRIC.PALETTE):
        values = (values.astype(np.uint8) * (255 // (2**bits - 1))).astype(np.uint8)
        bits = 8
    colour = samples >= 3
    if space == PHOTOMETRIC.PALETTE and samples == 1:
        values, colour = _palette(page)[values[..., 0]], True
    elif space == PHOTOMETRIC.MINISWHITE:
        integers = values.dtype.kind != "f"
        values = np.invert(values) & _largest_value(values, bits) if integers else -values
        colour = False
    elif space == PHOTOMETRIC.MINISBLACK:
        colour = False
    elif space == PHOTOMETRIC.SEPARATED and samples == 4 and values.dtype == np.uint8:
        values = _to_rgb(values, "CMYK")
    elif space == PHOTOMETRIC.YCBCR and colour and page.compression not in CODED:
        values = _to_rgb(values[..., :3], "YCbCr")
    elif not (space in (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR) and colour):
        name = getattr(space, "name", space)
        reason = f"has {samples} samples of {name}, which are not read"
        raise Refused(source.path, reason, "Save it as RGB or grey")
    turn = page.tags.valueof(274, 1)
    for plane in values:
        if colour:
            yield upright(plane[..., :3], turn)
        else:
            alpha = len([extra for extra in page.extrasamples if extra])
            for channel in range(max(1, samples - alpha)):
                yield upright(plane[..., channel], turn)


def _largest_value(values: NDArray, bits: int) -> np.generic:
    """Return the largest value of so many bits in the values' own type; for a signed type, all bits set."""
    return values.dtype.type(-1 if values.dtype.kind == "i" else 2**bits - 1)


def _palette(page: TiffPage) -> NDArray[np.uint8]:
    """Return the colours (N, 3) of a page's palette; some writers use only 8 of its 16 bits."""
    colours = np.asarray(page.colormap).T
    return (colours >> 8 if colours.max() > 255 else colours).astype(np.uint8)


def _to_rgb(values: NDArray[np.uint8], mode: str) -> NDArray[np.uint8]:
    """Turn colours (D, H, W, s) of a mode of Pillow into RGB."""
    return np.stack([np.asarray(Image.fromarray(plane, mode).convert("RGB")) for plane in values])
