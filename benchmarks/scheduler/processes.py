"""Functions in processes of their own, and why they failed in a line."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection

from benchmarks.tables import say
from lvmmed_backbones.display import plain
from lvmmed_backbones.stopping import die_with_parent, out_of_reach


def in_own_process(step: str, function: Callable[..., None], *arguments: object) -> None:
    """Call a function of a module in a process of its own, which ends with this one; its output goes to stderr.

    Parameters
    ----------
    step : str
        What it does, for messages.

    Raises
    ------
    RuntimeError
        If it failed, saying why in a line.
    """
    say(f"{step} ...")
    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_call, args=(writer, function, arguments))
    with out_of_reach():
        process.start()
    writer.close()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{step} failed: {why(reader, process.exitcode)}")


def _call(reason: Connection, function: Callable[..., None], arguments: tuple) -> None:
    """In the process of `in_own_process`; what a user can mend is told in a line, all else by a traceback."""
    die_with_parent()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        function(*arguments)
    except (OSError, ValueError, ArithmeticError) as error:
        reason.send(plain(error))
        sys.exit(1)


def why(reason: Connection, code: int) -> str:
    """Why a process failed, in a line: what it sent, else how it ended."""
    with suppress(EOFError, OSError):
        if reason.poll():
            return reason.recv()
    if code < 0:
        memory = "; out of memory?" if code == -signal.SIGKILL else ""
        return f"its process was killed by {signal.Signals(-code).name}{memory}"
    return f"its process ended with code {code}"
