"""Python runs this in every process of a command under test: PYTHONPATH names its folder.

It adds the tests' own profile. As the environment says, it has a process die between two of its changes to a folder,
shortens the time after which a silent driver on another machine is given up, or spares a driver 5 seconds.
"""

import gc
import multiprocessing.util
import os
import select
import signal
import sys
import time
from pathlib import Path

import benchmarks.profiles

benchmarks.profiles.__path__.append(str(Path(__file__).parent / "profiles"))

STEPS = "LVMMED_FAULT_STEPS"
CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def die_at_a_step() -> None:
    """Send SIGKILL to this process just before a change to a folder that the environment names.

    The variable holds four lines: who dies (`leader`, the first process of its session, or `other`), the folder, the
    number of the change (0: none), a file that grows by a byte at each change.
    """
    if STEPS not in os.environ:
        return
    who, folder, last, note = os.environ[STEPS].split("\n")
    count = 0

    def watch(event: str, arguments: tuple) -> None:
        nonlocal count
        if event == "open":
            if not isinstance(arguments[2], int) or not arguments[2] & WRITING:
                return
        elif event not in CHANGES:
            return
        if not str(arguments[0]).startswith(folder):
            return
        if (os.getpid() == os.getsid(0)) != (who == "leader"):
            return
        count += 1
        if count == int(last):
            os.kill(os.getpid(), signal.SIGKILL)
        file = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(file, b".")
        os.close(file)

    sys.addaudithook(watch)


def fork_servers() -> None:
    """Have multiprocessing fork its servers from this process, which has imported everything, where it executes Python.

    What they are, and what they do, is the same but for the time that their imports take.
    """

    def forked(path: bytes, arguments: list[str], descriptors: list[int]) -> int:
        process = os.fork()
        if process:
            return process
        kept = sorted({0, 1, 2, *descriptors})
        for descriptor, next_one in zip(kept, [*kept[1:], os.sysconf("SC_OPEN_MAX")], strict=True):
            os.closerange(descriptor + 1, next_one)
        gc.freeze()
        try:
            exec(arguments[-1], {})  # the text behind `python -c`
        finally:
            os._exit(0)  # it is no driver

    multiprocessing.util.spawnv_passfds = forked


def inject() -> None:
    """Do what the environment says."""
    die_at_a_step()
    if "FAKETIME_DONT_FAKE_MONOTONIC" in os.environ:
        # libfaketime 0.9.10 then refuses the sleep until a moment, which is Python's.
        time.sleep = lambda seconds: select.select([], [], [], seconds) and None
    if "LVMMED_FAULT_QUICK" in os.environ:
        fork_servers()
    if seconds := os.environ.get("LVMMED_FAULT_SILENCE"):
        from benchmarks.scheduler import lease

        lease.SILENCE = float(seconds)


inject()
