"""NIfTI volumes that somebody else made: no more is decompressed than their header declares."""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path
from typing import BinaryIO

import nibabel
import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.outside import ARRAY, MIB, Refused, bounded, opened, refusing

SLACK = 16 * MIB  # of a file around its voxels: extensions before them, padding behind them
HEADER = 540  # bytes of NIfTI-2's, the longer one
CHUNK = 16 * MIB
KINDS = (nibabel.Nifti1Image, nibabel.Nifti2Image)


def nifti(
    path: Path, remedy: str, reason: str = "cannot be read", kind: type | None = None
) -> NDArray:
    """The values of a volume, scaled as its header says; compressed or not.

    A compressed one is read to its end: nibabel stops at the last voxel, before gzip compares the checksum.

    Args:
        remedy: a sentence, for a file that is no whole volume; reason: what is said of it.
        kind: of the values; None: the header's.

    Raises:
        FileNotFoundError: if there is no such file.
        Refused: if it is no whole volume, declares more than `ARRAY` bytes, or goes on long after them.
    """
    with opened(path, most=ARRAY + SLACK) as file, refusing(path, remedy, reason):
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        stream = gzip.GzipFile(fileobj=file) if packed else file
        head = stream.read(HEADER)
        image = next((k for k in KINDS if k.header_class.may_contain_header(head)), None)
        if image is None:
            raise Refused(path, f"{reason} (it has no header of NIfTI)", remedy)
        header = image.header_class.from_fileobj(io.BytesIO(head), check=False)
        shape, itemsize = header.get_data_shape(), header.get_data_dtype().itemsize
        offset = int(header.get_data_offset())
        bounded(path, shape, itemsize)
        bounded(path, (offset,), 1, SLACK)
        if 0 in shape:
            raise Refused(path, "declares no voxel", remedy)
        # nibabel mends an offset that is too low.
        wanted = (
            max(offset, image.header_class.single_vox_offset)
            + int(np.prod(shape, dtype=np.int64)) * itemsize
        )
        if packed and os.fstat(file.fileno()).st_size > wanted + SLACK:
            raise Refused(path, f"is larger than its {wanted:,} bytes unpacked", remedy)
        content = head + taken(stream, wanted - len(head))
        if packed and len(taken(stream, SLACK + 1)) > SLACK:
            raise Refused(path, f"goes on after the {wanted:,} bytes that it declares", remedy)
        return np.asarray(image.from_bytes(content).dataobj, kind)


def taken(stream: BinaryIO | gzip.GzipFile, count: int) -> bytes:
    """As many bytes as there are, up to a count; memory is taken as they come, not before."""
    parts = []
    while count > 0 and (part := stream.read(min(count, CHUNK))):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
