"""Stop a command without a traceback, and all processes that it started."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from multiprocessing import resource_tracker
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
STDERR = 2
SECOND = 1.0  # time between two looks at the parent, where no pipe tells that it ended


def stop_quietly(words: str) -> None:
    """Let Ctrl-C and SIGTERM end this process at once from here on: workers are killed, one line on stderr says so.

    The files of a command are whole at any moment, so nothing needs to be cleaned up first. The exit code is 128 + the
    signal's number, as in a shell. A command calls this function before its imports, which may take seconds.

    Parameters
    ----------
    words : str
        What the user can do next.
    """
    owner = os.getpid()

    def stop(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:  # a forked worker: its parent prints the line
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        for signum in SIGNALS:
            signal.signal(signum, signal.SIG_IGN)
        for worker in multiprocessing.active_children():
            worker.kill()
            if worker.pid:
                with contextlib.suppress(OSError):  # it may have no group of its own yet
                    os.killpg(worker.pid, signal.SIGKILL)
        name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        end = "\n" if os.isatty(STDERR) else ""  # ends the line of a progress bar
        os.write(STDERR, f"{end}stopped by {name}. {words}\n".encode())
        os._exit(128 + number)

    for signum in SIGNALS:
        if signal.getsignal(signum) is not signal.SIG_IGN:  # nohup, or `&` in a script, sets it so
            signal.signal(signum, stop)


@contextlib.contextmanager
def out_of_reach() -> Iterator[None]:
    """Keep Ctrl-C from processes that are started within, even while they import. This process gets it at the end."""
    resource_tracker.ensure_running()  # else it would start within, and unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def die_with_parent() -> None:
    """End this worker of multiprocessing, and all that it starts, when the process ends that it works for.

    It becomes a process group of its own, so that Ctrl-C reaches the parent alone, which decides.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    os.setpgrp()
    for signum in SIGNALS:  # a forked worker inherits its parent's handlers
        signal.signal(signum, signal.SIG_DFL)
    starter = os.getppid()

    def watch() -> None:
        # The pipe from the parent may be held open by a process that was forked later: so its number is looked at, too.
        while parent.is_alive() and os.getppid() == starter:
            parent.join(SECOND)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="watch over the parent", daemon=True).start()
