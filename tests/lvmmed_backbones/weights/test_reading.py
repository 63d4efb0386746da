"""Files of weights are opened by what they are, and refused with what they are; no code of theirs runs."""

from __future__ import annotations

import argparse
import io
import json
import os
import pickle
import tarfile
import zipfile
from pathlib import Path

import pytest
import torch
from mmengine.logging import HistoryBuffer
from safetensors.torch import save_file

from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.weights.checksums import check_sha256, file_sha256
from lvmmed_backbones.weights.reading import read

TENSORS = {"a.weight": torch.arange(6.0).view(2, 3), "a.bias": torch.zeros(2)}


class Payload:
    """What a hostile checkpoint holds."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("plain", [True, False])
def test_a_pickle_that_runs_code_is_refused_and_does_not_run(tmp_path: Path, plain: bool) -> None:
    path, harm = tmp_path / "hostile.pth", tmp_path / "harm"
    if plain:
        path.write_bytes(pickle.dumps(Payload(harm)))
    else:
        torch.save({"state_dict": Payload(harm)}, path)
    with pytest.raises(Refused, match=r"hostile\.pth: is refused.*safetensors"):
        read(path)
    assert not harm.exists()


def test_a_refused_pickle_names_what_it_would_have_run(tmp_path: Path) -> None:
    torch.save({"state_dict": Payload(tmp_path / "harm")}, tmp_path / "w.pth")
    with pytest.raises(Refused, match=r"run code that it names \(posix\.mkdir\)"):
        read(tmp_path / "w.pth")


def test_getattr_of_a_checkpoint_opens_nothing(tmp_path: Path) -> None:
    """mmengine's checkpoints need getattr; a hostile one must not get at anything by it."""

    class Reach:
        def __reduce__(self):
            return getattr, (HistoryBuffer, "__init__")

    torch.save({"state_dict": Reach()}, tmp_path / "reach.pth")
    with pytest.raises(Refused, match=r"reach\.pth"):
        read(tmp_path / "reach.pth")


def test_the_arguments_of_a_training_script_are_let_through(tmp_path: Path) -> None:
    torch.save({"model": TENSORS, "args": argparse.Namespace(lr=0.1)}, tmp_path / "w.pth")
    assert read(tmp_path / "w.pth")["args"].lr == 0.1


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("name", ["w.pth", "w.safetensors", "w.torch", "w"])
def test_the_bytes_decide_and_not_the_name(tmp_path: Path, name: str, legacy: bool) -> None:
    path = tmp_path / name
    torch.save(TENSORS, path, _use_new_zipfile_serialization=not legacy)
    assert torch.equal(read(path)["a.weight"], TENSORS["a.weight"])
    path.unlink()
    save_file(TENSORS, path)
    assert torch.equal(read(path)["a.weight"], TENSORS["a.weight"])


def tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    return file.getvalue()


def archive(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as one:
        for name, content in members.items():
            one.writestr(name, content)
    return file.getvalue()


def script() -> bytes:
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html><title>Google Drive - Virus scan warning", "is an HTML page"),
        (b"\n  <HTML>", "is an HTML page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied", "is an XML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "is a Git LFS pointer"),
        (b"\x1f\x8b\x08\x00rest", "is compressed by gzip"),
        (b"\x89HDF\r\n\x1a\nrest", "is an HDF5 file"),
        (b"\x93NUMPY\x01\x00", "is a numpy array"),
        (b'{"weight_map": {}}', "is a JSON text"),
        (b"\x1b[2J\x1b]0;owned\x07 weights", "is no file of weights: it begins with"),
        (tar(), "is a tar archive"),
        (archive(**{"a.npy": b"x"}), "is a zip archive without a checkpoint in it: a.npy"),
        (archive(**{"x/data.pkl": b"\0" * 40_000_000}), "unpacks from .* to 40,000,000 bytes"),
        (script(), "is a TorchScript archive, which is a program"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_checkpoint_is_named_for_what_it_is(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(Refused, match=rf"weights\.pth: {words}") as error:
        read(path)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("writer", [torch.save, save_file])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.99])
def test_a_cut_off_file_says_so(tmp_path: Path, writer, share: float) -> None:
    path = tmp_path / "half"
    writer({"a": torch.zeros(5000)}, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(Refused, match=r"half: is cut off.*fetch it again"):
        read(path)


def test_a_cut_off_safetensors_tells_both_sizes(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1000)}, tmp_path / "w.safetensors")
    content = (tmp_path / "w.safetensors").read_bytes()
    (tmp_path / "w.safetensors").write_bytes(content[:-5])
    with pytest.raises(Refused, match=f"it has {len(content) - 5:,} of {len(content):,} bytes"):
        read(tmp_path / "w.safetensors")


@pytest.mark.parametrize("kind", ["folder", "fifo", "missing"])
def test_what_is_no_file_does_not_hang(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "w.pth"
    {"folder": path.mkdir, "fifo": lambda: os.mkfifo(path), "missing": lambda: None}[kind]()
    with pytest.raises((Refused, FileNotFoundError), match=r"w\.pth"):
        read(path)


def test_a_list_is_no_checkpoint(tmp_path: Path) -> None:
    torch.save([TENSORS], tmp_path / "w.pth")
    with pytest.raises(Refused, match="holds a list, not a mapping"):
        read(tmp_path / "w.pth")


def test_a_wrong_checksum_is_named(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "w")
    with pytest.raises(Refused, match=r"w: has sha256 .*expected 00ff"):
        check_sha256(tmp_path / "w", "00ff")


def test_a_large_file_is_hashed_once(tmp_path: Path, monkeypatch) -> None:
    from lvmmed_backbones.weights import checksums

    monkeypatch.setenv("LVMMED_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(checksums, "SMALL", 0)
    path = tmp_path / "w"
    save_file(TENSORS, path)
    os.utime(path, (1e9, 1e9))
    found = file_sha256(path)
    assert json.loads((tmp_path / "cache" / "checksums.json").read_text())[str(path)][2] == found
    monkeypatch.setattr(checksums, "_hash", None)  # another process would not need it
    checksums._look_up.cache_clear()
    assert file_sha256(path) == found
    (tmp_path / "cache" / "checksums.json").write_text('{"x": [1, "\\u001b", []]}')
    checksums._look_up.cache_clear()
    monkeypatch.undo()
    monkeypatch.setenv("LVMMED_HOME", str(tmp_path / "cache"))
    path.write_bytes(path.read_bytes() + b"1")
    assert file_sha256(path) != found
