"""Downloads and prepared data sets of other people: devices, links, bombs, files that are whole but for a few bytes."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import shutil
import signal
import struct
import tracemalloc
import warnings
import zlib
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.layout import check
from lvmmed_backbones.layout.reading import read_image, whole_numbers
from tasks import datasets
from tasks.__main__ import main
from tasks.datasets.cards.jsrt import read_raw
from tasks.download.masks import read_mask
from tasks.download.tables import read_csv, read_json
from tasks.download.volumes import read_volume
from tests.spoiling import spoilt_bytes

pytestmark = pytest.mark.usefixtures("no_hang")

COUNT = 300  # of each reader
MEMORY = 300 * 2**20


def first(folder: Path, pattern: str) -> Path:
    return sorted(folder.glob(pattern))[0]


def fails(name: str, tmp_path: Path, capsys, *messages: str) -> None:
    """`tasks prepare` ends in a line, and leaves nothing."""
    line = ["prepare", name, "--data", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    assert main(line) == 2
    said = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error: ")]
    assert len(said) == 1 and said[0].isprintable()
    assert all(message in said[0] for message in messages), said
    out = tmp_path / "out"
    assert not out.exists() or list(out.iterdir()) == []


# What is no regular file, and what leads elsewhere


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("drive", "training/images/*.tif"),
        ("drive", "training/1st_manual/*.gif"),
        ("brain_tumor", "Testing/no_tumor/*.jpg"),
        ("jsrt", "All247images/*.IMG"),
        ("prostate", "BMC/*.nii.gz"),
        ("kvasir", "kavsir_bboxes.json"),
        ("vindr", "train.csv"),
        ("fgadr", "Seg-set/*.csv"),
    ],
)
def test_a_fifo_in_a_download_does_not_hang(
    name: str, pattern: str, download, tmp_path: Path, capsys
) -> None:
    path = first(download(name), pattern)
    path.unlink()
    os.mkfifo(path)
    fails(name, tmp_path, capsys, f"{path}: is a FIFO, not a regular file")
    path.unlink()
    path.mkdir()
    fails(name, tmp_path, capsys, f"{path}: is a folder, not a regular file")


def test_links_of_a_download(download, tmp_path: Path, capsys) -> None:
    source = download("drive")
    path = first(source, "test/images/*.tif")
    path.rename(source / "moved.tif")
    path.symlink_to(source / "moved.tif")  # within: fine
    source.rename(tmp_path / "disk")
    source.symlink_to(tmp_path / "disk")  # the data set's own folder: fine
    path.unlink()
    path.symlink_to("../../moved.tif")
    assert check(datasets.prepare("drive", tmp_path / "in", tmp_path / "out")) == []
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "disk" / "moved.tif").rename(tmp_path / "secret.tif")
    path.unlink()
    path.symlink_to(tmp_path / "secret.tif")
    fails("drive", tmp_path, capsys, f"{path}: leads out of", "make a link of")
    path.unlink()
    (tmp_path / "secret.tif").rename(path)
    (tmp_path / "disk" / "test").rename(tmp_path / "test")
    (tmp_path / "disk" / "test").symlink_to(tmp_path / "test")
    fails("drive", tmp_path, capsys, "test: leads out of")


def test_the_check_names_what_is_no_file(prepared, tmp_path: Path, capsys) -> None:
    folder = prepared("kvasir")
    for path in (
        folder / "images" / "fifo.png",
        first(folder, "masks/*.png"),
        folder / "splits" / "test.json",
        folder / "splits" / "valid.txt",
    ):
        path.unlink(missing_ok=True)
        os.mkfifo(path)
    secret = tmp_path / "secret.png"
    Image.new("L", (8, 8)).save(secret)
    (folder / "images" / "link.png").symlink_to(secret)
    assert main(["check", str(folder)]) == 1
    said = capsys.readouterr().out
    for name in ("fifo.png", "test.json", "valid.txt"):
        assert f"{name}: is a FIFO" in said
    assert "link.png: leads out of" in said
    (folder / "meta.json").unlink()
    os.mkfifo(folder / "meta.json")
    assert main(["check", str(folder)]) == 2
    assert "meta.json: is a FIFO" in capsys.readouterr().err


def test_names_in_splits_do_not_lead_out(prepared, capsys) -> None:
    folder = prepared("kvasir")
    shutil.copy(first(folder, "images/*.jpg"), folder.parent / "secret.jpg")
    shutil.copy(first(folder, "masks/*.png"), folder.parent / "secret.png")
    for name in ("../../secret", "\x1b[2J", "a" * 9_000, "=cmd|'x'!A"):
        (folder / "splits" / "test.txt").write_text(f"{name}\n")
        assert main(["check", str(folder)]) == 1
        said = capsys.readouterr().out
        assert "split test names 1 images that are not there" in said
        assert all(line.isprintable() for line in said.splitlines())
    content = json.loads((folder / "splits" / "valid.json").read_text())
    content["images"][0]["file_name"] = "../../secret.jpg"
    (folder / "splits" / "valid.json").write_text(json.dumps(content))
    assert main(["check", str(folder)]) == 1
    assert "valid.json has 1 images that are not there, such as ../../" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["a\x1b[2J", "a\u2028b", "a\udcff"])
def test_names_that_break_a_line_are_refused(name: str, download, tmp_path: Path, capsys) -> None:
    source = download("brain_tumor")
    path = first(source, "Testing/no_tumor/*.jpg")
    path.rename(path.with_name(f"{name}.jpg"))
    fails("brain_tumor", tmp_path, capsys, "leaves its folder, or cannot be printed")


# Bombs


def png_bomb() -> bytes:
    header = b"IHDR" + struct.pack(">LLBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0)
    rows = b"IDAT" + zlib.compress(bytes(2**20))
    chunks = [
        struct.pack(">L", len(c) - 4) + c + struct.pack(">L", zlib.crc32(c)) for c in (header, rows)
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def warned_png() -> bytes:
    file = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(file, "PNG")
    return file.getvalue()


def gzip_bomb() -> bytes:
    volume = nibabel.Nifti1Image(np.zeros((4, 4, 4), np.uint8), np.eye(4)).to_bytes()
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    zeros = [packer.compress(bytes(2**24)) for _ in range(32)]
    return gzip.compress(volume) + b"".join([*zeros, packer.flush()])


def huge_volume() -> bytes:
    header = nibabel.Nifti1Header()
    header["dim"][:4], header["magic"], header["vox_offset"] = (
        (3, 30_000, 30_000, 30_000),
        b"n+1",
        352,
    )
    return gzip.compress(header.binaryblock + bytes(4))


@pytest.mark.parametrize(
    ("read", "name", "content"),
    [
        (read_image, "a.png", png_bomb),
        (read_image, "a.png", warned_png),
        (read_mask, "a.png", png_bomb),
        (read_volume, "a.nii.gz", gzip_bomb),
        (read_volume, "a.nii.gz", huge_volume),
        (lambda path: read_json(path, "boxes"), "a.json", lambda: b"[" * 200_000),
        (lambda path: read_json(path, "boxes"), "a.json", lambda: b'{"a": "\xff"}'),
        (lambda path: read_json(path, "boxes"), "a.json", lambda: b"9" * 10_000),
        (lambda path: read_json(path, "boxes"), "a.json", lambda: b"[1]"),
        (lambda path: read_csv(path, "rows"), "a.csv", lambda: b"\xff\xfe\0\xd8\n1"),
        (lambda path: read_csv(path, "rows"), "a.csv", lambda: b""),
    ],
)
def test_a_bomb_is_refused_before_it_takes_memory(read, name: str, content, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content())
    tracemalloc.start()
    try:
        with pytest.raises(Refused) as found:
            read(path)
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()
    assert str(found.value).startswith(f"{path}: ") and str(found.value).isprintable()


@pytest.mark.parametrize(
    "read", [read_raw, lambda p: read_json(p, "x"), lambda p: read_csv(p, "x")]
)
def test_a_huge_file_is_not_read(read, tmp_path: Path) -> None:
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(Refused, match=f"{path}: has 1,099,511,627,776 bytes, of at most"):
        read(path)


# Generated files


def spoilt_volume(content: bytes, rng: random.Random) -> bytes:
    """Packed again, so that half of the changes are behind gzip's checksum."""
    if rng.random() < 0.5:
        return spoilt_bytes(content, rng)
    return gzip.compress(spoilt_bytes(gzip.decompress(content), rng), 1)


def same_image(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))


def same_mask(path: Path) -> np.ndarray:
    image = same_image(path)
    return (image if image.ndim == 2 else image.max(axis=2)) > 0


def same_volume(path: Path) -> np.ndarray:
    content = gzip.decompress(path.read_bytes())
    return np.asarray(nibabel.Nifti1Image.from_bytes(content).dataobj, np.float32)


READERS: dict[str, tuple] = {
    "image": ("drive", "training/images/*.tif", read_image, same_image, spoilt_bytes),
    "photo": ("kvasir", "images/*.jpg", read_image, same_image, spoilt_bytes),
    "mask": ("isic2018", "*GroundTruth/*.png", read_mask, same_mask, spoilt_bytes),
    "gif": ("drive", "training/1st_manual/*.gif", read_mask, same_mask, spoilt_bytes),
    "volume": (
        "mmwhs_ct", "*_image.nii.gz", lambda p: read_volume(p, np.float32).values,
        same_volume, spoilt_volume,
    ),
    "lossy mask": (
        "kvasir", "masks/*.jpg", lambda p: read_mask(p, threshold=127),
        lambda p: same_image(p) > 127, spoilt_bytes,
    ),
    "labels": (
        "mmwhs_ct", "*_label.nii.gz", lambda p: whole_numbers(read_volume(p).values, p),
        same_volume, spoilt_volume,
    ),
    "raw": ("jsrt", "All247images/*.IMG", read_raw, None, spoilt_bytes),
    "json": (
        "kvasir", "kavsir_bboxes.json", lambda p: read_json(p, "boxes"),
        lambda p: json.loads(p.read_bytes()), spoilt_bytes,
    ),
    "csv": ("vindr", "train.csv", lambda p: read_csv(p, "rows"), None, spoilt_bytes),
}  # fmt: skip


@pytest.mark.parametrize("name", READERS)
def test_a_generated_file_is_read_right_or_refused(
    name: str, phantom_root: Path, tmp_path: Path
) -> None:
    data_set, pattern, read, same, spoil = READERS[name]
    whole = first(phantom_root / datasets.get(data_set).folder, pattern)
    path, rng = tmp_path / whole.name, random.Random(name)
    content = whole.read_bytes()
    for _ in range(COUNT):
        path.write_bytes(spoil(content, rng))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = read(path)
            except ValueError as error:
                assert str(error).startswith(f"{path}: ") and str(error).isprintable(), error
            else:
                if name == "json":
                    assert found == same(path)
                elif same:
                    assert np.array_equal(found, same(path))


def test_generated_data_sets_are_checked(prepared, capsys) -> None:
    """300 changes of meta.json, splits and boxes: exit codes and lines, nothing else."""
    folder, rng = prepared("kvasir"), random.Random(0)
    for path in sorted((folder / "images").iterdir())[4:]:
        path.unlink()
    files = [folder / "meta.json", *sorted((folder / "splits").iterdir())]
    whole = {path: path.read_bytes() for path in files}
    odd = [None, [], {}, "x", -1, 1e400, 10**400, True, [[]], {"id": 0}, "../x"]
    for number in range(300):
        path = rng.choice(files)
        if path.suffix == ".json" and number % 2:
            content = json.loads(whole[path])
            at = content
            while isinstance(at, dict | list) and at:
                key = rng.choice(list(at)) if isinstance(at, dict) else rng.randrange(len(at))
                if rng.random() < 0.4 or not isinstance(at[key], dict | list) or not at[key]:
                    at[key] = rng.choice(odd)
                    break
                at = at[key]
            path.write_text(json.dumps(content))
        else:
            path.write_bytes(spoilt_bytes(whole[path], rng))
        assert main(["check", str(folder)]) in (1, 2)
        said = capsys.readouterr()
        lines = (said.out + said.err.replace("\r", "\n")).splitlines()
        assert all(line.isprintable() for line in lines)
        assert not any("Traceback" in line for line in lines)
        path.write_bytes(whole[path])


@pytest.mark.parametrize("count", [5, pytest.param(50, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["kvasir", "vindr", "drive", "fgadr", "jsrt", "prostate"])
def test_generated_downloads_are_prepared_or_refused(
    name: str, count: int, download, tmp_path: Path, capsys
) -> None:
    """A whole data set, or a line and nothing on the disk."""
    signal.alarm(20 * count)
    source, rng = download(name), random.Random(name)
    tables = [p for p in sorted(source.rglob("*")) if p.suffix in (".json", ".csv")]
    files = [p for p in sorted(source.rglob("*")) if p.is_file() and p.name != "PHANTOM"]
    line = ["prepare", name, "--data", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    for number in range(count):
        path = rng.choice(tables if tables and number % 2 else files)
        content = path.read_bytes()
        path.write_bytes(spoilt_bytes(content, rng))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = main(line)
        said = capsys.readouterr().err
        assert "Traceback" not in said
        if code == 0:
            assert check(tmp_path / "out" / name) == []
            shutil.rmtree(tmp_path / "out")
        else:
            errors = [x for x in said.splitlines() if x.startswith("error: ")]
            assert code == 2 and len(errors) == 1 and errors[0].isprintable()
            assert list((tmp_path / "out").iterdir()) == []
        path.write_bytes(content)
