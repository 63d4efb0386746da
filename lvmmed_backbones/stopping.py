"""Stops without a traceback, after which nothing runs on."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from types import FrameType


def stop_quietly(words: str) -> None:
    """From here on Ctrl-C and SIGTERM end this process at once: its workers are killed, a line on stderr says so.

    What a command writes is whole at any moment, so that nothing needs to be put in order first. The exit code is
    128 + the signal's number, as a shell's.

    Args:
        words: what the user can do next.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, signal.SIG_IGN)
        for worker in multiprocessing.active_children():
            worker.kill()
        name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        os.write(sys.stderr.fileno(), f"\nstopped by {name}. {words}\n".encode())
        os._exit(128 + number)

    for signum in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(signum) is not signal.SIG_IGN:  # as nohup, or `&` in a script, sets it
            signal.signal(signum, stop)


def die_with_parent() -> None:
    """In a worker of multiprocessing: it, and whatever it starts, ends when the process ends that it works for.

    It becomes a process group of its own, so that Ctrl-C reaches the parent alone.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    os.setpgrp()

    def watch() -> None:
        parent.join()
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="watch over the parent", daemon=True).start()
