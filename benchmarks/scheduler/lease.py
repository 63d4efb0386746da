"""Leases: of several drivers, on one machine or many that share a folder, one alone carries out a run.

A lease is a file NAME.1; who takes it over from a holder that has died creates NAME.2, and so on. Only the creation of
a file that was not there has to be atomic, no clock is compared with another, and nobody deletes what is not his own.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import Refused, read_bytes
from lvmmed_backbones.files.writing import scratch_of

BEAT = 15.0  # seconds between two signs of life
SILENCE = 180.0  # seconds without one, after which a holder that cannot be looked at is given up


class Holder(msgspec.Struct):
    """The process that holds a lease.

    Attributes
    ----------
    host : str
        Its machine's name, for people.
    process : int
        Its number.
    place : str
        Where that number means this process: the machine's boot and the container; empty: it cannot be told.
    born : int
        When the process began, in ticks since the boot: numbers are given again.
    """

    host: str
    process: int
    place: str
    born: int


def myself() -> Holder:
    """This process."""
    return Holder(socket.gethostname(), os.getpid(), place(), born(os.getpid()) or 0)


def place() -> str:
    """The boot and the container that this process lives in, as Linux tells them."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def born(process: int) -> int | None:
    """When a living process of this place began, in ticks since the boot; None if there is none."""
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
        self.thread = threading.Thread(target=self.beat, name=f"beat {path.name}", daemon=True)
        self.thread.start()

    def beat(self) -> None:
        """A sign of life is a new time of the file."""
        while not self.over.wait(BEAT):
            try:
                os.utime(self.path)
            except OSError:  # the folder is gone, or away for a moment: the run itself will say so
                continue

    @property
    def is_mine(self) -> bool:
        """Whether nobody took it over, as after this process had slept for minutes."""
        return newest(self.path.with_suffix("")) == self.path

    def release(self) -> None:
        """Let others have it, and take away what dead holders left."""
        self.over.set()
        self.thread.join()
        name, number = self.path.stem, int(self.path.suffix[1:])
        for step in range(1, number + 1):
            self.path.with_name(f"{name}.{step}").unlink(missing_ok=True)


def newest(name: Path) -> Path | None:
    """The lease file that counts, None if nobody holds one."""
    numbers = [
        int(path.suffix[1:])
        for path in name.parent.glob(f"{name.name}.*")
        if path.suffix[1:].isdecimal() and path.stem == name.name
    ]
    return name.with_name(f"{name.name}.{max(numbers)}") if numbers else None


def claim(name: Path, over: Path | None = None) -> Lease | None:
    """Take a lease, unless somebody was quicker.

    Parameters
    ----------
    name : Path
        Of the lease; its folder exists.
    over : Path, optional
        The file of a holder that has died, None where nobody held it.
    """
    number = int(over.suffix[1:]) + 1 if over else 1
    path = name.with_name(f"{name.name}.{number}")
    if newest(name) != over or not create(path, msgspec.json.encode(myself())):
        return None
    return Lease(path)


def create(path: Path, content: bytes) -> bool:
    """Make a file that is whole from the first moment; False if there is one."""
    scratch = scratch_of(path)
    try:
        scratch.write_bytes(content)
        os.link(scratch, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
            raise
        return create_in_place(path, content)  # a file system without hard links
    finally:
        scratch.unlink(missing_ok=True)
    return True


def create_in_place(path: Path, content: bytes) -> bool:
    """As `create`, where a kill may leave the file empty."""
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        return False
    return True


@dataclass
class Watch:
    """What a driver has seen of others' leases.

    Attributes
    ----------
    seen : dict of Path to (int, float)
        By lease file, its last sign of life and when, by this process's own clock, it was first seen.
    """

    seen: dict[Path, tuple[int, float]] = field(default_factory=dict)

    def is_free(self, name: Path) -> bool:
        """Whether nobody holds a lease, or its holder has died."""
        path = newest(name)
        return path is None or self.is_dead(path)

    def is_dead(self, path: Path) -> bool:
        """Whether the holder of a lease has ended, or has given no sign of life for `SILENCE`."""
        holder = read_holder(path)
        if holder and holder.place and holder.place == place():
            return born(holder.process) != holder.born
        try:
            beat = path.stat().st_mtime_ns
        except OSError:  # released meanwhile: not dead, `newest` tells
            return False
        now = time.monotonic()
        last, since = self.seen.get(path, (None, now))
        if last != beat:
            self.seen[path] = (beat, now)
            return False
        return now - since > SILENCE


def read_holder(path: Path) -> Holder | None:
    """Who holds a lease; None if the file does not tell: it is being written, or its writer was killed."""
    try:
        content = read_bytes(path, within=path.parent, most=4096)
        return msgspec.json.decode(content, type=Holder)
    except (FileNotFoundError, Refused, msgspec.DecodeError):
        return None


@contextmanager
def alone(name: Path, work: str) -> Iterator[None]:
    """Within, this process holds a lease, for which it waits if need be.

    Parameters
    ----------
    work : str
        What is done within, for the message of who waits.
    """
    name.parent.mkdir(parents=True, exist_ok=True)
    watch, lease, said = Watch(), None, False
    while lease is None:
        over = newest(name)
        if over is None or watch.is_dead(over):
            lease = claim(name, over)
            continue
        if not said:
            print(f"waiting: {work} is done by {holder_of(over)}", file=sys.stderr, flush=True)
            said = True
        time.sleep(0.5)
    try:
        yield
    finally:
        lease.release()


def holder_of(path: Path) -> str:
    """Who holds a lease, in words."""
    holder = read_holder(path)
    if holder is None:
        return f"a process that {path.name} does not name"
    return plain(f"process {holder.process} on {holder.host}")
