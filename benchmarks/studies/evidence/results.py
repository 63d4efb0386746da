"""What a run of the study left: RESULT in its folder, and the curves of its pretraining."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.studies.evidence.variants import VARIANTS
from lvmmed_backbones.files.outside import Refused, read_json
from reports.reading.curves import read_curves

RESULT = "result.json"
AGAIN = "Remove it, and let `python -m benchmarks.studies.evidence pretrain` go on"
AVERAGED = 50  # steps at either end
SEEN = (
    "loss",
    "accuracy",
    "accuracy_without_noise",
    "second_order_share",
    "effective_rank",
    "spread",
)


def read_result(file: Path) -> dict[str, Any]:
    """A row of the study: `variant`, `seed`, and numbers or None.

    Raises
    ------
    FileNotFoundError
        If there is none.
    Refused
        If it is no such row.
    """
    row = read_json(file, AGAIN, within=file.parent)
    if not isinstance(row, dict) or row.get("variant") not in list(VARIANTS):
        raise Refused(file, "is of no variant of the study", AGAIN)
    for key, value in row.items():
        if key != "variant" and type(value) not in (int, float, type(None)):
            raise Refused(file, f"has {key} {value!r}, not a number", AGAIN)
    if type(row.get("seed")) is not int or "steps" not in row or "rate" not in row:
        raise Refused(file, "lacks its seed, steps or rate", AGAIN)
    return row


def ends(folder: Path) -> dict[str, float]:
    """The mean over the first and the last steps of each curve, and the median times of a step, in seconds."""
    curves = read_curves(folder)
    steps = curves["loss"].last_valid_index()
    row: dict[str, float] = {}
    for key in SEEN:
        if key in curves:
            row[f"first {key}"] = float(curves.loc[:AVERAGED, key].mean())
            row[f"last {key}"] = float(curves.loc[steps - AVERAGED + 1 :, key].mean())
    for key in ("time", "data_time", "solver_time"):
        if key in curves:
            row[key] = float(curves[key].median())
    return row
