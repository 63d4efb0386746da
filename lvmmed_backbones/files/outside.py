"""The door for files that somebody else may have made: regular files, of bounded size, within their folder.

What lies behind the door is data. It is never executed, and whatever a library raises over it becomes one line.
"""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

from lvmmed_backbones.display import plain

MIB = 2**20
TEXT = 256 * MIB  # bytes of a text, a table or a record
# Bytes of the decoded pixels of a file. A CT of 2,000 slices of 512 x 512 has half of it.
ARRAY = 2048 * MIB

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


class Refused(ValueError):
    """A file that is not used. The message is one line: the file, what is wrong with it, the remedy.

    Parameters
    ----------
    path : str or Path
        The file.
    reason : object
        What is wrong, with the value at fault.
    remedy : str
        A sentence.
    """

    def __init__(self, path: str | Path, reason: object, remedy: str) -> None:
        super().__init__(f"{plain(path)}: {plain(reason)}. {plain(remedy)}")

    def __reduce__(self) -> tuple:
        return Refused._of, (str(self),)  # so that a worker process can raise it, too

    @staticmethod
    def _of(message: str) -> Refused:
        error = Refused.__new__(Refused)
        ValueError.__init__(error, message)
        return error


def regular(path: str | Path, *, within: Path | None = None, most: int | None = None) -> Path:
    """Return the path of a file after a check that it can be opened.

    Parameters
    ----------
    within : Path, optional
        The folder that the file must lie in, once links are followed; None: anywhere.
    most : int, optional
        Bytes; None: any size.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If it is a folder, FIFO, device or socket, leads out of `within`, is larger than `most`, or may not be looked
        at.
    """
    path = path if isinstance(path, Path) else Path(path)
    try:
        status = path.stat()
        if within is not None and not path.resolve().is_relative_to(within.resolve()):
            raise Refused(path, f"leads out of {within}", "Put the file itself there")
    except FileNotFoundError:
        raise FileNotFoundError(f"{plain(path)}: no such file") from None
    except OSError as error:
        raise Refused(path, f"cannot be read ({error.strerror})", "Make it readable") from error
    except Refused:
        raise
    except ValueError as error:  # the name has a NUL
        raise Refused(path, f"is no name of a file ({error})", "Name another") from error
    _refuse_unfit(path, status, most)
    return path


def _refuse_unfit(path: Path, status: os.stat_result, most: int | None) -> None:
    """Refuse what is no regular file, or too large."""
    if not stat.S_ISREG(status.st_mode):
        kind = KINDS.get(stat.S_IFMT(status.st_mode), "no regular file")
        raise Refused(path, f"is {kind}, not a regular file", "Put the file itself there")
    if most is not None and status.st_size > most:
        raise Refused(
            path, f"has {status.st_size:,} bytes, of at most {most:,}", "Is it the right file?"
        )


@contextmanager
def opened(
    path: str | Path, *, within: Path | None = None, most: int | None = None
) -> Iterator[BufferedReader]:
    """Open a file for reading. What was opened is checked, not only what had the name before.

    Raises
    ------
    FileNotFoundError, Refused
        As `regular`.
    """
    path = regular(path, within=within, most=most)
    try:
        # Without O_NONBLOCK, opening a FIFO that took the file's place would wait for ever.
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise Refused(path, f"cannot be read ({error.strerror})", "Make it readable") from error
    with os.fdopen(number, "rb") as file:
        _refuse_unfit(path, os.fstat(number), most)
        yield file


def read_bytes(path: str | Path, *, within: Path | None = None, most: int = TEXT) -> bytes:
    """Return the content of a file.

    Raises
    ------
    FileNotFoundError, Refused
        As `regular`.
    """
    with opened(path, within=within, most=most) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(size or most + 1)  # files of the kernel (/proc) have size 0
    if len(content) > most:
        raise Refused(path, f"has more than {most:,} bytes", "Is it the right file?")
    return content


def read_text(path: str | Path, *, within: Path | None = None, most: int = TEXT) -> str:
    """Return the content of a text file in UTF-8.

    Raises
    ------
    FileNotFoundError, Refused
        As `regular`; Refused, too, if it is no UTF-8.
    """
    content = read_bytes(path, within=within, most=most)
    with refusing(path, "Save it as text in UTF-8"):
        return content.decode()


def read_lines(path: str | Path, *, within: Path | None = None, most: int = TEXT) -> list[str]:
    """Return the lines of a list. As in OpenMMLab only a line feed ends a line; other separators may be part of a name.

    Raises
    ------
    FileNotFoundError, Refused
        As `read_text`.
    """
    lines = read_text(path, within=within, most=most).split("\n")
    return [line.rstrip("\r") for line in (lines if lines[-1] else lines[:-1])]


def read_json(
    path: str | Path, remedy: str, *, within: Path | None = None, most: int = TEXT
) -> Any:
    """Return the content of a JSON file.

    Parameters
    ----------
    remedy : str
        A sentence, for a file that is no whole JSON.

    Raises
    ------
    FileNotFoundError, Refused
        As `regular`; Refused, too, if it is no whole JSON, or nested too deeply.
    """
    content = read_bytes(path, within=within, most=most)
    with refusing(path, remedy, "is no whole JSON file"):
        return json.loads(content)


@contextmanager
def refusing(path: str | Path, remedy: str, reason: str = "cannot be read") -> Iterator[None]:
    """Make one line of whatever a library raises over a file.

    Libraries raise anything over foreign bytes: struct.error, IndexError, RecursionError, MemoryError, errors of their
    own. Only a library's call belongs within: an error of our own code would be blamed on the file.

    Raises
    ------
    Refused
        In place of any exception but FileNotFoundError and Refused.
    """
    try:
        yield
    except (FileNotFoundError, Refused):
        raise
    except Exception as error:
        message = str(error).partition("\n")[0] or "no reason given"
        raise Refused(path, f"{reason} ({type(error).__name__}: {message})", remedy) from error


@dataclass(frozen=True)
class ForeignFile:
    """A file that a library reads, and what to say if it cannot.

    Attributes
    ----------
    path : Path
        The file.
    remedy : str
        A sentence.
    reason : str
        What to say of a file over which a library raises an error.
    """

    path: Path
    remedy: str
    reason: str = "cannot be read"

    def refused(self, reason: object) -> Refused:
        """Return the error that refuses the file for a reason."""
        return Refused(self.path, reason, self.remedy)

    def reading(self) -> AbstractContextManager[None]:
        """Refuse the file for whatever a library raises within, as `refusing`."""
        return refusing(self.path, self.remedy, self.reason)


def bounded(path: str | Path, shape: Sequence[int], itemsize: int, most: int = ARRAY) -> None:
    """Refuse an array that a file declares, before memory is taken for it.

    Parameters
    ----------
    shape : sequence of int
        The shape that the file's header declares.
    itemsize : int
        Bytes of a value.

    Raises
    ------
    Refused
        If it has more than `most` bytes, or a side below 0.
    """
    size = math.prod(int(side) for side in shape) * itemsize
    if min(shape, default=0) < 0 or size > most:
        sides = " x ".join(map(str, shape))
        raise Refused(
            path,
            f"declares {sides} values of {itemsize} bytes, {size:,} in all, of at most {most:,}",
            "Is it the right file? Cut it into parts if it is",
        )
