"""DICOM files that somebody else made: what they declare is bounded before their pixels are decoded."""

from __future__ import annotations

import io
import itertools
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pydicom
from numpy.typing import NDArray
from pydicom.encaps import generate_frames
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from lvmmed_backbones.images.photos import declared_size
from lvmmed_backbones.outside import ARRAY, MIB, Refused, bounded, opened, refusing

SLACK = 16 * MIB  # of a file's elements beside its pixels, and of what needs no closer look
PIXEL_DATA = 0x7FE00010
REMEDY = "Export it again or leave it out"


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """pydicom's calls over a file: what it raises becomes one line, what it warns of, in the file's words, nothing.

    Raises:
        Refused: in place of what pydicom raises.
    """
    with warnings.catch_warnings(), refusing(path, REMEDY):
        warnings.simplefilter("ignore")
        yield


def read(path: Path) -> pydicom.FileDataset:
    """The elements of a file, its pixels not yet decoded.

    Raises:
        FileNotFoundError: if there is no such file.
        Refused: if it is no whole DICOM file, or is inflated to more than it declares.
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

    Raises:
        Refused: if they go on after the pixels that they declare, or are cut off.
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


def pixels(path: Path, data: pydicom.FileDataset) -> NDArray:
    """The values as stored, (H, W) or (N, H, W), of colours with a last axis of 3.

    Raises:
        Refused: if they are not whole, or take more than `ARRAY` bytes, or a frame holds more than is declared.
    """
    with reading(path):
        declared(path, data)
        syntax = data.file_meta.TransferSyntaxUID
        if syntax.is_encapsulated:
            plane = int(data.Rows) * int(data.Columns)
            frames = generate_frames(data.PixelData, number_of_frames=frames_of(data))
            for number, frame in enumerate(frames):
                height, width = declared_size(frame)
                longest = longest_run(frame) if syntax == RLELossless else height * width
                if longest > plane:
                    reason = f"frame {number} holds {longest:,} pixels, but {plane:,} are declared"
                    raise Refused(path, reason, REMEDY)
        return data.pixel_array


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
