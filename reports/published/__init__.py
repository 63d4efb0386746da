"""The figures that LVM-Med's authors printed: the tables of arXiv 2306.11925, a figure a row.

lvm_med_2023.csv has, for each: `table`; `group`, a block of it; `method` and `backbone`, its row; `task`, `protocol`
and `metric`, its column; `mean` and `std` in percent as printed, over `trials`; a `note`. Detection is published only
as the mean mAP50 of VinDr and Kvasir. The released code scores one structure of MMWHS (the left atrium) as iou_3d.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

FILE = Path(__file__).parent / "lvm_med_2023.csv"
TEXTS = ("table", "group", "method", "backbone", "task", "protocol", "metric")
COLUMNS = (*TEXTS, "mean", "std", "trials", "note")


def read(file: Path = FILE) -> pd.DataFrame:
    """The published figures, in the order of the paper.

    Returns
    -------
    DataFrame
        A row per figure with the columns of the file: texts (empty where a table has no task or protocol, or there is
        no note), `mean` and `std` in percent as printed (parameters: millions; `std` NaN where none is printed),
        `trials` a nullable integer.

    Raises
    ------
    ValueError
        Naming the file, the line and the value, if a figure is out of range, unnamed or there twice.
    OSError
        If the file cannot be read.
    """
    figures = pd.read_csv(file, dtype=str, keep_default_na=False)
    if tuple(figures.columns) != COLUMNS:
        raise ValueError(f"{file}: columns {', '.join(figures.columns)}; not {', '.join(COLUMNS)}.")
    for name in ("mean", "std", "trials"):
        numbers = pd.to_numeric(figures[name].replace("", None), errors="coerce")
        refuse_wrong(file, figures, name, numbers.isna() & (figures[name] != ""), "no number")
        figures[name] = numbers.astype("Int64" if name == "trials" else float)
    percent = figures["metric"] != "params_millions"
    refuse_wrong(
        file, figures, "mean", ~figures["mean"].between(0, 100) & percent, "not in [0, 100]"
    )
    refuse_wrong(file, figures, "mean", ~(figures["mean"] > 0) & ~percent, "not positive")
    refuse_wrong(file, figures, "std", figures["std"] < 0, "negative")
    for name in ("table", "group", "method", "backbone", "metric"):
        refuse_wrong(file, figures, name, figures[name].str.strip() == "", "empty")
    refuse_wrong(
        file, figures, "table", figures.duplicated([*TEXTS]), "a figure that is there twice"
    )
    return figures


def refuse_wrong(file: Path, figures: pd.DataFrame, name: str, wrong: pd.Series, why: str) -> None:
    """Raise ValueError for the first figure that is wrong, naming its line."""
    if wrong.any():
        number = int(wrong.to_numpy().argmax())
        value = figures[name].iloc[number]
        raise ValueError(f"{file}, line {number + 2}: {name} is {value}, {why}. Restore the file.")
