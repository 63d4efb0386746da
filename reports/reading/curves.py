"""Read the curves that a pretraining run left: mmengine's scalars, a JSON object per line."""

from __future__ import annotations

import json
import os
import reprlib
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from lvmmed_backbones.display import plain
from lvmmed_backbones.outside import MIB, Refused, read_text

if TYPE_CHECKING:
    import pandas as pd

SCALARS_FILE = Path("vis_data", "scalars.json")  # in the folder of a start
CURVES_REMEDY = "Restore the file, or delete its folder"
MOST_BYTES = 64 * MIB  # of a file; 100,000 steps have a third of it
MOST_FILES = 1000  # starts of a run
MOST_VALUES = 2 * 10**7  # steps times scalars


def read_curves(run: Path) -> pd.DataFrame:
    """The curves of a run: a row per step, a column per scalar; NaN where one was not logged.

    A run that went on after a stop has a folder per start, in the order of their names, which are times: where two of
    them logged the same scalar at the same step, the later one counts. The last line of a file may be cut short, as a
    killed run leaves it.

    Parameters
    ----------
    run : Path
        The folder of `python -m lvmmed_backbones pretrain`.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or it has no curves.
    Refused
        Naming the file that is no plain file of the run, and the line that is no object of numbers with a step; or if
        there is too much of it.
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
        for step, scalars in read_lines(file, run):
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


def read_lines(file: Path, run: Path) -> list[tuple[int, dict[str, float]]]:
    """The lines of a file of a run: step, and what was logged there.

    Raises
    ------
    Refused
        As `read_curves`.
    """
    try:
        texts = read_text(file, within=run, most=MOST_BYTES).split("\n")
    except FileNotFoundError:
        raise Refused(file, "is gone, or a link that leads nowhere", CURVES_REMEDY) from None
    whole, last = texts[:-1], texts[-1]
    found = [
        parse_line(text, f"{file}, line {number}") for number, text in enumerate(whole, 1) if text
    ]
    try:
        return [*found, parse_line(last, str(file))] if last else found
    except Refused:  # cut short by a kill: what it would have said is not known
        return found


def parse_line(text: str, place: str) -> tuple[int, dict[str, float]]:
    """Step and scalars of a line.

    Raises
    ------
    Refused
        Naming the place.
    """
    try:
        content = json.loads(text)
        step = content.pop("step")
        scalars = {name: parse_number(name, value) for name, value in content.items()}
        if type(step) is not int or not 0 <= step < 2**53:
            raise TypeError(f"step is {reprlib.repr(step)}")
        return step, scalars
    except (
        ValueError,
        TypeError,
        AttributeError,
        KeyError,
        RecursionError,
        OverflowError,
    ) as error:
        reason = f"no line of mmengine's curves ({type(error).__name__}: {error})"
        raise Refused(place, reason, CURVES_REMEDY) from error


def parse_number(name: str, value: object) -> float:
    """The value of a scalar.

    Raises
    ------
    TypeError, OverflowError
        If it is no number, or beyond the largest one.
    """
    if type(value) not in (int, float):
        raise TypeError(f"{reprlib.repr(name)} is {reprlib.repr(value)}")
    return float(value)  # type: ignore[arg-type]
