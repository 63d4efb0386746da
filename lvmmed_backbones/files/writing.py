"""Write files and folders that are there whole or not at all, even if the process or the machine is killed.

New content is written beside its place, under a hidden name. Once it is whole and on the disk, it takes its place in
one step. The remains of a kill are recognised by their name and by their lock, which ends with the process.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import MIB

SCRATCH = re.compile(r"\.(.+)\.[0-9a-f]{12}\.partial")
LOCK, NEW, FORMER = "lock", "new", "former"  # names in the scratch folder of a folder
ROOM = MIB  # bytes: a disk with less is full
THREADS = 16  # they wait for the disk, which syncs several files at once
OUT_OF_ROOM = {  # some libraries quote the text and give no number
    errno.ENOSPC: "No space left on device",
    errno.EDQUOT: "Disk quota exceeded",
}
TAKEN = (errno.ENOENT, errno.EEXIST, errno.ENOTEMPTY)  # another process renames at the same time
ATTEMPTS = 10
AT_FDCWD, RENAME_EXCHANGE = -100, 2  # from linux/fcntl.h and linux/fs.h


class DiskFull(OSError):
    """The disk is full. The message is one line: what could not be written, and the remedy.

    Parameters
    ----------
    path : str or Path
        What could not be written.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(errno.ENOSPC, "the disk is full", str(path))

    def __reduce__(self) -> tuple:
        return DiskFull, (self.filename,)

    def __str__(self) -> str:
        return f"{plain(self.filename)}: not written, the disk is full. Make room, and start again"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield an empty scratch file beside `path`. Once it is whole and on the disk, it takes `path`'s place.

    After an error `path` is as it was. A kill leaves the scratch file, which `sweep` deletes.

    Raises
    ------
    DiskFull
        If there is no room; OSError: if the folder cannot be written to.
    """
    scratch, number = _begin(path, is_folder=False)
    try:
        with telling_full(path):
            yield scratch
            # A library may have replaced the file by one that only this user can read.
            os.chmod(scratch, stat.S_IMODE(os.fstat(number).st_mode))
            sync(scratch)
            os.replace(scratch, path)
            sync(path.parent)
    finally:
        scratch.unlink(missing_ok=True)
        os.close(number)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file as `replacing`."""
    with replacing(path) as scratch:
        scratch.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8, its line ends as they are, as `replacing`."""
    write_bytes(path, text.encode())


def write_json(path: Path, content: Any) -> None:
    """Write plain data as JSON as `replacing`.

    Raises
    ------
    ValueError
        If `content` holds NaN or infinity, which JSON does not know.
    """
    write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder to be filled. Once it is whole and on the disk, it takes the place of the folder `path`.

    After an error `path` is as it was. A kill leaves the scratch folder, which `sweep` or the next call deletes. If
    several processes replace the same folder, the last one to finish wins.

    Linux's usual file systems exchange the two folders in one step. Others need two steps, and between them the name is
    free for a moment. After a kill in that moment `sweep` puts the former folder back.

    Parameters
    ----------
    path : Path
        A link there is replaced itself, not what it leads to. Folders above it are made.

    Raises
    ------
    FileExistsError
        If `path` is a file, or a file system is mounted there.
    DiskFull
        If there is no room; OSError: if the folder above cannot be written to.
    """
    if not _may_be_replaced(path):
        raise FileExistsError(f"{plain(path)}: not a folder. Remove it, or name another")
    if os.path.ismount(path):
        raise FileExistsError(f"{plain(path)}: a file system is mounted there. Name a folder in it")
    with telling_full(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent)
    scratch, number = _begin(path, is_folder=True)
    try:
        with telling_full(path):
            (scratch / NEW).mkdir()
            yield scratch / NEW
            _sync_all(scratch / NEW)
            exchange(scratch / NEW, path, scratch / FORMER)
            sync(path.parent)
    finally:
        _clear_folder(scratch, path)
        os.close(number)


def _may_be_replaced(path: Path) -> bool:
    """Whether there is a folder, a link to one, or nothing; asked once, as others replace it at the same time."""
    try:
        mode = os.lstat(path).st_mode
    # For the latter, making the parent folder fails.
    except (FileNotFoundError, NotADirectoryError):
        return True
    return stat.S_ISDIR(mode) or (stat.S_ISLNK(mode) and path.is_dir())


def sweep(folder: Path) -> None:
    """Delete the scratch files and folders in a folder to which no living process writes.

    If a killed process had moved a folder away from its name, the folder gets its name back.
    """
    for name in os.listdir(folder) if folder.is_dir() else ():
        if match := SCRATCH.fullmatch(name):
            _sweep_one(folder / name, folder / match[1])


def _sweep_one(scratch: Path, path: Path) -> None:
    """Delete one scratch file or folder of `path`, as `sweep`."""
    is_folder = scratch.is_dir() and not scratch.is_symlink()
    file, flags = (scratch / LOCK, os.O_CREAT) if is_folder else (scratch, 0)
    flags |= os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        number = os.open(file, flags, 0o666)
    except OSError:  # gone meanwhile, no file, or not ours
        return
    try:
        if not _lock(number):
            return
        if is_folder:
            _clear_folder(scratch, path)
        else:
            scratch.unlink(missing_ok=True)
    except OSError:  # the file system has no locks, or another user's rules: it may be in use
        return
    finally:
        os.close(number)


def _begin(path: Path, is_folder: bool) -> tuple[Path, int]:
    """Make a new scratch file or folder of `path`; return it, and the number of the file that holds its lock."""
    while True:
        scratch = scratch_of(path)
        try:
            if is_folder:
                scratch.mkdir()
            number = _claim(scratch / LOCK if is_folder else scratch)
        except OSError as error:
            if is_folder and path.parent.is_dir() and error.errno in (errno.ENOENT, errno.EEXIST):
                continue  # a sweep was quicker
            if is_folder:
                shutil.rmtree(scratch, ignore_errors=True)
            raise _about(error, path) from None
        if number is not None:
            return scratch, number


def _about(error: OSError, path: Path) -> OSError:
    """Turn an error over a scratch file or folder into one over `path`, which the user knows."""
    if error.errno in OUT_OF_ROOM:
        return DiskFull(path)
    return OSError(error.errno, error.strerror, str(path))


def scratch_of(path: Path) -> Path:
    """Return a name beside `path` that nothing has, hidden and matched by `SCRATCH`."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.partial")


def _claim(file: Path) -> int | None:
    """Make a file, and hold its lock; its number, or None if a sweep took it away first."""
    number = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        held = _lock(number)
    except OSError:  # the file system has no locks: then no sweep takes anything away either
        return number
    if held and os.fstat(number).st_nlink:
        return number
    os.close(number)
    return None


def _lock(number: int) -> bool:
    """Take the lock of an open file, which ends with the process; return False if another process has it.

    Raises
    ------
    OSError
        If the file system has no locks.
    """
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def exchange(new: Path, path: Path, former: Path) -> None:
    """Put a folder in the place of another one, which is at `new` or `former` afterwards; or in an empty place."""
    for attempt in range(ATTEMPTS):
        try:
            if not os.path.lexists(path):
                os.rename(new, path)
            elif not swap(new, path):
                shutil.rmtree(former, ignore_errors=True)
                os.rename(path, former)
                os.rename(new, path)
                # Deleted at once, so that no sweep puts it back while another process has freed the name.
                shutil.rmtree(former, ignore_errors=True)
            return
        except OSError as error:
            if attempt == ATTEMPTS - 1 or error.errno not in TAKEN:
                raise


def swap(first: Path, second: Path) -> bool:
    """Exchange two names in one step; return False where the system or the file system cannot."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    names = os.fsencode(first), os.fsencode(second)
    if renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(number, os.strerror(number), str(first), None, str(second))


def _clear_folder(scratch: Path, path: Path) -> None:
    """Delete a scratch folder; if `path` was moved into it and its place is free, put it back first."""
    if (scratch / FORMER).exists() and not os.path.lexists(path):
        try:
            os.rename(scratch / FORMER, path)
        except OSError as error:  # another process has put its folder there meanwhile
            if error.errno not in TAKEN:
                raise
    for name in (NEW, FORMER):  # rmtree refuses links
        content = scratch / name
        content.unlink() if content.is_symlink() else shutil.rmtree(content, ignore_errors=True)
    shutil.rmtree(scratch, ignore_errors=True)  # last, since the lock lies in it


def sync(path: Path) -> None:
    """Write a file, or a folder's names, to the disk."""
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems have no such call for folders
            raise
    finally:
        os.close(number)


def _sync_all(folder: Path) -> None:
    """Write a folder, and all that lies in it, to the disk."""
    with ThreadPoolExecutor(THREADS) as threads:
        for _ in threads.map(sync, [*folder.rglob("*"), folder]):
            pass


@contextmanager
def telling_full(path: Path) -> Iterator[None]:
    """Make one line of whatever is raised within because the disk is full.

    Parameters
    ----------
    path : Path
        What is written within, for the message.

    Raises
    ------
    DiskFull
        In place of any error that a full disk causes.
    """
    try:
        yield
    except Exception as error:
        if by_full_disk(error, path.parent):
            raise DiskFull(path) from error
        raise


def by_full_disk(error: BaseException, folder: Path) -> bool:
    """Whether an error was caused by a full disk.

    Python and pyarrow give the system's number, safetensors quotes the system's text. Pillow's encoders and torch give
    neither, so the disk itself is asked.

    Parameters
    ----------
    folder : Path
        The folder that was written to.
    """
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, OSError) and cause.errno in OUT_OF_ROOM:
            return True
        if any(text in str(cause) for text in OUT_OF_ROOM.values()):
            return True
        cause = cause.__cause__ or cause.__context__
    knows_better = isinstance(error, ValueError) or getattr(error, "errno", None) is not None
    return not knows_better and disk_full(folder)


def disk_full(folder: Path) -> bool:
    """Whether the disk of a folder has no room for another file; for a missing folder, the one above it counts."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    disk = os.statvfs(folder)
    no_names = disk.f_files > 0 and disk.f_favail == 0
    return disk.f_bavail * disk.f_frsize < ROOM or no_names
