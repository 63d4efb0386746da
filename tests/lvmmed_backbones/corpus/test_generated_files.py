"""Files that are whole but for a few bytes or fields: read as the format's own library reads them, or refused."""

from __future__ import annotations

import io
import random
import struct
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image, ImageOps
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from lvmmed_backbones.command.cli import main
from lvmmed_backbones.corpus.building import Options, Unit, read_file
from lvmmed_backbones.corpus.reading import Picture
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.images import containers, dicom, pictures, volumes
from tests.factories import blobs
from tests.spoiling import spoilt_bytes

pytestmark = pytest.mark.usefixtures("no_hang")

COUNT = 300  # of each format
NUMBERS = [0, 1, 2, 7, 8, 16, 40, 48, 127, 255, 256, 32_767, 65_535, 2**31 - 1, 2**32 - 1]


def photo(kind: str, image: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind, **options)
    return file.getvalue()


def volume(kind: type) -> bytes:
    image = kind(blobs(40, 48, 3).astype(np.int16) * 5, np.eye(4))
    image.header.set_slope_inter(2, 1)
    return image.to_bytes()


def h5(**options) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        opened.create_dataset("group/image", data=blobs(40, 48), **options)
        opened.create_dataset("label", data=blobs(40, 48))
    return file.getvalue()


def npz() -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, image=blobs(40, 48), stack=np.stack([blobs(28, 28)] * 3), text="a")
    return file.getvalue()


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, blobs(40, 48).astype(np.float32))
    return file.getvalue()


def dicom_file() -> bytes:
    meta = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, "1.2.3"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = pydicom.dataset.FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    data.Modality, data.PhotometricInterpretation = "CT", "MONOCHROME2"
    data.Rows, data.Columns, data.SamplesPerPixel = 40, 48, 1
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.RescaleSlope, data.RescaleIntercept, data.NumberOfFrames = 1, -1024, 1
    data.PixelData = (blobs(40, 48).astype(np.uint16) * 8).tobytes()
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()


def spoilt_dicom(content: bytes, rng: random.Random) -> bytes:
    """Elements of a whole file, with other values."""
    spoilt = bytearray(content)
    tags = [(0x28, e) for e in (2, 8, 0x10, 0x11, 0x100, 0x101, 0x102, 0x103)]
    for _ in range(rng.randint(1, 2)):
        group, element = rng.choice(tags)
        at = spoilt.index(struct.pack("<HH", group, element)) + 8
        if element == 8:
            spoilt[at : at + 2] = rng.choice([b"0 ", b"-1", b"9 ", b"99", b"x ", b"1\\"])
        else:
            spoilt[at : at + 2] = struct.pack("<H", rng.choice(NUMBERS) & 0xFFFF)
    if rng.random() < 0.3:
        kinds = [b"MONOCHROME1", b"YBR_FULL   ", b"PALETTE COL", b"\x1b[2J\0\0\0\0\0\0\0"]
        at = spoilt.index(b"MONOCHROME2")
        spoilt[at : at + 11] = rng.choice(kinds)
    return bytes(spoilt)


def spoilt_fields(*fields: tuple[int, str]) -> Callable[[bytes, random.Random], bytes]:
    """Numbers at given places, with other values."""

    def spoil(content: bytes, rng: random.Random) -> bytes:
        spoilt = bytearray(content)
        for _ in range(rng.randint(1, 2)):
            at, kind = rng.choice(fields)
            value = rng.choice(NUMBERS)
            if kind in "fd":
                value = rng.choice([0, -1, 1, 352, 353, 1e9, 3e38, float("nan"), float("inf")])
            else:
                value &= 2 ** (8 * struct.calcsize(kind)) - 1
                kind = kind.upper()
            struct.pack_into("<" + kind if kind not in "FD" else kind, spoilt, at, value)
        return bytes(spoilt)

    return spoil


NIFTI = spoilt_fields(
    *[(40 + 2 * n, "h") for n in range(8)], (70, "h"), (72, "h"), (108, "f"), (112, "f"), (116, "f")
)
NIFTI_2 = spoilt_fields(*[(16 + 8 * n, "q") for n in range(8)], (12, "h"), (168, "q"), (176, "d"))
BMP = spoilt_fields((10, "l"), (14, "l"), (18, "l"), (22, "l"), (26, "h"), (28, "h"), (30, "l"))


def spoilt_header(content: bytes, rng: random.Random) -> bytes:
    """The text of numpy's header, with other values."""
    words = [
        (b"(40, 48)", w) for w in (b"(48, 40)", b"(40, -1)", b"(9**9,) ", b"(99, 99)", b"(True,) ")
    ]
    words += [(b"<f4", w) for w in (b"<f8", b">f4", b"|O ", b"|V4", b"<i4", b"<M8", b"<c8", b"|S9")]
    words += [(b"False", b"True "), (b"False", b"None "), (b"shape", b"shapf")]
    old, new = rng.choice(words)
    return content.replace(old, new, 1)


def packed(content: bytes) -> bytes:
    import gzip

    return gzip.compress(content, mtime=0)


WHOLE: dict[str, tuple[bytes, list]] = {
    "grey.png": (photo("PNG", blobs(40, 48)), []),
    "colour.png": (photo("PNG", blobs(40, 48, 3)), []),
    "a.jpg": (photo("JPEG", blobs(40, 48, 3), quality=90), []),
    "plain.tif": (photo("TIFF", blobs(40, 48, 3)), []),
    "packed.tif": (photo("TIFF", blobs(40, 48), compression="tiff_lzw"), []),
    "a.bmp": (photo("BMP", blobs(40, 48)), [BMP]),
    "a.dcm": (dicom_file(), [spoilt_dicom]),
    "a.nii": (volume(nibabel.Nifti1Image), [NIFTI]),
    "b.nii": (volume(nibabel.Nifti2Image), [NIFTI_2]),
    "a.nii.gz": (volume(nibabel.Nifti1Image), [NIFTI]),
    "plain.h5": (h5(), []),
    "packed.h5": (h5(chunks=(20, 24), compression="gzip", shuffle=True, fletcher32=True), []),
    "a.npz": (npz(), []),
    "a.npy": (npy(), [spoilt_header]),
}


def generated(name: str, count: int, seed: int = 0) -> Iterator[bytes]:
    """Spoilt files of a kind."""
    rng = random.Random(f"{name} {seed}")
    content, others = WHOLE[name]
    for number in range(count):
        spoil = others[0] if others and number % 2 else spoilt_bytes
        spoilt = content
        if name.endswith(".gz") and number % 3:
            yield packed(spoil(spoilt, rng))
        elif name.endswith(".gz"):
            yield spoilt_bytes(packed(spoilt), rng)
        else:
            yield spoil(spoilt, rng)


def ours(path: Path) -> list[np.ndarray]:
    """Every array of a file, as we read it."""
    suffix = path.suffix
    if suffix in (".h5", ".npz", ".npy"):
        read = containers.read_hdf5 if suffix == ".h5" else containers.read_numpy
        return [a for _, a in read(path, lambda name, shape, kind: kind.kind in "iuf")]
    if suffix == ".dcm":
        return [dicom.pixels(path, dicom.read(path))]
    if suffix in (".nii", ".gz"):
        return [volumes.read(path, "Take another").values]
    return [frame.pixels for frame in pictures.frames(path, "Take another")]


def theirs(path: Path) -> list[np.ndarray]:
    """Every array of a file, as its library reads it."""
    if path.suffix == ".h5":
        found: dict[str, np.ndarray] = {}
        with h5py.File(path) as file:
            file.visititems(
                lambda name, item: (
                    found.update({name: item[()]})
                    if isinstance(item, h5py.Dataset) and item.dtype.kind in "iuf"
                    else None
                )
            )
        return [a for _, a in sorted(found.items())]
    if path.suffix == ".npz":
        with np.load(path) as file:
            arrays = [(n, file[n]) for n in file.files]
        return [a for _, a in sorted(arrays) if isinstance(a, np.ndarray) and a.dtype.kind in "iuf"]
    if path.suffix == ".npy":
        array = np.load(path)
        return [array] if array.dtype.kind in "iuf" else []
    if path.suffix == ".dcm":
        return [pydicom.dcmread(path).pixel_array]
    if path.suffix in (".nii", ".gz"):
        return [np.asarray(nibabel.load(path).dataobj)]
    with Image.open(path) as image:
        arrays = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            grey = image.mode in ("1", "L", "LA", "La")
            whole = (
                image
                if image.mode.startswith(("I", "F"))
                else image.convert("L" if grey else "RGB")
            )
            arrays.append(np.asarray(ImageOps.exif_transpose(whole)))
    return arrays


@pytest.mark.parametrize("name", WHOLE)
def test_a_generated_file_is_read_right_or_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    unit = Unit(0, "", tmp_path, (name,), Options())
    read = alone = 0
    for content in generated(name, COUNT):
        path.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = ours(path)
            except Refused as error:
                assert str(error).startswith(f"{path}: ") and str(error).isprintable()
            else:
                read += 1
                try:
                    expected = theirs(path) if found else []
                except Exception:  # libtiff refuses packed data that goes on after the last pixel
                    alone += 1
                    continue
                assert len(found) == len(expected)
                for one, other in zip(found, expected, strict=True):
                    assert one.dtype == other.dtype
                    assert np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
            try:
                for one in read_file(unit, name):
                    assert isinstance(one, Picture) or one[1].isprintable()
            except Refused as error:
                assert str(error).startswith(f"{path}: ") and str(error).isprintable()
    assert 0 < read < COUNT and alone <= (10 if name.endswith(".tif") else 0)


def test_generated_files_are_built_and_audited(tmp_path: Path, capsys) -> None:
    """22 of each format at once, and their test images."""
    for folder, seed in (("in", 1), ("test", 1)):
        (tmp_path / folder).mkdir()
        for name in WHOLE:
            for number, content in enumerate(generated(name, 22, seed)):
                (tmp_path / folder / f"{number}{name}").write_bytes(content)
    out, report = tmp_path / "out", tmp_path / "report.csv"
    assert main(["corpus", "build", str(tmp_path / "in"), "--out", str(out), "--workers", "1"]) == 0
    line = ["corpus", "audit", str(out), "--test", str(tmp_path / "test"), "--workers", "1"]
    assert main([*line, "--report", str(report), "--remove"]) == 0
    assert "Traceback" not in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.partial"))
    for table in (out / "skipped.csv", report):
        lines = table.read_text().split("\n")
        assert len(lines) > 40 and all(one.isprintable() for one in lines)
