"""What libraries log over a foreign file: it is the file's words, and no text for our terminal."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept(*loggers: str) -> Iterator[list[str]]:
    """The messages that a library logs within, in place of logging them.

    Parameters
    ----------
    loggers : str
        By name; a filter of one does not hold for those below it.
    """
    said: list[str] = []

    def keep(record: logging.LogRecord) -> bool:
        said.append(record.getMessage())
        return False

    for name in loggers:
        logging.getLogger(name).addFilter(keep)
    try:
        yield said
    finally:
        for name in loggers:
            logging.getLogger(name).removeFilter(keep)
