"""Call functions in processes of their own, and say in a line why one failed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection

from benchmarks.terminal import say
from lvmmed_backbones.display import plain
from lvmmed_backbones.stopping import die_with_parent, out_of_reach


def in_own_process(step: str, function: Callable[..., None], *arguments: object) -> None:
    """Call a function of a module in a process of its own, which ends with this one; its output goes to stderr.

    Parameters
    ----------
    step : str
        What the function does, for messages.
    function : callable
        The function.
    *arguments : object
        Its arguments.

    Raises
    ------
    RuntimeError
        If the function failed; the message says why in a line.
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
    """Call the function, in its process; an error that a user can mend becomes a line, others a traceback."""
    die_with_parent()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        function(*arguments)
    except (OSError, ValueError, ArithmeticError) as error:
        reason.send(plain(error))
        sys.exit(1)


def why(reason: Connection, code: int) -> str:
    """Return in a line why a process failed: what it sent, else how it ended."""
    with suppress(EOFError, OSError):
        if reason.poll():
            return reason.recv()
    if code < 0:
        memory = "; out of memory?" if code == -signal.SIGKILL else ""
        return f"its process was killed by {signal.Signals(-code).name}{memory}"
    return f"its process ended with code {code}"
