"""Carry out many runs, each in a process of its own, while other drivers may work on the same folder of results."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from benchmarks.results import ERROR, OUT_OF_MEMORY, TAKEN, is_done
from benchmarks.runs import Run
from benchmarks.scheduler.lease import Watch, holder_of, newest
from benchmarks.scheduler.processes import why
from benchmarks.terminal import say
from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import Refused, read_text, regular
from lvmmed_backbones.forking import forked_from
from lvmmed_backbones.stopping import out_of_reach

POLL = 2.0  # seconds between two looks at what other drivers do


@dataclass(frozen=True)
class Ending:
    """How a run ended.

    Attributes
    ----------
    run : Run
        The run.
    failure : str
        Why it left no record, in a line; empty: it left one.
    elsewhere : bool
        Whether another driver carried it out.
    before : bool
        Whether it was done before.
    """

    run: Run
    failure: str = ""
    elsewhere: bool = False
    before: bool = False


@dataclass(frozen=True)
class _Process:
    """A running process: what it runs, the GPU that it has, and where it says why it failed."""

    process: Any
    run: Run
    gpu: str | None
    reason: Connection


def carry_out(runs: Sequence[Run], gpus: Sequence[str | None]) -> Iterator[Ending]:
    """Yield each run as it ends, here or at another driver.

    Each run has a process of its own, forked from a server that has imported torch and OpenMMLab once. So nothing that
    a run leaves in memory reaches the next, and a run that is killed (out of memory, say) takes no other with it.

    Parameters
    ----------
    runs : sequence of Run
        The runs that have no record.
    gpus : sequence of str or None
        For each run that goes on at the same time the GPU that it gets, as `scheduler.devices.slots` returns them.
    """
    context = forked_from("benchmarks.execute")
    with out_of_reach():
        forkserver.ensure_running()
    waiting, free, watch = list(runs), list(gpus), Watch()
    failed_before = {run.folder: _stamp(run.folder / ERROR) for run in runs}
    told_of: set[Path] = set()
    running: dict[int, _Process] = {}
    while waiting or running:
        for run in list(waiting):
            if not free:
                break
            over = newest(run.lease)
            if over and not watch.is_dead(over):
                if over not in told_of:
                    told_of.add(over)
                    say(f"waiting: {run.spec} is done by {holder_of(over)}")
                continue
            waiting.remove(run)
            if is_done(run.folder):
                yield Ending(run, elsewhere=True)
            elif _stamp(run.folder / ERROR) not in (None, failed_before[run.folder]):
                yield Ending(run, _failure_elsewhere(run.folder), elsewhere=True)
            else:
                try:
                    make_own(run.folder)
                except (Refused, OSError) as error:
                    yield Ending(run, plain(error))
                    continue
                started = _start(context, run, over, free.pop(0))
                running[started.process.sentinel] = started
        if not running:
            time.sleep(POLL if waiting else 0)
            continue
        for sentinel in wait(list(running), POLL if waiting and free else None):
            ended = running.pop(sentinel)  # type: ignore[arg-type]
            free.append(ended.gpu)
            code = _finish(ended)
            if code == TAKEN:
                waiting.append(ended.run)
                continue
            if code == OUT_OF_MEMORY and (half := ended.run.with_half_the_batch()):
                say(f"out of memory: {ended.run.spec}. Once more, with half the batch in two steps")
                failed_before[half.folder] = _stamp(half.folder / ERROR)
                waiting.append(half)
                continue
            yield Ending(ended.run, "" if code == 0 else why(ended.reason, code))


def _start(context: Any, run: Run, over: Path | None, gpu: str | None) -> _Process:
    """Begin a run in a process of its own."""
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_execute, args=(run, over, gpu, writer), name=run.folder.name)
    process.start()
    writer.close()
    return _Process(process, run, gpu, reader)


def _execute(run: Run, over: Path | None, gpu: str | None, reason: Connection) -> None:
    """Carry out a run where OpenMMLab is imported already: the driver does without it."""
    from benchmarks.execute import execute

    execute(run, over, gpu, reason)


def _finish(ended: _Process) -> int:
    """Kill what a process that has ended had started; return its exit code."""
    ended.process.join()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(ended.process.pid, signal.SIGKILL)
    return ended.process.exitcode or 0


def _failure_elsewhere(folder: Path) -> str:
    """Return why a run failed at another driver: the last line of the traceback that it wrote."""
    try:
        lines = read_text(folder / ERROR, within=folder).strip().splitlines()
    except (FileNotFoundError, Refused):
        lines = []
    return f"{plain(lines[-1]) if lines else 'no reason given'} (all of it in {ERROR})"


def _stamp(file: Path) -> tuple[int, int] | None:
    """Return what changes when a file is written anew; None if there is no file."""
    try:
        status = file.lstat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def make_own(folder: Path) -> None:
    """Make a run's folder if it is missing, and check that nothing in it leads elsewhere.

    Raises
    ------
    Refused
        If the folder, or a file in it, is a link, a FIFO or a device, as a folder of results of others may have.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in (folder, *folder.iterdir()):
        if path.is_symlink():
            raise Refused(path, "is a link", "Remove it: a run writes to its own folder")
        if not path.is_dir():
            with suppress(FileNotFoundError):  # a lease that was released meanwhile
                regular(path)
