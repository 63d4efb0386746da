"""Files that mean harm: bombs, devices, links, files that keep their values elsewhere. Each costs a line, no memory."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
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

from lvmmed_backbones.__main__ import main
from lvmmed_backbones.corpus.build import Options, Unit, build, read_file
from lvmmed_backbones.corpus.reading import Picture
from lvmmed_backbones.outside import Refused
from lvmmed_backbones.pretrain.monitors import read_image as read_probe

ROOT = Path(__file__).resolve().parents[3]
MUCH = 2**29  # bytes of a bomb
MEMORY = 300  # MB that a refusal may take


@pytest.fixture(autouse=True)
def no_hang() -> Iterator[None]:
    """A test that hangs ends after two minutes."""
    signal.alarm(120)
    yield
    signal.alarm(0)


def blobs(seed: int = 0) -> np.ndarray:
    """(40, 48) uint8, soft."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6), dtype=np.uint8)
    return cv2.resize(coarse, (48, 40), interpolation=cv2.INTER_CUBIC)


def read(path: Path) -> list:
    """The images of a file, or the line that refuses it."""
    try:
        return list(read_file(Unit(0, "", path.parent, (path.name,), Options()), path.name))
    except Refused as error:
        assert str(path) in str(error) and str(error).isprintable()
        return [str(error)]


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
import json, resource, sys
from pathlib import Path
from lvmmed_backbones.__main__ import main
from lvmmed_backbones.corpus.build import Options, Unit, read_file
from lvmmed_backbones.outside import Refused
folder = Path(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name in sorted(p.name for p in folder.iterdir()):
    try:
        found = list(read_file(Unit(0, "", folder, (name,), Options()), name))
    except Refused as error:
        found = str(error)
    size = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1000
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


# What is no regular file, and what leads elsewhere


@pytest.mark.parametrize("suffix", [".png", ".dcm", ".nii.gz", ".h5", ".npz", ""])
def test_fifos_sockets_and_folders_do_not_hang(suffix: str, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    os.mkfifo(folder / f"fifo{suffix}")
    (folder / f"folder{suffix}").mkdir()
    (folder / f"device{suffix}").symlink_to("/dev/zero")
    (folder / "to nothing.png").symlink_to(folder / "nothing")
    with socket.socket(socket.AF_UNIX) as door:
        here = Path.cwd()
        os.chdir(folder)  # a socket's path is short
        try:
            door.bind(f"socket{suffix}")
        finally:
            os.chdir(here)
        Image.fromarray(blobs()).save(folder / "good.png")
        images, reasons = build([("x", folder)], tmp_path / "out", Options(), 1)
    assert images == 1 and reasons.total() == 4
    with (tmp_path / "out" / "skipped.csv").open() as file:
        found = {row["source"]: row["reason"] for row in csv.DictReader(file)}
    assert found[f"fifo{suffix}"].startswith("is a FIFO, not a regular file")
    assert found[f"socket{suffix}"].startswith("is a socket, not a regular file")
    assert found[f"device{suffix}"].startswith("leads out of")
    assert found["to nothing.png"].startswith("no such file")


def test_an_audit_does_not_wait_for_a_fifo(tmp_path: Path, capsys) -> None:
    for name in ("in", "test"):
        (tmp_path / name).mkdir()
        Image.fromarray(blobs()).save(tmp_path / name / "a.png")
        os.mkfifo(tmp_path / name / "b.png")
    out = str(tmp_path / "out")
    assert main(["corpus", "build", str(tmp_path / "in"), "--out", out, "--workers", "1"]) == 0
    line = ["corpus", "audit", out, "--test", str(tmp_path / "test"), "--workers", "1"]
    assert main(line) == 1
    said = capsys.readouterr().err
    assert "1 test files are not compared, such as" in said and "b.png: is a FIFO" in said
    (tmp_path / "test" / "splits").mkdir()
    os.mkfifo(tmp_path / "test" / "splits" / "test.txt")
    assert main(line) == 1
    assert "test.txt: is a FIFO" in capsys.readouterr().err


def test_a_probe_does_not_wait_or_burst(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.png")
    (tmp_path / "bomb.png").write_bytes(png(50_000, 50_000))
    (tmp_path / "text.png").write_text("text")
    for name in ("fifo.png", "bomb.png", "text.png"):
        with pytest.raises(Refused, match=f"{name}: .*(FIFO|bomb|not an image)"):
            read_probe(tmp_path / name, 32)


SECRET = blobs(7)


def external_storage(file: h5py.File, secret: Path) -> None:
    secret.write_bytes(SECRET.tobytes())
    file.create_dataset("image", SECRET.shape, np.uint8, external=[(str(secret), 0, SECRET.size)])


def external_link(file: h5py.File, secret: Path) -> None:
    with h5py.File(secret, "w") as other:
        other["x"] = SECRET
    file["group/image"] = h5py.ExternalLink(str(secret), "x")


def virtual(file: h5py.File, secret: Path) -> None:
    with h5py.File(secret, "w") as other:
        other["x"] = SECRET
    layout = h5py.VirtualLayout(SECRET.shape, np.uint8)
    layout[:] = h5py.VirtualSource(str(secret), "x", SECRET.shape)
    file.create_virtual_dataset("image", layout)


@pytest.mark.parametrize("write", [external_storage, external_link, virtual])
def test_hdf5_does_not_read_other_files(write: Callable, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["own"] = blobs()
        write(file, tmp_path / "secret")
    (line,) = read(tmp_path / "a.h5")
    assert str(tmp_path / "secret") in line and "image" in line


def test_hdf5_reads_what_lies_within(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = blobs()
        file["soft"] = h5py.SoftLink("/image")
        file["loop"] = h5py.SoftLink("/loop")
        file["group/self"] = file["/"]
        layout = h5py.VirtualLayout((40, 48), np.uint8)
        layout[:] = h5py.VirtualSource(".", "image", (40, 48))
        file.create_virtual_dataset("virtual", layout)
        file["text"] = ["a"] * 40
        file["pairs"] = np.zeros((40, 48), [("a", "f4"), ("b", "i2")])
        file["place"] = np.full((40, 48), file["image"].ref, h5py.ref_dtype)
        file["empty"] = h5py.Empty("f")
        file["packed"] = file.create_dataset("p", data=blobs(1), compression="gzip")
        space = h5py.h5s.create_simple((40, 48))
        h5py.h5d.create(file.id, b"time", h5py.h5t.UNIX_D32LE, space)
    found = read(tmp_path / "a.h5")
    assert all(isinstance(one, Picture) for one in found), found
    assert len(found) == 3
    assert sorted(np.array_equal(one.pixels, blobs()) for one in found) == [False, True, True]


NAMES = [b"a\nb.png", b"\x1b[2J\x1b]0;x\x07.png", b"\xff\xfe.png", b"=cmd|'calc'!A.png", "\u202e.png".encode(),
         b"'\",\r.png", b"-1+2.png"]  # fmt: skip


def test_names_break_no_table_and_move_no_cursor(tmp_path: Path, capsys) -> None:
    for folder, seed in (("in", 0), ("test", 0), ("bad", 9)):
        (tmp_path / folder).mkdir()
        for number, name in enumerate(NAMES):
            path = os.fsencode(tmp_path / folder) + b"/" + name
            with open(path, "wb") as file:
                content = cv2.imencode(".png", blobs(number + seed))[1].tobytes()
                file.write(content if folder != "bad" else content[:200])
    out, report = tmp_path / "out", tmp_path / "report.csv"
    sources = [f"@x={tmp_path / 'in'}", f"y={tmp_path / 'bad'}"]
    assert main(["corpus", "build", *sources, "--out", str(out), "--workers", "1"]) == 0
    line = ["corpus", "audit", str(out), "--test", str(tmp_path / "test"), "--workers", "1"]
    assert main([*line, "--report", str(report)]) == 1
    assert main([*line, "--remove"]) == 0
    said = capsys.readouterr()
    assert all(one.isprintable() for one in said.err.replace("\r", "\n").split("\n"))
    for table, count in ((out / "skipped.csv", len(NAMES)), (report, len(NAMES))):
        lines = table.read_text().split("\n")
        assert len(lines) == count + 2 and all(one.isprintable() for one in lines)
        for row in csv.reader(lines[1:-1]):
            assert not any(cell.startswith(("=", "@", "+")) for cell in row)
            assert not any(cell.startswith("-") and not cell[1:].isdigit() for cell in row)
