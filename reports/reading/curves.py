"""Read the curves of a pretraining run: mmengine's scalars, a JSON object per line."""

from __future__ import annotations

import json
import os
import reprlib
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import MIB, Refused, read_text

if TYPE_CHECKING:
    import pandas as pd

SCALARS_FILE = Path("vis_data", "scalars.json")  # in the folder of each start
CURVES_REMEDY = "Restore the file, or delete its folder"
MOST_BYTES = 64 * MIB  # of a file; 100,000 steps have a third of them
MOST_FILES = 1000  # starts of a run
UNSOUND = (ValueError, TypeError, AttributeError, KeyError, RecursionError, OverflowError)
MOST_VALUES = 2 * 10**7  # steps times scalars


def read_curves(run: Path) -> pd.DataFrame:
    """The curves of a run: a row per step, a column per scalar; NaN where one was not logged.

    A run that went on after a stop has a folder per start, whose names are times. If two of them logged the same scalar
    at the same step, the later one counts. The last line of a file may be cut short, as a killed run leaves it.

    Parameters
    ----------
    run : Path
        Folder that `python -m lvmmed_backbones pretrain` wrote.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or it has no curves.
    Refused
        If a file is no plain file of the run, a line is no object of numbers with a step, or there is too much; the
        message names the file and the line.
    """
    import pandas as pd

    if not run.is_dir():
        raise FileNotFoundError(
            f"{plain(run)}: no such folder. Name the work folder of a pretraining run."
        )
    starts = sorted(run.iterdir())
    files = [start / SCALARS_FILE for start in starts if os.path.lexists(start / SCALARS_FILE)]
    if len(files) > MOST_FILES:
        raise Refused(run, f"has {len(files):,} starts, more than {MOST_FILES:,}", "Is it one run?")
    steps: set[int] = set()
    curves: dict[str, dict[int, float]] = defaultdict(dict)
    for file in files:
        for step, scalars in _read_lines(file, run):
            steps.add(step)
            for name, value in scalars.items():
                curves[name][step] = value
        if len(steps) * len(curves) > MOST_VALUES:
            size = f"{len(steps):,} steps of {len(curves):,} scalars"
            raise Refused(file, f"has {size}, more than {MOST_VALUES:,} values", "Is it one run?")
    if not curves:
        raise FileNotFoundError(
            f"{plain(run)}: no curves (*/{SCALARS_FILE}) in it. "
            "Name the work folder of a pretraining run that has begun."
        )
    return pd.DataFrame({name: pd.Series(points) for name, points in curves.items()}).sort_index()


def _read_lines(file: Path, run: Path) -> list[tuple[int, dict[str, float]]]:
    """The lines of a file of a run: step and scalars of each."""
    try:
        texts = read_text(file, within=run, most=MOST_BYTES).split("\n")
    except FileNotFoundError:
        raise Refused(file, "is gone, or a link that leads nowhere", CURVES_REMEDY) from None
    *complete, last = texts
    lines = [_parse_line(text, f"{file}, line {n}") for n, text in enumerate(complete, 1) if text]
    try:
        return [*lines, _parse_line(last, str(file))] if last else lines
    except Refused:  # cut short by a kill
        return lines


def _parse_line(text: str, place: str) -> tuple[int, dict[str, float]]:
    """Step and scalars of a line; raise Refused, which names the place, if it has none."""
    try:
        content = json.loads(text)
        step = content.pop("step")
        scalars = {name: _parse_number(name, value) for name, value in content.items()}
        if type(step) is not int or not 0 <= step < 2**53:
            raise TypeError(f"step is {reprlib.repr(step)}")
        return step, scalars
    except UNSOUND as error:
        reason = f"no line of mmengine's curves ({type(error).__name__}: {error})"
        raise Refused(place, reason, CURVES_REMEDY) from error


def _parse_number(name: str, value: object) -> float:
    """The value of a scalar; raise TypeError if it is no number, OverflowError if it is too large."""
    if type(value) not in (int, float):
        raise TypeError(f"{reprlib.repr(name)} is {reprlib.repr(value)}")
    return float(value)  # type: ignore[arg-type]
