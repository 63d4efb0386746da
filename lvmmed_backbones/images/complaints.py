"""Keep what libraries log and warn of over a foreign file: these are the file's words, not for our terminal."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silenced(*loggers: str) -> Iterator[list[str]]:
    """Drop Python's warnings within, and keep what a library logs in the list, in place of logging it.

    Parameters
    ----------
    loggers : str
        Names; a filter of one logger does not hold for those below it.
    """
    messages: list[str] = []

    def keep(record: logging.LogRecord) -> bool:
        messages.append(record.getMessage())
        return False

    for name in loggers:
        logging.getLogger(name).addFilter(keep)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield messages
    finally:
        for name in loggers:
            logging.getLogger(name).removeFilter(keep)
