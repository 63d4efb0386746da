"""Read the curves that a pretraining run left: mmengine's scalars, a JSON object per line."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

PATTERN = "*/vis_data/scalars.json"


def read_curves(run: Path) -> pd.DataFrame:
    """The curves of a run: a row per step, a column per scalar; NaN where one was not logged.

    A run that went on after a stop has a folder per start, in the order of their names, which are times: where two of
    them logged the same scalar at the same step, the later one counts. The last line of a file may be cut short, as a
    killed run leaves it.

    Args:
        run: the folder of `python -m lvmmed_backbones pretrain`.

    Raises:
        FileNotFoundError: if there is no such folder, or it has no curves.
        ValueError: naming the file and the line that is no object of numbers with a step.
    """
    import pandas as pd

    if not run.is_dir():
        raise FileNotFoundError(
            f"{run}: no such folder. Name the work folder of a pretraining run."
        )
    files = sorted(run.glob(PATTERN))
    curves: dict[str, dict[int, float]] = defaultdict(dict)
    for file in files:
        for step, scalars in lines(file):
            for name, value in scalars.items():
                curves[name][step] = value
    if not curves:
        raise FileNotFoundError(
            f"{run}: no curves ({PATTERN}) in it. Name the work folder of a pretraining run that has begun."
        )
    return pd.DataFrame({name: pd.Series(points) for name, points in curves.items()}).sort_index()


def lines(file: Path) -> list[tuple[int, dict[str, float]]]:
    """The lines of a file: step, and what was logged there.

    Raises:
        OSError, ValueError: as `read_curves`.
    """
    texts = file.read_text(encoding="utf-8").split("\n")
    whole, last = texts[:-1], texts[-1]
    found = [line(text, f"{file}, line {number}") for number, text in enumerate(whole, 1) if text]
    try:
        return [*found, line(last, str(file))] if last else found
    except ValueError:  # cut short by a kill: what it would have said is not known
        return found


def line(text: str, place: str) -> tuple[int, dict[str, float]]:
    """Step and scalars of a line.

    Raises:
        ValueError: naming the place.
    """
    try:
        content = json.loads(text)
        step = content.pop("step")
        scalars = {name: float(value) for name, value in content.items()}
        if isinstance(step, bool) or not isinstance(step, int) or step < 0:
            raise TypeError(f"step is {step!r}")
        return step, scalars
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise ValueError(
            f"{place}: no line of mmengine's curves ({error!r}). Restore the file, or delete its folder."
        ) from error
