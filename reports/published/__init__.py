"""The figures that LVM-Med's authors printed: the tables of arXiv 2306.11925.

lvm_med_2023.csv has a row per figure: its `table`; its `group`, a block of the table; its row, `method` and `backbone`;
its column, `task`, `protocol` and `metric`; `mean` and `std` in percent as printed, over `trials`; a `note`. Detection
is published only as the mean mAP50 of VinDr and Kvasir. For MMWHS the released code scores one structure, the left
atrium, as iou_3d.

layout.py has the tables of the paper, paper_rows.py the row and column of a measured run.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

FILE = Path(__file__).parent / "lvm_med_2023.csv"
TEXTS = ("table", "group", "method", "backbone", "task", "protocol", "metric")
COLUMNS = (*TEXTS, "mean", "std", "trials", "note")


def read(file: Path = FILE) -> pd.DataFrame:
    """Read the published figures, in the order of the paper.

    Returns
    -------
    DataFrame
        A row per figure with the columns of the file. Texts are empty if a table has no task or protocol, or a figure
        no note. `mean` and `std` are in percent as printed (parameters: millions); `std` is NaN if none is printed.
        `trials` is a nullable integer.

    Raises
    ------
    ValueError
        If a figure is out of range, unnamed or there twice; the message names the file, the line and the value.
    OSError
        If the file cannot be read.
    """
    figures = pd.read_csv(file, dtype=str, keep_default_na=False)
    if tuple(figures.columns) != COLUMNS:
        raise ValueError(f"{file}: columns {', '.join(figures.columns)}; not {', '.join(COLUMNS)}.")
    for name in ("mean", "std", "trials"):
        numbers = pd.to_numeric(figures[name].replace("", None), errors="coerce")
        _refuse(file, figures, name, numbers.isna() & (figures[name] != ""), "no number")
        figures[name] = numbers.astype("Int64" if name == "trials" else float)
    percent = figures["metric"] != "params_millions"
    _refuse(file, figures, "mean", ~figures["mean"].between(0, 100) & percent, "not in [0, 100]")
    _refuse(file, figures, "mean", ~(figures["mean"] > 0) & ~percent, "not positive")
    _refuse(file, figures, "std", figures["std"] < 0, "negative")
    for name in ("table", "group", "method", "backbone", "metric"):
        _refuse(file, figures, name, figures[name].str.strip() == "", "empty")
    _refuse(file, figures, "table", figures.duplicated([*TEXTS]), "a figure that is there twice")
    return figures


def _refuse(file: Path, figures: pd.DataFrame, name: str, wrong: pd.Series, why: str) -> None:
    """Raise ValueError for the first wrong figure; the message names its line."""
    if wrong.any():
        number = int(wrong.to_numpy().argmax())
        value = figures[name].iloc[number]
        raise ValueError(f"{file}, line {number + 2}: {name} is {value}, {why}. Restore the file.")
