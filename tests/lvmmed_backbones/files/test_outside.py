"""The door: what is let in, and what a refusal says. And foreign text on its way out."""

from __future__ import annotations

import csv
import io
import json
import os
import pickle
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lvmmed_backbones.display import csv_cell, plain
from lvmmed_backbones.files.outside import (
    Refused,
    bounded,
    opened,
    read_bytes,
    read_json,
    read_text,
    refusing,
    regular,
)


def test_the_door_opens_without_torch() -> None:
    code = "import lvmmed_backbones.files.outside, sys\n"
    code += "print(sorted({'torch', 'mmengine', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def make(kind: str, path: Path) -> None:
    if kind == "folder":
        path.mkdir()
    elif kind == "FIFO":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as one:
            os.chdir(path.parent)  # the name of a socket has room for 100 characters
            one.bind(path.name)
    else:
        path.symlink_to("/dev/zero")


@pytest.mark.parametrize("kind", ["folder", "FIFO", "socket", "device"])
@pytest.mark.parametrize("door", [read_bytes, read_text, lambda p: read_json(p, "Mend it")])
def test_only_regular_files_are_opened(tmp_path: Path, monkeypatch, kind: str, door) -> None:
    monkeypatch.chdir(tmp_path)
    make(kind, tmp_path / "x")
    with pytest.raises(Refused, match=rf"x: is a {kind}, not a regular file"):
        door(tmp_path / "x")


def test_a_fifo_that_takes_a_files_place_does_not_hang(tmp_path: Path, monkeypatch) -> None:
    """Between the look at a file and its opening."""
    os.mkfifo(tmp_path / "x")
    monkeypatch.setattr("lvmmed_backbones.files.outside.regular", lambda path, **_: path)
    with pytest.raises(Refused, match="is a FIFO"), opened(tmp_path / "x", most=10):
        pass


@pytest.mark.parametrize("target", ["../secret", "/etc/passwd", "sub/../../secret"])
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "x").symlink_to(target)
    with pytest.raises(Refused, match=r"x: leads out of .*folder"):
        read_text(folder / "x", within=folder)
    (folder / "y").symlink_to("sub/z")
    (folder / "sub" / "z").write_text("inside")
    assert read_text(folder / "y", within=folder) == "inside"


def test_sizes_are_bounded(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")
    assert read_bytes(tmp_path / "x", most=5) == b"12345"
    with pytest.raises(Refused, match="has 5 bytes, of at most 4"):
        read_bytes(tmp_path / "x", most=4)
    with pytest.raises(Refused, match="has more than 4 bytes"):
        read_bytes("/proc/self/status", most=4)  # says that it has none


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(Refused):
        regular(name)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere: no such file"):
        regular(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[" * 200_000, b'{"a":' * 200_000, b"1" * 10_000, b"{} {}", b"\0"],
    ids=["empty", "cut off", "binary", "brackets", "objects", "digits", "two", "nul"],
)
def test_what_is_no_json_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(Refused, match=r"x\.json: is no whole JSON file \(.*\)\. Make it again"):
        read_json(tmp_path / "x.json", "Make it again")


@pytest.mark.parametrize(
    "error", [RecursionError(), MemoryError(), IndexError("a\nb"), KeyError(1)]
)
def test_whatever_a_library_raises_is_one_line(error: Exception) -> None:
    with pytest.raises(Refused) as found, refusing("f\x1b[2J\n", "Fetch it\nagain"):
        raise error
    assert str(found.value).isprintable()
    assert str(found.value).startswith("f\\x1b[2J: cannot be read (")
    assert str(pickle.loads(pickle.dumps(found.value))) == str(found.value)


def test_our_own_words_pass_and_an_interrupt_too() -> None:
    with pytest.raises(FileNotFoundError), refusing("f", "again"):
        raise FileNotFoundError
    with pytest.raises(KeyboardInterrupt), refusing("f", "again"):
        raise KeyboardInterrupt


@pytest.mark.parametrize("shape", [(2**31, 2), (10**6, 10**6, 10**6), (-1, 5)])
def test_an_array_is_bounded_before_memory_is_taken(shape) -> None:
    with pytest.raises(Refused, match="f: declares"):
        bounded("f", shape, 4)
    bounded("f", (512, 512, 1000), 4)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\r\nb\u2028c", "a b c"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("lone \udc80", "lone \\udc80"),
        ("Übung 画像", "Übung 画像"),
    ],
)
def test_a_terminal_gets_one_plain_line(text: str, shown: str) -> None:
    assert plain(text) == shown
    assert len(plain("x" * 10**6)) < 2100


@pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    """As OWASP has it: a text does not begin with =, +, -, @, tab or carriage return."""
    file = io.StringIO()
    csv.writer(file).writerow([csv_cell(cell)])
    (row,) = csv.reader(io.StringIO(file.getvalue(), newline=""))
    assert row == ["'" + cell]


@pytest.mark.parametrize("cell", ["-0.5", "+3e-4", -0.5, None, "resnet50", "a=b", ""])
def test_numbers_and_words_stay(cell) -> None:
    assert csv_cell(cell) == cell


def test_json_reads_what_json_wrote(tmp_path: Path) -> None:
    content = {"a": [1, 2.5, None, "ü"], "b": {"c": True}}
    (tmp_path / "x").write_text(json.dumps(content))
    assert read_json(tmp_path / "x", "", within=tmp_path) == content
