"""The ends of the curves that a pretraining run left."""

from __future__ import annotations

from pathlib import Path

from reports.curves import read_curves

AVERAGED = 50  # steps at either end
SEEN = (
    "loss",
    "accuracy",
    "accuracy_without_noise",
    "second_order_share",
    "effective_rank",
    "spread",
)


def ends(folder: Path) -> dict[str, float]:
    """The mean over the first and the last steps of each curve, and the median times of a step, in seconds."""
    curves = read_curves(folder)
    steps = curves["loss"].last_valid_index()
    found: dict[str, float] = {}
    for key in SEEN:
        if key in curves:
            found[f"first {key}"] = float(curves.loc[:AVERAGED, key].mean())
            found[f"last {key}"] = float(curves.loc[steps - AVERAGED + 1 :, key].mean())
    for key in ("time", "data_time", "solver_time"):
        if key in curves:
            found[key] = float(curves[key].median())
    return found
