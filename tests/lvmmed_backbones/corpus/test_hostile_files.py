"""Bombs of every format: each costs a line, no memory."""

from __future__ import annotations

import gzip
import io
import json
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from tests.factories import blobs

pytestmark = pytest.mark.usefixtures("no_hang")

ROOT = Path(__file__).resolve().parents[3]
MUCH = 2**29  # bytes of a bomb
MEMORY = 300  # MB that a refusal may take


# Bombs


def zeros(count: int, wbits: int) -> bytes:
    """Zeros, packed, without holding them."""
    packer = zlib.compressobj(1, zlib.DEFLATED, wbits)
    parts = [packer.compress(bytes(2**24)) for _ in range(-(-count // 2**24))]
    return b"".join([*parts, packer.flush()])


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of black grey pixels, with more chunks before them."""
    header = struct.pack(">LLBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zeros(min(max((width + 1) * height, 2**24), 2**28), 15)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", rows), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">L", len(c)) + name + c + struct.pack(">L", zlib.crc32(name + c))
        for name, c in parts
    )
    return b"\x89PNG\r\n\x1a\n" + body


def animated_gif(width: int, height: int, frames: int) -> bytes:
    """A large canvas, and many frames of a pixel."""
    frame = b"\x21\xf9\x04\x04\0\0\0\0" + b"\x2c" + struct.pack("<4HB", 0, 0, 1, 1, 0)
    frame += b"\x02\x02\x44\x01\0"
    head = b"GIF89a" + struct.pack("<2H", width, height) + b"\x80\0\0" + b"\0\0\0\xff\xff\xff"
    return head + frame * frames + b";"


def many_tiffs(side: int, frames: int) -> bytes:
    """Frames that share the same few bytes of packed zeros."""
    strip = zeros(side * side, 15)
    parts, at = [b"II*\0" + struct.pack("<L", 8 + len(strip)), strip], 8 + len(strip)
    for number in range(frames):
        tags = [(256, side), (257, side), (258, 8), (259, 8), (262, 1), (273, 8), (277, 1)]
        tags += [(278, side), (279, len(strip))]
        at += 2 + 12 * len(tags) + 4
        body = b"".join(struct.pack("<HHLL", tag, 4, 1, value) for tag, value in tags)
        following = at if number < frames - 1 else 0
        parts.append(struct.pack("<H", len(tags)) + body + struct.pack("<L", following))
    return b"".join(parts)


def nifti(shape: tuple[int, ...], offset: float = 352, content: bytes = b"") -> bytes:
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.uint8)
    header["dim"][: 1 + len(shape)] = (len(shape), *shape)
    header["magic"], header["vox_offset"] = b"n+1", offset
    return header.binaryblock + bytes(4) + content


def dicom(syntax: UID, pixels: bytes, inflated: bytes = b"", **tags: int) -> bytes:
    meta = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    meta.TransferSyntaxUID = syntax
    data = pydicom.dataset.FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    facts = dict(Rows=40, Columns=48, SamplesPerPixel=1, BitsAllocated=8, BitsStored=8, HighBit=7)
    for name, value in (facts | dict(PixelRepresentation=0) | tags).items():
        setattr(data, name, value)
    data.PhotometricInterpretation = "MONOCHROME2"
    if syntax in (JPEGBaseline8Bit, JPEG2000Lossless, RLELossless):
        pixels = pydicom.encaps.encapsulate([pixels])
    data.PixelData = pixels
    data["PixelData"].VR = "OB"
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=True)
    if not inflated:
        return file.getvalue()
    end = 144 + int.from_bytes(file.getvalue()[140:144], "little")
    return file.getvalue()[:end] + inflated


def jpeg(kind: str, side: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.zeros((side, side), np.uint8)).save(file, kind)
    return file.getvalue()


def deflated_dicom(count: int) -> bytes:
    """A small image, and zeros behind it."""
    plain = dicom(ExplicitVRLittleEndian, blobs().tobytes())
    end = 144 + int.from_bytes(plain[140:144], "little")
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    tail = struct.pack("<HH2sHL", 0xFFFC, 0xFFFC, b"OB", 0, count)
    parts = [packer.compress(plain[end:] + tail)]
    parts += [packer.compress(bytes(2**24)) for _ in range(count // 2**24)]
    rest = b"".join([*parts, packer.flush()])
    return dicom(DeflatedExplicitVRLittleEndian, blobs().tobytes(), inflated=rest)


def rle(count: int) -> bytes:
    return struct.pack("<16L", 1, 64, *[0] * 14) + b"\x81\0" * (count // 128)


def npz(header: bytes, size: int, kind: int = zipfile.ZIP_DEFLATED, name: str = "x.npy") -> bytes:
    """An array of zeros."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive, archive.open(name, "w") as member:
        member.write(header)
        for _ in range(size // 2**24):
            member.write(bytes(2**24))
    return file.getvalue()


def npy(text: str) -> bytes:
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text.encode()


def many_members(count: int) -> bytes:
    """A list of members that is all the file has."""
    entry = b"PK\1\2" + bytes(42)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 46 * count, 0, 0)
    return entry * count + end


def h5(write: Callable[[h5py.File], None]) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        write(opened)
    return file.getvalue()


def h5_chunk(file: h5py.File) -> None:
    """A chunk that is inflated to 512 MB, where 2 KB are declared."""
    item = file.create_dataset("x", (40, 48), np.uint8, chunks=(40, 48), compression="gzip")
    item.id.write_direct_chunk((0, 0), zeros(MUCH, 15))


def array(shape: str, kind: str = "|u1") -> bytes:
    return npy(f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}")


BOMBS: dict[str, Callable[[], bytes]] = {
    "50000.png": lambda: png(50_000, 50_000),
    "warned.png": lambda: png(10_000, 10_000),
    "declared.png": lambda: png(2**31 - 1, 2**31 - 1),
    "text.png": lambda: png(40, 48, *[(b"zTXt", b"a\0\0" + zeros(2**28, 15))] * 4),
    "gif.png": lambda: animated_gif(9_000, 9_000, 500),
    "many.tif": lambda: many_tiffs(8_000, 100),
    "large.tif": lambda: many_tiffs(30_000, 1),
    "huge.bmp": lambda: b"BM" + struct.pack("<3L3L2H6L", 99, 0, 54, 40, 2**30, 2**30, 1, 8, *[0] * 6),
    "huge.nii": lambda: nifti((30_000, 30_000, 30_000)),
    "negative.nii": lambda: nifti((-40, 48, 5)),
    "offset.nii.gz": lambda: gzip.compress(nifti((40, 48, 5), 2e9)) + zeros(MUCH, 31),
    "nan.nii": lambda: nifti((40, 48, 5), float("nan")),
    "zeros.nii.gz": lambda: gzip.compress(nifti((40, 48, 1), 352, blobs().tobytes())) + zeros(MUCH, 31),
    "rows.dcm": lambda: dicom(ExplicitVRLittleEndian, bytes(64), Rows=65_535, Columns=65_535),
    "frames.dcm": lambda: dicom(ExplicitVRLittleEndian, bytes(64), NumberOfFrames=2**31 - 1),
    "deflated.dcm": lambda: deflated_dicom(MUCH),
    "jpeg.dcm": lambda: dicom(JPEGBaseline8Bit, jpeg("JPEG", 9_000)),
    "jpeg2000.dcm": lambda: dicom(JPEG2000Lossless, jpeg("JPEG2000", 9_000)),
    "rle.dcm": lambda: dicom(RLELossless, rle(MUCH)),
    "shape.npy": lambda: array("(200000, 200000)"),
    "negative.npy": lambda: array("(-40, -48)"),
    "object.npy": lambda: array("(40, 48)", "|O"),
    "nested.npy": lambda: npy("(" * 9_000 + ")" * 9_000),
    "long.npy": lambda: npy("{" + " " * 60_000 + "}"),
    "structured.npy": lambda: npy(
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (40, 48), }"
    ),
    "shape.npz": lambda: npz(array("(200000, 200000)"), 0),
    "ratio.npz": lambda: npz(array("(65536, 65536)"), MUCH),
    "other.npz": lambda: npz(b"no array at all", MUCH, name="readme"),
    "bzip2.npz": lambda: npz(array("(40, 48)"), 2**24, zipfile.ZIP_BZIP2),
    "lzma.npz": lambda: npz(array("(40, 48)"), 2**24, zipfile.ZIP_LZMA),
    "members.npz": lambda: many_members(1_000_000),
    "shape.h5": lambda: h5(lambda f: f.create_dataset("x", (200_000, 200_000), np.uint8)),
    "total.h5": lambda: h5(
        lambda f: [f.create_dataset(f"x{n}", (30_000, 30_000), np.uint8) for n in range(5)]
    ),
    "chunk.h5": lambda: h5(
        lambda f: f.create_dataset("x", (40, 48), np.uint8, chunks=(50_000, 50_000), maxshape=(None, None))
    ),
    "inflated.h5": lambda: h5(h5_chunk),
}  # fmt: skip
PASSED_OVER = {
    "negative.npy",
    "object.npy",
    "structured.npy",
    "other.npz",
}  # no images, and never read
READ = """
import json, re, sys
from pathlib import Path
from lvmmed_backbones.command.cli import main
from lvmmed_backbones.corpus.building import Options, Unit, read_file
from lvmmed_backbones.files.outside import Refused
folder = Path(sys.argv[1])
def peak():  # in kB; ru_maxrss would begin at that of the process which began this one
    return int(re.search("VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
before = peak()
for name in sorted(p.name for p in folder.iterdir()):
    try:
        found = list(read_file(Unit(0, "", folder, (name,), Options()), name))
    except Refused as error:
        found = str(error)
    size = (peak() - before) // 1000
    print(json.dumps([name, size, found]), flush=True)
"""


@pytest.fixture(scope="module")
def bombs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, object]]:
    """MB at the highest, and what comes of each bomb, all read in one process of their own."""
    folder = tmp_path_factory.mktemp("bombs")
    for name, make in BOMBS.items():
        (folder / name).write_bytes(make())
    done = subprocess.run(
        [sys.executable, "-c", READ, str(folder)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return {name: (size, found) for name, size, found in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_takes_memory(name: str, bombs) -> None:
    size, found = bombs[name]
    if name in PASSED_OVER:
        assert found == [["", "no array in it is an image"]]
    else:
        assert f"/{name}: " in found and found.isprintable()
    assert size < MEMORY
