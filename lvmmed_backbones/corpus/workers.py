"""Work in processes, of which a file may kill one: that file is found, and the rest of the work goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

import cv2

from lvmmed_backbones.stopping import die_with_parent

Task = TypeVar("Task")
Result = TypeVar("Result")


def results(
    work: Callable[[Task], Result], tasks: Iterable[Task], workers: int
) -> Iterator[tuple[Task, Result | BrokenProcessPool]]:
    """Yield every task with its result as it ends; if the task kills its process, with that error.

    If a process dies, its whole pool breaks, and does not tell which task did it. So each of the remaining tasks gets a
    process of its own, in order, until one kills its process again. Then a pool takes the rest.

    Parameters
    ----------
    work : callable
        May raise, which ends everything; tasks: that can be pickled.
    workers : int
        Processes.
    """
    left = dict.fromkeys(tasks)
    while left:
        pool = _processes(workers)
        try:
            futures = {pool.submit(work, task): task for task in left}
            for future in as_completed(futures):
                if isinstance(future.exception(), BrokenProcessPool):
                    continue
                del left[futures[future]]
                yield futures[future], future.result()
        except BrokenProcessPool:  # before everything was submitted
            pass
        finally:
            pool.shutdown(cancel_futures=True)
        for task in list(left):
            result = alone(work, task)
            del left[task]
            yield task, result
            if isinstance(result, BrokenProcessPool):
                break


def alone(work: Callable[[Task], Result], task: Task) -> Result | BrokenProcessPool:
    """Return the result of a task in a process of its own, or the error if it kills that process."""
    with _processes(1) as pool:
        try:
            return pool.submit(work, task).result()
        except BrokenProcessPool as error:
            return error


def _processes(count: int) -> ProcessPoolExecutor:
    """Return a pool of processes, in which OpenCV uses one thread; they end when this one does, however it ends."""
    return ProcessPoolExecutor(count, initializer=_begin_process)


def _begin_process() -> None:
    """Prepare a process of the pool."""
    die_with_parent()
    cv2.setNumThreads(0)
