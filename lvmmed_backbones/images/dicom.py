"""DICOM files that somebody else made: what they declare is bounded before their pixels are decoded."""

from __future__ import annotations

import io
import itertools
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import ARRAY, MIB, Refused, bounded, opened, refusing
from lvmmed_backbones.images.complaints import kept
from lvmmed_backbones.images.photos import declared_size
from lvmmed_backbones.importing import needing

with needing("corpus"):
    import pydicom
    from pydicom.encaps import generate_frames
    from pydicom.pixels import apply_color_lut, apply_modality_lut, pixel_array
    from pydicom.uid import (
        CTImageStorage,
        DeflatedExplicitVRLittleEndian,
        EnhancedCTImageStorage,
        LegacyConvertedEnhancedCTImageStorage,
        RLELossless,
    )

    from lvmmed_backbones.images import dicom_jpeg

SLACK = 16 * MIB  # of a file's elements beside its pixels, and of what needs no closer look
PIXEL_DATA = 0x7FE00010
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
# What pydicom makes grey or RGB of. JPEG 2000's YBR_ICT and YBR_RCT are RGB once they are decoded.
SPACES = (
    *("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB"),
    *("YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"),
)
CT = (CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage)
LOGGERS = ("pydicom", "pydicom.pixels.decoders.base")
REMEDY = "Export it again or leave it out"

dicom_jpeg.register()


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """pydicom's calls over a file: what it raises becomes one line, what it warns of, in the file's words, nothing.

    Raises
    ------
    Refused
        In place of what pydicom raises.
    """
    with warnings.catch_warnings(), kept(*LOGGERS), refusing(path, REMEDY):
        warnings.simplefilter("ignore")
        yield


def read(path: Path) -> pydicom.FileDataset:
    """The elements of a file, its pixels not yet decoded.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If it is no whole DICOM file, or is inflated to more than it declares.
    """
    with opened(path, most=ARRAY + SLACK) as file, reading(path):
        meta = pydicom.filereader.read_file_meta_info(path)
        if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
            return inflated(path, file, meta)
        return pydicom.dcmread(file)


def inflated(
    path: Path, file: BinaryIO, meta: pydicom.dataset.FileMetaDataset
) -> pydicom.FileDataset:
    """The elements of a deflated file: pydicom would inflate it to whatever size.

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
        content += inflater.decompress(inflater.unconsumed_tail, declared(path, head) + 1)
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
        Such as CT; empty if it says none.
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
    """Every frame of a file; None if it has no pixels.

    By pydicom's own pipeline: YBR becomes RGB, a palette its colours, a modality lookup table or rescaling is applied
    where the standard lets it stand: in the file, or in the functional groups of an enhanced one, shared or per frame
    (PS3.3 C.7.6.16.2.9).

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
    with reading(path):
        space = str(data.get("PhotometricInterpretation") or "")
        if space not in SPACES:
            raise Refused(path, f"has the colours {space!r}, which are not read", REMEDY)
    stored = pixels(path, data)
    with reading(path):
        modality = plain(data.get("Modality", ""))
        if space == "PALETTE COLOR":
            stored, space = apply_color_lut(stored, data), "RGB"
        if int(data.get("SamplesPerPixel") or 1) > 1 or space == "RGB":
            values = stored if stored.ndim == 4 else stored[None]
            return Frames(values, modality, False, False, None)
        stored = stored if stored.ndim == 3 else stored[None]
        return Frames(
            values=rescaled(stored, data),
            modality=modality,
            hounsfield=is_hounsfield(data),
            inverse=space == "MONOCHROME1" or data.get("PresentationLUTShape") == "INVERSE",
            padding=padding_of(stored, data),
        )


def rescaled(stored: NDArray, data: pydicom.Dataset) -> NDArray:
    """Stored values (N, H, W) by the transform of the file, or of the functional groups of each frame."""
    found = transforms(data, len(stored))
    if len({id(one) for one in found}) == 1:
        return apply_modality_lut(stored, found[0])
    return np.stack([apply_modality_lut(a, one) for a, one in zip(stored, found, strict=True)])


def transforms(data: pydicom.Dataset, count: int) -> list[pydicom.Dataset]:
    """What holds the modality transform of each frame: the file itself, or an item of its functional groups."""
    if "RescaleSlope" in data or "ModalityLUTSequence" in data:
        return [data] * count
    shared = group_of(data.get("SharedFunctionalGroupsSequence"), 0)
    each = [group_of(data.get("PerFrameFunctionalGroupsSequence"), n) for n in range(count)]
    return [one or shared or data for one in each]


def group_of(groups: Sequence | None, number: int) -> pydicom.Dataset | None:
    """The item of the pixel value transformation in a frame's functional groups."""
    if not groups or number >= len(groups):
        return None
    found = groups[number].get("PixelValueTransformationSequence")
    return found[0] if found else None


def is_hounsfield(data: pydicom.Dataset) -> bool:
    """Whether the file says that its rescaled values are Hounsfield units.

    By its rescale type; what is stored as a CT image has them without one, by definition (PS3.3 C.8.2.1), if it is
    rescaled at all.
    """
    stored_as = data.get("SOPClassUID") or data.file_meta.get("MediaStorageSOPClassUID")
    unnamed = "HU" if stored_as in CT else ""
    for one in transforms(data, frames_of(data)):
        kind = one.get("RescaleType") or unnamed
        if "RescaleSlope" not in one or kind != "HU":
            return False
    return True


def padding_of(stored: NDArray, data: pydicom.Dataset) -> NDArray[np.bool_] | None:
    """Where stored values are the file's padding, or within its range (PS3.3 C.7.5.1.1.2)."""
    value = data.get("PixelPaddingValue")
    if value is None:
        return None
    limit = data.get("PixelPaddingRangeLimit")
    low, high = sorted((int(value), int(value if limit is None else limit)))
    found = (stored >= low) & (stored <= high)
    return found if found.any() and not found.all() else None


def pixels(path: Path, data: pydicom.FileDataset) -> NDArray:
    """The values as stored, (H, W) or (N, H, W); colours in RGB, or as indices of a palette.

    Raises
    ------
    Refused
        If they are not whole, or take more than `ARRAY` bytes, or a frame holds more than is declared.
    """
    with reading(path):
        declared(path, data)
        syntax = data.file_meta.TransferSyntaxUID
        if syntax.is_encapsulated:
            plane = int(data.Rows) * int(data.Columns)
            packed = generate_frames(data.PixelData, number_of_frames=frames_of(data))
            for number, frame in enumerate(packed):
                height, width = declared_size(frame)
                longest = longest_run(frame) if syntax == RLELossless else height * width
                if longest > plane:
                    reason = f"frame {number} holds {longest:,} pixels, but {plane:,} are declared"
                    raise Refused(path, reason, REMEDY)
        return pixel_array(data)


def declared(path: Path, data: pydicom.Dataset) -> int:
    """Bytes of the pixels, as the elements declare them. Raises Refused for more than `ARRAY`."""
    samples = int(data.get("SamplesPerPixel") or 1)
    values = frames_of(data), int(data.Rows), int(data.Columns), samples
    itemsize = -(-int(data.BitsAllocated) // 8)
    bounded(path, values, itemsize)
    size = itemsize
    for value in values:
        size *= value
    return size


def frames_of(data: pydicom.Dataset) -> int:
    """How many frames are declared; 1 if nothing is."""
    return int(data.get("NumberOfFrames") or 1)


def longest_run(frame: bytes) -> int:
    """Bytes of the longest segment of an RLE frame, unpacked; 0 if the frame is too short for any harm.

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
