"""Logs and curves on a full disk: the run ends in one line, where their libraries would print a traceback each."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.runner import Runner

from lvmmed_backbones.files.writing import by_full_disk


@contextmanager
def ending_with_logs(runner: Runner) -> Iterator[None]:
    """Within, a line of the log that cannot be written raises its error, and TensorBoard's thread ends without words.

    TensorBoard itself raises the thread's error at the next point of a curve.
    """
    folder, said = Path(runner.work_dir), threading.excepthook

    def fail(record: logging.LogRecord) -> None:
        raise  # what is being handled

    def end(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is None or not by_full_disk(arguments.exc_value, folder):
            said(arguments)

    for handler in runner.logger.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.handleError = fail  # type: ignore[method-assign]
    threading.excepthook = end
    try:
        yield
    finally:
        threading.excepthook = said
