"""Read volumes: NIfTI, Analyze, MetaImage and NRRD. No more is unpacked than a file declares."""

from __future__ import annotations

import gzip
import io
import math
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.files.outside import ARRAY, MIB, ForeignFile, bounded, opened, regular
from lvmmed_backbones.importing import needing

with needing("corpus"):
    import nibabel

SLACK = 16 * MIB  # bytes of a file around its voxels: extensions before, padding behind
HEADER = 540  # bytes of NIfTI-2's, the longer one
CHUNK = 16 * MIB
KINDS = (nibabel.Nifti1Image, nibabel.Nifti2Image)
# ITK's axes run to the left, back and up, NIfTI's to the right, front and up.
LPS = np.diag((-1.0, -1.0, 1.0, 1.0))
TEXT = 64 * 1024  # bytes of a header in text
# By ending: ITK's reader, and the pattern that finds the file of the voxels in a header in text.
ITK: dict[str, tuple[str, str | None]] = {
    ".mha": ("MetaImageIO", r"ElementDataFile\s*=\s*(.*)"),
    ".mhd": ("MetaImageIO", r"ElementDataFile\s*=\s*(.*)"),
    ".nrrd": ("NrrdImageIO", r"data ?file:\s*(.*)"),
    ".nhdr": ("NrrdImageIO", r"data ?file:\s*(.*)"),
    ".hdr": ("NiftiImageIO", None),
}
ENDINGS = (".nii", ".nii.gz", *ITK)


@dataclass(frozen=True)
class Volume:
    """The voxels of a file, and where they lie.

    Attributes
    ----------
    values : NDArray
        (X, Y), (X, Y, Z) or (X, Y, Z, T), scaled as the header says.
    affine : ndarray
        (4, 4), from voxel indices to millimetres to the patient's right, front and up, as in NIfTI.
    """

    values: NDArray
    affine: NDArray[np.float64]


def ending(path: Path) -> str:
    """Return the ending of a file's name in lower case; for compressed NIfTI both parts."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()


def read(
    path: Path, remedy: str, reason: str = "cannot be read", kind: type | None = None
) -> Volume:
    """Read a volume of any format in `ENDINGS`.

    Parameters
    ----------
    remedy : str
        A sentence, for a file that is no whole volume; reason: what is said of it.
    kind : type, optional
        Type of the values; None: the header's.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If it is no whole volume, or declares more than `ARRAY` bytes.
    """
    source = ForeignFile(path, remedy, reason)
    return _read_itk(source, kind) if ending(path) in ITK else _read_nifti(source, kind)


def _read_nifti(source: ForeignFile, kind: type | None) -> Volume:
    """Read a NIfTI volume, compressed or not.

    A compressed one is read to its end: nibabel stops at the last voxel, before gzip compares the checksum.

    Raises
    ------
    FileNotFoundError, Refused
        As `read`; Refused, too, if it goes on long after its voxels.
    """
    with opened(source.path, most=ARRAY + SLACK) as file, source.reading():
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        stream = gzip.GzipFile(fileobj=file) if packed else file
        head = stream.read(HEADER)
        image = next((k for k in KINDS if k.header_class.may_contain_header(head)), None)
        if image is None:
            raise source.refused(f"{source.reason} (it has no header of NIfTI)")
        header = image.header_class.from_fileobj(io.BytesIO(head), check=False)
        shape, itemsize = header.get_data_shape(), header.get_data_dtype().itemsize
        offset = int(header.get_data_offset())
        bounded(source.path, shape, itemsize)
        bounded(source.path, (offset,), 1, SLACK)
        if 0 in shape:
            raise source.refused("declares no voxel")
        start = max(offset, image.header_class.single_vox_offset)  # as nibabel mends it
        wanted = start + math.prod(map(int, shape)) * itemsize
        if packed and os.fstat(file.fileno()).st_size > wanted + SLACK:
            raise source.refused(f"is larger than its {wanted:,} bytes unpacked")
        content = head + _read_up_to(stream, wanted - len(head))
        if packed and len(_read_up_to(stream, SLACK + 1)) > SLACK:
            raise source.refused(f"goes on after the {wanted:,} bytes that it declares")
        volume = image.from_bytes(content)
        return Volume(np.asarray(volume.dataobj, kind), np.asarray(volume.affine, np.float64))


def _read_up_to(stream: BinaryIO | gzip.GzipFile, count: int) -> bytes:
    """Read at most so many bytes; memory is taken as they come, not before."""
    parts = []
    while count > 0 and (part := stream.read(min(count, CHUNK))):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _read_itk(source: ForeignFile, kind: type | None) -> Volume:
    """Read a volume of MetaImage, NRRD or Analyze, by SimpleITK.

    Raises
    ------
    FileNotFoundError, Refused
        As `read`; Refused, too, if its header names voxels outside of its folder.
    """
    path = regular(source.path, most=ARRAY + SLACK)
    for file in _voxel_files(source):
        regular(file, within=path.parent, most=ARRAY + SLACK)
    sitk = _simple_itk()
    with source.reading():
        reader = sitk.ImageFileReader()
        reader.SetImageIO(ITK[ending(path)][0])
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        components = reader.GetNumberOfComponents()
        bounded(path, (*reader.GetSize(), components), 8)
        if components > 1 or reader.GetDimension() not in (2, 3, 4):
            axes = reader.GetDimension()
            raise source.refused(f"has {components} values a voxel, {axes} axes")
        image = reader.Execute()
        values = sitk.GetArrayViewFromImage(image).transpose()
        return Volume(np.array(values, kind, order="F"), _itk_affine(image))


def _voxel_files(source: ForeignFile) -> list[Path]:
    """Return the files of the voxels that a header names.

    Raises
    ------
    FileNotFoundError
        If one is not there.
    Refused
        If it names several, or none.
    """
    path = source.path
    _, pattern = ITK[ending(path)]
    if pattern is None:  # Analyze: the file has the same name
        files = [path.with_suffix(suffix) for suffix in (".img", ".img.gz", ".IMG")]
        existing = [file for file in files if file.exists()]
        if not existing:
            raise FileNotFoundError(f"{path}: its voxels, {files[0].name}, are not beside it")
        return existing[:1]
    with opened(path) as file:
        head = file.read(TEXT).decode("latin-1")
    if ending(path) in (".nrrd", ".nhdr"):
        head = re.split(r"\r?\n\r?\n", head, maxsplit=1)[0]
    match = re.search(f"^{pattern}$", head, re.MULTILINE | re.IGNORECASE)
    name = match[1].strip() if match else ""
    if name.upper() == "LOCAL" or (not match and ending(path) == ".nrrd"):
        return []
    if not name or "%" in name or name.upper().startswith("LIST") or len(name.split()) > 1:
        raise source.refused(f"names its voxels by {name!r}, not by one file")
    return [path.parent / name]


def _itk_affine(image: Any) -> NDArray[np.float64]:
    """Return NIfTI's affine of an image of ITK."""
    count = min(image.GetDimension(), 3)
    direction = np.array(image.GetDirection()).reshape(image.GetDimension(), -1)[:count, :count]
    affine = np.eye(4)
    affine[:count, :count] = direction * np.array(image.GetSpacing())[:count]
    affine[:count, 3] = image.GetOrigin()[:count]
    return LPS @ affine


@cache
def _simple_itk() -> Any:
    """SimpleITK, which takes half a second to import; its warnings go nowhere: they are a file's words."""
    with needing("corpus"):
        import SimpleITK

    SimpleITK.ProcessObject_SetGlobalWarningDisplay(False)
    return SimpleITK
