"""A results repository on this machine or elsewhere: a folder, or a git repository by its URL.

Of a git repository only objects are fetched, into a bare repository in a folder of its own. Nothing is checked out by
git: no hook, filter, link, submodule or name of a file in it can act. The files that are shared are read from it one by
one, and written by us.
"""

from __future__ import annotations

import errno
import os
import re
import resource
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import MIB, Refused
from lvmmed_backbones.records import FILE, RUNS
from lvmmed_backbones.records.audits import FOLDER as AUDITS
from lvmmed_backbones.records.audits import MOST as MOST_OF_AUDIT
from reports.sharing.run_files import RUN, SHARED, most_bytes

SCHEMES = ("https", "ssh", "file")
MOST_FETCHED = 2048 * MIB  # of the pack that git fetches
MOST_WRITTEN = 8192 * MIB  # of the files in it, unpacked
MOST_FILES = 1_000_000
MOST_SECONDS = 3600
MOST_NAMED = 100  # things that are left out
LONGEST = MIB  # bytes of a path
AUDIT = re.compile(r"[\w.-]{1,200}\.json", re.ASCII)
FILE_MODES = (b"100644", b"100755")
KINDS = {b"120000": "a link", b"160000": "a submodule"}
OPTIONS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.bigFileThreshold": "16m",  # larger ones are not held in memory
    "fetch.unpackLimit": "1",  # one file, so that its size can be limited
    "http.lowSpeedLimit": "1000",  # bytes a second; less for a minute: it hangs
    "http.lowSpeedTime": "60",
}


@contextmanager
def opened_source(
    source: str, wanted: Callable[[str], bool] = bool
) -> Iterator[tuple[Path, list[str]]]:
    """Yield the folder of a results repository, and a sentence for each thing in it that is left out.

    Parameters
    ----------
    source : str
        A folder, or the URL of a git repository, by https, ssh or file. Its newest commit is fetched.
    wanted : callable
        Says of the path of a shared file whether it is needed; of a folder, all are there.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    Refused
        If it is no URL of these, cannot be fetched, or is too large.
    """
    if os.path.isdir(source):
        yield Path(source), []
        return
    scheme = _scheme(source)
    with tempfile.TemporaryDirectory(prefix="lvmmed-results-") as scratch:
        bare, folder = Path(scratch, "git"), Path(scratch, "results")
        folder.mkdir()
        _fetch(source, scheme, bare)
        yield folder, _unpack(source, bare, folder, wanted)


def _scheme(source: str) -> str:
    """Return the protocol of a URL.

    Raises
    ------
    FileNotFoundError, Refused
        As `opened_source`.
    """
    scheme, found, _ = source.partition("://")
    if not found:
        raise FileNotFoundError(
            f"{plain(source)}: no such folder. Name one, or a URL that begins with "
            + ", ".join(f"{name}://" for name in SCHEMES)
        )
    remedy = "Name a folder, or a URL by https, ssh or file"
    if scheme not in SCHEMES:
        raise Refused(source, f"{scheme}:// is not fetched", remedy)
    try:
        parts = urlsplit(source)
        password, host = parts.password, parts.hostname or ""
    except ValueError as error:
        raise Refused(source, f"is no URL ({error})", remedy) from error
    if not source.isprintable() or " " in source or "-" in (host[:1], parts.netloc[:1]):
        raise Refused(source, "is no URL", remedy)
    if password is not None:
        shown = source.replace(parts.netloc, parts.netloc.rpartition("@")[2])
        raise Refused(shown, "comes with a password", "Leave it to git's credential helper")
    return scheme


def _git(
    words: Sequence[str], scheme: str = "", stdin: IO[bytes] | int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start git, without a shell, by one protocol or none, and without the hooks and settings of a repository around.

    Raises
    ------
    FileNotFoundError
        If git is not installed.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    kept = ("GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS", "GIT_SSL_CAINFO", "GIT_CONFIG_GLOBAL")
    environment |= {name: os.environ[name] for name in kept if name in os.environ}
    environment |= {"GIT_ALLOW_PROTOCOL": scheme, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    options = [word for name, value in OPTIONS.items() for word in ("-c", f"{name}={value}")]
    try:
        return subprocess.Popen(
            ["git", *options, *words],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            preexec_fn=_limit,
        )
    except FileNotFoundError:
        raise FileNotFoundError(
            "git is not installed, which fetches a URL. Install it (apt-get install git), or fetch the repository "
            "by other means and name its folder"
        ) from None


def _limit() -> None:
    """In the new process: no file may be larger than what may be fetched; git hears of it by an error, not a signal."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    soft = MOST_FETCHED if most == resource.RLIM_INFINITY else min(MOST_FETCHED, most)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, soft))


def _fetch(source: str, scheme: str, bare: Path) -> None:
    """Fetch the objects of the newest commit.

    Raises
    ------
    Refused
        If git cannot.
    """
    words = [
        "clone",
        "--bare",
        "--depth=1",
        "--single-branch",
        "--no-tags",
        "--template=",
        "--quiet",
    ]
    process = _git([*words, "--", source, str(bare)], scheme)
    try:
        _, said = process.communicate(timeout=MOST_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise Refused(source, f"took longer than {MOST_SECONDS:,} s", "Try again later") from None
    except BaseException:
        process.kill()
        process.communicate()
        raise
    if process.returncode:
        text = said.decode(errors="replace")
        lines = [line for line in text.splitlines() if not line.startswith("warning: ")]
        reason = next(filter(str.strip, lines), "it said nothing")
        if os.strerror(errno.EFBIG) in text:
            remedy = "Clone it by git, and name the folder"
            raise Refused(source, f"has more than {MOST_FETCHED:,} bytes", remedy)
        remedy = "See whether `git ls-remote` reaches it, and name another URL or a folder if not"
        raise Refused(source, f"git cannot fetch it ({plain(reason, 300)})", remedy)


def _unpack(source: str, bare: Path, folder: Path, wanted: Callable[[str], bool]) -> list[str]:
    """Write the shared files of the newest commit into a folder; a sentence for each thing that is left out.

    Raises
    ------
    Refused
        If there are too many, or all together are too large.
    """
    chosen, left_out, total = [], [], 0
    for number, (mode, oid, size, name) in enumerate(_tree(source, bare)):
        if number >= MOST_FILES:
            raise Refused(source, f"has more than {MOST_FILES:,} files", "Name another")
        most = _most(name)
        where = plain(f"{source}: {name}")
        if mode not in FILE_MODES or size is None:
            left_out.append(f"{where}: is {KINDS.get(mode, 'no file')}, left out")
        elif most is None:  # such as a checkpoint, which `merge` does not copy either
            misplaced = name.endswith(f"/{FILE}")
            left_out += [f"{where}: lies in no folder of a run, left out"] if misplaced else []
        elif size > most:
            left_out.append(f"{where}: has {size:,} bytes, of at most {most:,}, left out")
        elif wanted(name):
            chosen.append((oid, size, name))
            total += size
    if total > MOST_WRITTEN:
        raise Refused(source, f"holds {total:,} bytes, of at most {MOST_WRITTEN:,}", "Name another")
    _write(source, bare, folder, chosen)
    if len(left_out) > MOST_NAMED:
        left_out[MOST_NAMED:] = [f"{plain(source)}: and {len(left_out) - MOST_NAMED:,} more"]
    return left_out


def _most(name: str) -> int | None:
    """How many bytes a file of a repository may have, by its path; None: it is none that is shared."""
    top, _, rest = name.partition("/")
    if top == AUDITS:
        return MOST_OF_AUDIT if AUDIT.fullmatch(rest) else None
    run, _, inner = rest.partition("/")
    if top == RUNS and RUN.fullmatch(run) and SHARED.fullmatch(inner):
        return most_bytes(inner)
    return None


def _tree(source: str, bare: Path) -> Iterator[tuple[bytes, bytes, int | None, str]]:
    """Yield what the newest commit has in the folders of runs and audits: mode, object, size (None: no file), path.

    Raises
    ------
    Refused
        If there is no commit.
    """
    words = ["--git-dir", str(bare), "ls-tree", "-r", "-l", "-z", "--full-tree", "HEAD"]
    process = _git([*words, "--", f"{RUNS}/", f"{AUDITS}/"])
    try:
        assert process.stdout is not None
        for line in _parts(process.stdout, source):
            facts, _, name = line.partition(b"\t")
            mode, _, oid, size = facts.split()
            yield mode, oid, None if size == b"-" else int(size), os.fsdecode(name)
        _, said = process.communicate()
        if process.returncode:
            raise Refused(
                source,
                f"has no commit ({plain(said.decode(errors='replace'), 300)})",
                "Name another",
            )
    finally:
        process.kill()
        process.communicate()


def _parts(stream: IO[bytes], source: str) -> Iterator[bytes]:
    """Yield the parts of a stream that end with NUL; refuse the source if one has no end."""
    rest = b""
    for block in iter(partial(stream.read1, 1 << 16), b""):  # type: ignore[attr-defined]
        *whole, rest = (rest + block).split(b"\0")
        yield from whole
        if len(rest) > LONGEST:
            raise Refused(source, "holds a path without end", "Name another")


def _write(source: str, bare: Path, folder: Path, chosen: Sequence[tuple[bytes, int, str]]) -> None:
    """Write objects into files of a folder."""
    asked = bare / "asked"
    asked.write_bytes(b"".join(oid + b"\n" for oid, _, _ in chosen))
    with asked.open("rb") as stdin:
        process = _git(["--git-dir", str(bare), "cat-file", "--batch", "--buffer"], stdin=stdin)
    assert process.stdout is not None
    try:
        for _, size, name in chosen:
            head = process.stdout.readline().split()
            content = process.stdout.read(size + 1)[:-1]  # a line feed ends it
            if head[1:] != [b"blob", b"%d" % size] or len(content) != size:
                raise Refused(source, f"{name} cannot be read", "Fetch it again")
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    finally:
        process.kill()
        process.communicate()
