"""Threads that share the cores of a machine out among each other."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch


@contextmanager
def shared_cores(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Threads for work that is independent, each with its share of torch's threads.

    They need not wait for each other after each operation, as the threads within one operation must: on a machine that
    does other things, too, that takes many times as long. What has not begun when the block is left is dropped.
    """
    threads = torch.get_num_threads()
    share = max(1, threads // workers)
    executor = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(share,))
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)  # of threads to come, too
