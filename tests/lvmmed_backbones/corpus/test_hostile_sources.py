"""Sources that mean harm: devices, links, HDF5 that keeps its values elsewhere, names that are no names."""

from __future__ import annotations

import csv
import os
import socket
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from PIL import Image

from lvmmed_backbones.command.cli import main
from lvmmed_backbones.corpus.building import Options, Unit, build, read_file
from lvmmed_backbones.corpus.reading import Picture
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.pretrain.monitors import read_small as read_probe
from tests.factories import blobs

pytestmark = pytest.mark.usefixtures("no_hang")


def read(path: Path) -> list:
    """The images of a file, or the line that refuses it."""
    try:
        return list(read_file(Unit(0, "", path.parent, (path.name,), Options()), path.name))
    except Refused as error:
        assert str(path) in str(error) and str(error).isprintable()
        return [str(error)]


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
        built = build([("x", folder)], tmp_path / "out", workers=1)
    assert built.images == 1 and built.not_taken.total() == 4
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
    header = b"IHDR" + struct.pack(">LLBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n\0\0\0\r" + header + struct.pack(">L", zlib.crc32(header))
    bomb += struct.pack(">L", 0) + b"IDAT" + struct.pack(">L", zlib.crc32(b"IDAT"))
    (tmp_path / "bomb.png").write_bytes(bomb)
    (tmp_path / "text.png").write_text("text")
    for name in ("fifo.png", "bomb.png", "text.png"):
        with pytest.raises(Refused, match=f"{name}: .*(FIFO|bomb|no whole image)"):
            read_probe(tmp_path / name, 32)


SECRET = blobs(seed=7)


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
        file["packed"] = file.create_dataset("p", data=blobs(seed=1), compression="gzip")
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
                content = cv2.imencode(".png", blobs(seed=number + seed))[1].tobytes()
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
