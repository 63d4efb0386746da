"""Read DICOM files. The sizes that a file declares are checked before its pixels are decoded."""

from __future__ import annotations

import io
import itertools
import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import ARRAY, MIB, Refused, bounded, opened, refusing
from lvmmed_backbones.images.complaints import silenced
from lvmmed_backbones.images.photos import declared_size
from lvmmed_backbones.importing import needing

with needing("corpus"):
    import pydicom
    from pydicom.encaps import generate_frames
    from pydicom.pixels import apply_color_lut, apply_modality_lut, pixel_array
    from pydicom.pixels.decoders import JPEGExtended12BitDecoder
    from pydicom.pixels.decoders.base import DecodeRunner
    from pydicom.uid import (
        CTImageStorage,
        DeflatedExplicitVRLittleEndian,
        EnhancedCTImageStorage,
        JPEGExtended12Bit,
        LegacyConvertedEnhancedCTImageStorage,
        RLELossless,
    )

SLACK = 16 * MIB  # bytes of a file's elements beside its pixels; smaller frames need no closer look
PIXEL_DATA = 0x7FE00010
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
# Colours that pydicom turns into grey or RGB. YBR_ICT and YBR_RCT of JPEG 2000 are RGB once they are decoded.
SPACES = (
    *("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB"),
    *("YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"),
)
CT = (CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage)
LOGGERS = ("pydicom", "pydicom.pixels.decoders.base")
REMEDY = "Export it again or leave it out"

# pydicom asks its plugins for these two names.
DECODER_DEPENDENCIES = {JPEGExtended12Bit: ("imagecodecs",)}


def is_available(uid: str) -> bool:
    """Return whether this module decodes a transfer syntax, as pydicom asks every plugin."""
    return uid in DECODER_DEPENDENCIES


def decode_frame(frame: bytes, runner: DecodeRunner) -> bytes:
    """Return the pixels of a JPEG of 12 bits, little-endian, as pydicom's plugins give them.

    imagecodecs decodes it: the decoders that pydicom knows are limited to 8 bits, or under the GPL.
    """
    pixels = imagecodecs.jpeg8_decode(frame)
    return pixels.astype(np.dtype(f"<u{runner.bits_allocated // 8}")).tobytes()


if "imagecodecs" not in JPEGExtended12BitDecoder.available_plugins:
    JPEGExtended12BitDecoder.add_plugin("imagecodecs", (__name__, "decode_frame"))


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Make one line of what pydicom raises over a file; drop what it warns of and logs, which are the file's words.

    Raises
    ------
    Refused
        In place of what pydicom raises.
    """
    with silenced(*LOGGERS), refusing(path, REMEDY):
        yield


def read(path: Path) -> pydicom.FileDataset:
    """Read the elements of a file; its pixels are not decoded yet.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If it is no whole DICOM file, or is inflated to more than it declares.
    """
    with opened(path, most=ARRAY + SLACK) as file, _reading(path):
        meta = pydicom.filereader.read_file_meta_info(path)
        if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
            return _inflate(path, file, meta)
        return pydicom.dcmread(file)


def _inflate(
    path: Path, file: BinaryIO, meta: pydicom.dataset.FileMetaDataset
) -> pydicom.FileDataset:
    """Return the elements of a deflated file. pydicom would inflate it without a bound.

    Raises
    ------
    Refused
        If they go on after the pixels that they declare, or are cut off.
    """
    file.seek(128 + 4 + 12 + meta.FileMetaInformationGroupLength)  # preamble, mark, length
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    content = inflater.decompress(file.read(), SLACK)
    if not inflater.eof:
        head = pydicom.filereader.read_dataset(
            io.BytesIO(content), False, True, stop_when=lambda tag, vr, length: tag == PIXEL_DATA
        )
        content += inflater.decompress(inflater.unconsumed_tail, _declared_bytes(path, head) + 1)
    if not inflater.eof:
        raise Refused(path, "is inflated to more than it declares, or is cut off", REMEDY)
    elements = pydicom.filereader.read_dataset(io.BytesIO(content), False, True)
    data = pydicom.FileDataset(str(path), elements, None, meta, False, True)
    data.set_original_encoding(False, True, elements._character_set)
    return data


@dataclass(frozen=True)
class Frames:
    """The pixels of a DICOM file, as they are meant to be seen.

    Attributes
    ----------
    values : NDArray
        (N, H, W), grey, by the file's modality transform; (N, H, W, 3) RGB, uint8 or uint16.
    modality : str
        The modality, such as CT; empty if the file says none.
    hounsfield : bool
        Whether grey values are Hounsfield units.
    inverse : bool
        Whether low values are bright.
    padding : ndarray or None
        (N, H, W), where grey values mean nothing; None if the file says of none.
    """

    values: NDArray
    modality: str
    hounsfield: bool
    inverse: bool
    padding: NDArray[np.bool_] | None


def frames(path: Path) -> Frames | None:
    """Return every frame of a file; None if it has no pixels.

    pydicom's own pipeline does it. YBR becomes RGB, a palette its colours. A modality lookup table or rescaling is
    applied where the standard lets it stand: in the file, or in the functional groups of an enhanced one, shared or
    for each frame (PS3.3 C.7.6.16.2.9).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If it is no whole DICOM file, or declares too much; if its pixels are packed or coloured in a way that is not
        read.
    """
    data = read(path)
    if not any(name in data for name in PIXELS):
        return None
    with _reading(path):
        space = str(data.get("PhotometricInterpretation") or "")
        if space not in SPACES:
            raise Refused(path, f"has the colours {space!r}, which are not read", REMEDY)
    stored = pixels(path, data)
    with _reading(path):
        modality = plain(data.get("Modality", ""))
        if space == "PALETTE COLOR":
            stored, space = apply_color_lut(stored, data), "RGB"
        if int(data.get("SamplesPerPixel") or 1) > 1 or space == "RGB":
            values = stored if stored.ndim == 4 else stored[None]
            return Frames(values, modality, False, False, None)
        stored = stored if stored.ndim == 3 else stored[None]
        return Frames(
            values=_rescale(stored, data),
            modality=modality,
            hounsfield=_is_hounsfield(data),
            inverse=space == "MONOCHROME1" or data.get("PresentationLUTShape") == "INVERSE",
            padding=_padding(stored, data),
        )


def _rescale(stored: NDArray, data: pydicom.Dataset) -> NDArray:
    """Return stored values (N, H, W) after the transform of the file, or of the functional groups of each frame."""
    items = _transform_items(data, len(stored))
    if len({id(item) for item in items}) == 1:
        return apply_modality_lut(stored, items[0])
    return np.stack([apply_modality_lut(a, item) for a, item in zip(stored, items, strict=True)])


def _transform_items(data: pydicom.Dataset, count: int) -> list[pydicom.Dataset]:
    """Return what holds the modality transform of each frame: the file, or an item of its functional groups."""
    if "RescaleSlope" in data or "ModalityLUTSequence" in data:
        return [data] * count
    shared = _transform_item(data.get("SharedFunctionalGroupsSequence"), 0)
    each = [_transform_item(data.get("PerFrameFunctionalGroupsSequence"), n) for n in range(count)]
    return [item or shared or data for item in each]


def _transform_item(groups: Sequence | None, number: int) -> pydicom.Dataset | None:
    """Return the item of the pixel value transformation in a frame's functional groups."""
    if not groups or number >= len(groups):
        return None
    items = groups[number].get("PixelValueTransformationSequence")
    return items[0] if items else None


def _is_hounsfield(data: pydicom.Dataset) -> bool:
    """Whether the file says that its rescaled values are Hounsfield units.

    By its rescale type; what is stored as a CT image has them without one, by definition (PS3.3 C.8.2.1), if it is
    rescaled at all.
    """
    stored_as = data.get("SOPClassUID") or data.file_meta.get("MediaStorageSOPClassUID")
    unnamed = "HU" if stored_as in CT else ""
    return all(
        "RescaleSlope" in item and (item.get("RescaleType") or unnamed) == "HU"
        for item in _transform_items(data, _frame_count(data))
    )


def _padding(stored: NDArray, data: pydicom.Dataset) -> NDArray[np.bool_] | None:
    """Return where stored values are the file's padding, or within its range (PS3.3 C.7.5.1.1.2)."""
    value = data.get("PixelPaddingValue")
    if value is None:
        return None
    limit = data.get("PixelPaddingRangeLimit")
    low, high = sorted((int(value), int(value if limit is None else limit)))
    is_padding = (stored >= low) & (stored <= high)
    return is_padding if is_padding.any() and not is_padding.all() else None


def pixels(path: Path, data: pydicom.FileDataset) -> NDArray:
    """Return the values as stored, (H, W) or (N, H, W); colours in RGB, or as indices of a palette.

    Raises
    ------
    Refused
        If they are not whole, or take more than `ARRAY` bytes, or a frame holds more than is declared.
    """
    with _reading(path):
        _declared_bytes(path, data)
        syntax = data.file_meta.TransferSyntaxUID
        if syntax.is_encapsulated:
            plane = int(data.Rows) * int(data.Columns)
            packed = generate_frames(data.PixelData, number_of_frames=_frame_count(data))
            for number, frame in enumerate(packed):
                height, width = declared_size(frame)
                longest = _longest_run(frame) if syntax == RLELossless else height * width
                if longest > plane:
                    reason = f"frame {number} holds {longest:,} pixels, but {plane:,} are declared"
                    raise Refused(path, reason, REMEDY)
        return pixel_array(data)


def _declared_bytes(path: Path, data: pydicom.Dataset) -> int:
    """Return how many bytes of pixels the elements declare. Raises Refused for more than `ARRAY`."""
    samples = int(data.get("SamplesPerPixel") or 1)
    values = _frame_count(data), int(data.Rows), int(data.Columns), samples
    itemsize = -(-int(data.BitsAllocated) // 8)
    bounded(path, values, itemsize)
    return math.prod(values) * itemsize


def _frame_count(data: pydicom.Dataset) -> int:
    """Return how many frames are declared; 1 if nothing is."""
    return int(data.get("NumberOfFrames") or 1)


def _longest_run(frame: bytes) -> int:
    """Return the length of the longest segment of an RLE frame, unpacked; 0 if the frame is too short for any harm.

    pydicom unpacks a segment before it compares its length. Two bytes can stand for 128 (PackBits).
    """
    if 64 * len(frame) <= SLACK:
        return 0
    count = min(struct.unpack_from("<L", frame)[0], 15)
    offsets = [*struct.unpack_from(f"<{count}L", frame, 4), len(frame)]
    longest = 0
    for start, end in itertools.pairwise(offsets):
        at, length = start, 0
        while at < min(end, len(frame)):
            code = frame[at]
            length += 0 if code == 128 else code + 1 if code < 128 else 257 - code
            at += code + 2 if code < 128 else 2 if code > 128 else 1
        longest = max(longest, length)
    return longest
