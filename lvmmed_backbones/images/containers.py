"""Read files of named arrays, HDF5 and numpy's. The sizes that a file declares are checked before it is read."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from lvmmed_backbones.files.outside import ARRAY, MIB, Refused, bounded, opened, refusing, regular
from lvmmed_backbones.importing import needing

with needing("corpus"):
    import h5py

Wanted = Callable[[str, tuple[int, ...], np.dtype], bool]
SLACK = 16 * MIB  # bytes of a file beside its arrays; smaller ones need no closer look
RATIO = 1032  # deflate makes at most so many bytes of one
DEFLATE = h5py.h5z.FILTER_DEFLATE
REMEDY = "Save it again or leave it out"


def read_hdf5(path: Path, wanted: Wanted) -> Iterator[tuple[str, NDArray]]:
    """Yield the arrays of an HDF5 file, with their names.

    Parameters
    ----------
    wanted : Wanted
        Decides by name, shape and type which arrays are read.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If it is no whole HDF5 file, leads to another, or the arrays take more than `ARRAY` bytes.
    """
    regular(path, most=ARRAY + SLACK)
    with refusing(path, REMEDY):
        file = h5py.File(path, "r")
    with file:
        with refusing(path, REMEDY):
            arrays = _wanted_arrays(path, file, wanted)
        for name, item in sorted(arrays.items()):
            with refusing(path, REMEDY):
                _refuse_inflation(path, name, item)
                array = item[()]
            yield name, array


def _wanted_arrays(path: Path, file: h5py.File, wanted: Wanted) -> dict[str, h5py.Dataset]:
    """Return the wanted arrays. Raises Refused if anything in the file leads out of it, or if they are too large."""

    other_files: dict[str, str] = {}  # collected, since HDF5 allows no exception in a callback
    arrays: dict[str, h5py.Dataset] = {}

    def look(name: str, link: Any) -> None:
        if isinstance(link, h5py.ExternalLink):
            other_files[name] = link.filename

    def take(name: str, item: Any) -> None:
        if not isinstance(item, h5py.Dataset):
            return
        for file_name, *_ in item.external or ():
            other_files[name] = file_name
        for part in item.virtual_sources() if item.is_virtual else ():
            if part.file_name != ".":
                other_files[name] = part.file_name
        try:
            kind = item.dtype
        except TypeError:  # numpy has no such type
            return
        if item.shape is not None and wanted(name, item.shape, kind):
            arrays[name] = item

    file.visititems_links(look)
    file.visititems(take)
    for name, other in other_files.items():
        raise Refused(path, f"{name} lies in another file, {other}", REMEDY)
    for item in arrays.values():
        bounded(path, item.shape, item.dtype.itemsize)
        bounded(path, item.chunks or (), item.dtype.itemsize)
    bounded(path, (sum(item.nbytes for item in arrays.values()),), 1)
    return arrays


def _refuse_inflation(path: Path, name: str, item: h5py.Dataset) -> None:
    """Refuse an array whose chunks are inflated to more than they declare: HDF5 inflates whatever there is."""
    plan = item.id.get_create_plist()
    filters = [plan.get_filter(number)[0] for number in range(plan.get_nfilters())]
    if DEFLATE not in filters:
        return
    if filters.count(DEFLATE) > 1:
        raise Refused(path, f"{name} is deflated more than once", REMEDY)
    most = int(np.prod(item.chunks, dtype=np.int64)) * item.dtype.itemsize + MIB
    large: list[tuple[int, ...]] = []

    def look(chunk: Any) -> None:
        if chunk.size * RATIO > max(most, SLACK) and not chunk.filter_mask:
            large.append(chunk.chunk_offset)

    item.id.chunk_iter(look)
    for offset in large:
        inflater = zlib.decompressobj()
        length = len(inflater.decompress(item.id.read_direct_chunk(offset)[1], MIB))
        while length <= most and inflater.unconsumed_tail:
            length += len(inflater.decompress(inflater.unconsumed_tail, MIB))
        if length > most:
            raise Refused(path, f"{name} is inflated to more than it declares", REMEDY)


def read_numpy(path: Path, wanted: Wanted) -> Iterator[tuple[str, NDArray]]:
    """Yield the arrays of an npz file with their names, or that of an npy file, named 'array'; never pickled objects.

    Parameters
    ----------
    wanted : Wanted
        Decides by name, shape and type which arrays are read.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If it is no whole file of numpy, or the arrays take more than `ARRAY` bytes.
    """
    with opened(path, most=ARRAY + SLACK) as file:
        packed = file.read(2) == b"PK"
        file.seek(0)
        if not packed:
            with refusing(path, REMEDY):
                shape, kind = _read_header(file)
                if not wanted("array", shape, kind):
                    return
                bounded(path, shape, kind.itemsize)
                file.seek(0)
                array = npy.read_array(file, allow_pickle=False)
            yield "array", array
            return
        with refusing(path, REMEDY):
            _refuse_directory(path, file)
            archive = zipfile.ZipFile(file)
            members = dict(sorted(_wanted_members(path, archive, wanted)))
        for name, member in members.items():
            with refusing(path, REMEDY), archive.open(member) as content:
                array = npy.read_array(content, allow_pickle=False)
            yield name, array


def _wanted_members(
    path: Path, archive: zipfile.ZipFile, wanted: Wanted
) -> Iterator[tuple[str, zipfile.ZipInfo]]:
    """Yield name and member of the wanted arrays. Raises Refused if they are too large, or packed in another way."""
    total = 0
    for member in archive.infolist():
        name = member.filename.removesuffix(".npy")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Refused(path, f"{name} is packed in a way that numpy does not use", REMEDY)
        with archive.open(member) as content:
            if content.read(len(npy.MAGIC_PREFIX)) != npy.MAGIC_PREFIX:
                continue
        with archive.open(member) as content:
            shape, kind = _read_header(content)
        if wanted(name, shape, kind):
            bounded(path, shape, kind.itemsize)
            total += int(np.prod(shape, dtype=np.int64)) * kind.itemsize
            bounded(path, (total,), 1)
            yield name, member


def _read_header(file: BinaryIO | Any) -> tuple[tuple[int, ...], np.dtype]:
    """Return an array's shape and type from its header; none of them if the header has names beyond Latin-1."""
    version = npy.read_magic(file)
    if version == (3, 0):
        return (), np.dtype("V")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, kind = read(file)
    return shape, kind


def _refuse_directory(path: Path, file: BinaryIO) -> None:
    """Refuse a zip file whose list of members is too long: zipfile reads it whole.

    A list in zip64 is refused, too: only files that are too large anyway need it.
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - 2**16 - 22))
    tail = file.read()
    file.seek(0)
    at = tail.rfind(b"PK\5\6")
    if at < 0:
        return  # zipfile reports it
    bounded(path, (int.from_bytes(tail[at + 12 : at + 16], "little"),), 1, SLACK)
    if at >= 20 and tail[at - 20 : at - 16] == b"PK\6\7":
        raise Refused(path, "has a list of members in zip64", REMEDY)
