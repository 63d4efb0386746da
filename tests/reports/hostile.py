"""What may lie in a stranger's results in place of a file."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from lvmmed_backbones.records.record import MOST

SECRET = "a private key"
NESTED = {
    "lists": "[" * 200_000,
    "objects": '{"a":' * 200_000,
    "whole": "[" * 200_000 + "]" * 200_000,
}
KINDS = ("FIFO", "socket", "folder", "device", "link out", "relative link out", "link to nowhere",
         "link in a circle", "huge")  # fmt: skip


def replaced(path: Path, kind: str, secret: Path) -> None:
    """Put something else where a file was."""
    path.unlink(missing_ok=True)
    if kind == "FIFO":
        os.mkfifo(path)
    elif kind == "socket":
        here = os.getcwd()
        os.chdir(path.parent)  # a socket's path is short
        try:
            socket.socket(socket.AF_UNIX).bind(path.name)
        finally:
            os.chdir(here)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "link out":
        path.symlink_to(secret)
    elif kind == "relative link out":
        path.symlink_to(os.path.relpath(secret, path.parent))
    elif kind == "link to nowhere":
        path.symlink_to(path.parent / "nowhere")
    elif kind == "link in a circle":
        path.symlink_to(path.name)
    elif kind == "huge":
        path.touch()
        os.truncate(path, MOST + 1)
    else:
        path.write_text(NESTED[kind])


def files(folder: Path) -> list[Path]:
    """All files below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]
