"""Read a file of weights. Its bytes tell what it is, not its name, and no code in it runs."""

from __future__ import annotations

import argparse
import json
import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file

from lvmmed_backbones.files.outside import MIB, Refused, opened, refusing
from lvmmed_backbones.safe_globals import allow_mmengine_checkpoints

AGAIN = "Remove it and fetch it again"
CONVERT = (
    "Ask its authors for a .safetensors file, or, if you trust them, load it elsewhere and save its "
    "tensors with safetensors"
)
HEADER = 100 * MIB  # largest header of a safetensors file, as its own library has it
GROWTH = 4  # torch.save does not compress: an archive that unpacks to more times its size is a bomb
# The first bytes of other files, and what a refusal says of them.
FOREIGN = (
    (b"<!doctype html", "is an HTML page, not weights: a download page was saved in its place"),
    (b"<html", "is an HTML page, not weights: a download page was saved in its place"),
    (b"<?xml", "is an XML page, not weights: a server's message was saved in its place"),
    (b"version https://git-lfs", "is a Git LFS pointer, not the file that it points to"),
    (b"\x1f\x8b", "is compressed by gzip: unpack it first"),
    (b"\x89hdf", "is an HDF5 file, as Keras writes them, not PyTorch's weights"),
    (b"\x93numpy", "is a numpy array, not PyTorch's weights"),
    (b"{", "is a JSON text, not weights"),
    (b"[", "is a JSON text, not weights"),
)


def read(path: str | Path) -> Mapping:
    """Return the content of a file that `torch.save` or safetensors wrote.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If it is another kind of file, is cut off, or cannot be read without running code.
    """
    path = Path(path)
    with opened(path) as file:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(512)
    if not size:
        raise Refused(path, "is empty", AGAIN)
    if _is_safetensors(head):
        _check_whole_safetensors(path, size)
        with refusing(path, AGAIN):
            return load_file(path)
    if head.startswith(b"PK"):
        _check_archive(path, size)
    elif not head.startswith(b"\x80"):
        raise Refused(path, _name_format(head), AGAIN)
    return _load_safely(path, head)


def _is_safetensors(head: bytes) -> bool:
    """Return whether a file begins with the length of a header and a header in JSON."""
    return len(head) > 8 and head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= HEADER


def _check_whole_safetensors(path: Path, size: int) -> None:
    """Raise Refused, with both sizes, for a safetensors file that lacks its end."""
    with opened(path) as file, refusing(path, AGAIN, "is cut off or damaged"):
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        ends = [
            entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"
        ]
    full_size = 8 + length + max(ends, default=0)
    if full_size > size:
        raise Refused(path, f"is cut off: it has {size:,} of {full_size:,} bytes", AGAIN)


def _check_archive(path: Path, size: int) -> None:
    """Raise Refused for a zip archive that is cut off, is no checkpoint, or unpacks to far more than its size."""
    reason = f"is cut off or damaged: a zip archive of {size:,} bytes whose end is missing"
    with opened(path) as file, refusing(path, AGAIN, reason), zipfile.ZipFile(file) as archive:
        members = archive.infolist()
    unpacked = sum(member.file_size for member in members)
    if unpacked > GROWTH * size + MIB:
        reason = f"unpacks from {size:,} to {unpacked:,} bytes"
        raise Refused(path, reason, "torch.save does not compress")
    names = [member.filename for member in members]
    if any(name.endswith("/constants.pkl") for name in names):
        raise Refused(path, "is a TorchScript archive, which is a program", CONVERT)
    if not any(name.endswith("/data.pkl") or name == "data.pkl" for name in names):
        several = ", ".join(names[:5])
        raise Refused(path, f"is a zip archive without a checkpoint in it: {several}", AGAIN)


def _name_format(head: bytes) -> str:
    """Return what a file is, by its first bytes."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for mark, description in FOREIGN:
        if start.startswith(mark):
            return description
    if head[257:262] == b"ustar":
        return "is a tar archive: unpack it first"
    return f"is no file of weights: it begins with {head[:12]!r}"


def _load_safely(path: Path, head: bytes) -> Mapping:
    """Read a checkpoint by torch's safe loader. Raise Refused as `read`."""
    allow_mmengine_checkpoints()
    torch.serialization.add_safe_globals([argparse.Namespace])
    try:
        with refusing(path, AGAIN, "is cut off or damaged"):
            content = torch.load(
                path, map_location="cpu", weights_only=True, mmap=head.startswith(b"PK")
            )
    except Refused as error:
        if isinstance(error.__cause__, pickle.UnpicklingError):
            raise Refused(
                path, f"is refused: {_explain_refusal(error.__cause__)}", CONVERT
            ) from error
        raise
    if not isinstance(content, Mapping):
        reason = f"holds a {type(content).__name__}, not a mapping of names to tensors"
        raise Refused(path, reason, "Save a state_dict")
    return content


def _explain_refusal(error: pickle.UnpicklingError) -> str:
    """Return in one line why torch's safe loader refuses a file: what the file would run."""
    match = re.search(r"(?:GLOBAL|Unsupported (?:global|class)) ([\w.]+)", str(error))
    if match:
        return f"reading it would run code that it names ({match[1]})"
    return f"it is no plain data ({str(error).partition(chr(10))[0]})"
