"""Leases: of several drivers, on one machine or on many that share a folder, only one carries out a run.

A lease is a file NAME.1. A driver that takes it over from a holder that has died creates NAME.2, and so on. Only the
creation of a file that was not there has to be atomic. No clock is compared with another, and nobody deletes a file
that is not his own.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import Refused, read_bytes
from lvmmed_backbones.files.writing import scratch_of

BEAT = 15.0  # seconds between two signs of life
SILENCE = (
    180.0  # seconds without a sign of life after which a holder on another machine counts as dead
)


class Holder(msgspec.Struct):
    """The process that holds a lease.

    Attributes
    ----------
    host : str
        Name of its machine, for people.
    process : int
        Its process id.
    place : str
        The machine's boot and the container in which the id means this process; empty: unknown.
    born : int
        When the process began, in ticks since the boot: ids are given again.
    """

    host: str
    process: int
    place: str
    born: int


def myself() -> Holder:
    """Return this process, as a holder."""
    return Holder(
        socket.gethostname(), os.getpid(), boot_and_container(), start_of(os.getpid()) or 0
    )


def boot_and_container() -> str:
    """Return the boot and the container that this process lives in, as Linux tells them; else an empty string."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def start_of(process: int) -> int | None:
    """Return when a living process of this place began, in ticks since the boot; None if there is none."""
    try:
        state, *rest = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else int(rest[18])


class Lease:
    """A lease that this process holds; a thread gives signs of life until it is released."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._beat, name=f"beat {path.name}", daemon=True)
        self.thread.start()

    def _beat(self) -> None:
        """Give signs of life: new times of the file."""
        while not self.over.wait(BEAT):
            with suppress(OSError):  # the folder is gone, or away for a moment: the run will say so
                os.utime(self.path)

    @property
    def is_mine(self) -> bool:
        """Whether nobody took the lease over, as happens after this process has slept for minutes."""
        return newest(self.path.with_suffix("")) == self.path

    def release(self) -> None:
        """Give the lease back, and remove the files that dead holders left."""
        self.over.set()
        self.thread.join()
        name, number = self.path.stem, int(self.path.suffix[1:])
        for step in range(1, number + 1):
            self.path.with_name(f"{name}.{step}").unlink(missing_ok=True)


def newest(name: Path) -> Path | None:
    """Return the lease file that counts; None if there is none."""
    numbers = [
        int(path.suffix[1:])
        for path in name.parent.glob(f"{name.name}.*")
        if path.suffix[1:].isdecimal() and path.stem == name.name
    ]
    return name.with_name(f"{name.name}.{max(numbers)}") if numbers else None


def claim(name: Path, over: Path | None = None) -> Lease | None:
    """Take a lease; return None if another process was quicker.

    Parameters
    ----------
    name : Path
        Name of the lease; its folder exists.
    over : Path, optional
        The file of a holder that has died; None: nobody held the lease.
    """
    number = int(over.suffix[1:]) + 1 if over else 1
    path = name.with_name(f"{name.name}.{number}")
    if newest(name) != over or not _create(path, msgspec.json.encode(myself())):
        return None
    return Lease(path)


def _create(path: Path, content: bytes) -> bool:
    """Create a file that is whole from its first moment; return False if there is one already."""
    scratch = scratch_of(path)
    try:
        scratch.write_bytes(content)
        os.link(scratch, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
            raise
        # A file system without hard links. A kill may leave this file empty.
        try:
            with path.open("xb") as file:
                file.write(content)
        except FileExistsError:
            return False
    finally:
        scratch.unlink(missing_ok=True)
    return True


@dataclass
class Watch:
    """What a driver has seen of others' leases.

    Attributes
    ----------
    seen : dict of Path to (int, float)
        For each lease file its last sign of life, and when this process first saw that one, by its own clock.
    """

    seen: dict[Path, tuple[int, float]] = field(default_factory=dict)

    def is_free(self, name: Path) -> bool:
        """Return whether nobody holds a lease, or its holder has died."""
        path = newest(name)
        return path is None or self.is_dead(path)

    def is_dead(self, path: Path) -> bool:
        """Return whether the holder of a lease has ended, or has given no sign of life for `SILENCE`."""
        holder = read_holder(path)
        if holder and holder.place and holder.place == boot_and_container():
            return start_of(holder.process) != holder.born
        try:
            beat = path.stat().st_mtime_ns
        except OSError:  # released meanwhile, which `newest` tells: not dead
            return False
        now = time.monotonic()
        last, since = self.seen.get(path, (None, now))
        if last != beat:
            self.seen[path] = (beat, now)
            return False
        return now - since > SILENCE


def clear(name: Path) -> None:
    """Remove the lease that a holder left which died when its work was done; nothing if it may live."""
    left = newest(name)
    if left and Watch().is_dead(left) and (lease := claim(name, left)):
        lease.release()


def read_holder(path: Path) -> Holder | None:
    """Return who holds a lease; None if the file does not tell: it is being written, or its writer was killed."""
    try:
        content = read_bytes(path, within=path.parent, most=4096)
        return msgspec.json.decode(content, type=Holder)
    except (FileNotFoundError, Refused, msgspec.DecodeError):
        return None


@contextmanager
def alone(name: Path, work: str) -> Iterator[None]:
    """Hold a lease within the `with` block; wait for it if another process holds it.

    Parameters
    ----------
    name : Path
        Name of the lease; its folder is made if it is missing.
    work : str
        What is done within, for the message of the one who waits.
    """
    name.parent.mkdir(parents=True, exist_ok=True)
    watch, lease, told = Watch(), None, False
    while lease is None:
        over = newest(name)
        if over is None or watch.is_dead(over):
            lease = claim(name, over)
            continue
        if not told:
            print(f"waiting: {work} is done by {holder_of(over)}", file=sys.stderr, flush=True)
            told = True
        time.sleep(0.5)
    try:
        yield
    finally:
        lease.release()


def holder_of(path: Path) -> str:
    """Return who holds a lease, in words."""
    holder = read_holder(path)
    if holder is None:
        return f"a process that {path.name} does not name"
    return plain(f"process {holder.process} on {holder.host}")
