"""Run many runs, each in a process of its own, and yield each as it finishes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from multiprocessing.connection import wait
from typing import Any

from benchmarks.execute import Run, execute


def carry_out(runs: Sequence[Run], jobs: int) -> Iterator[tuple[Run, int]]:
    """Yield each run with its process's exit code (negative: killed by that signal), at most `jobs` at once.

    Each run has a fresh process, forked from a server that has imported torch and OpenMMLab once: nothing that a run
    leaves in memory reaches the next, and a run that is killed (out of memory, say) takes no other with it.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.execute"])
    waiting = list(reversed(runs))
    running: dict[Any, tuple[Any, Run]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                run = waiting.pop()
                process = context.Process(target=execute, args=(run,), name=run.run_id)
                process.start()
                running[process.sentinel] = (process, run)
            for sentinel in wait(list(running)):
                process, run = running.pop(sentinel)
                process.join()
                yield run, process.exitcode or 0
    finally:
        for process, _ in running.values():
            process.terminate()
