"""The curves that a pretraining run left."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean, median

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
    rows = scalars(folder)
    steps = rows[-1]["step"]
    found: dict[str, float] = {}
    for key in SEEN:
        values = [(row["step"], row[key]) for row in rows if key in row]
        if values:
            found[f"first {key}"] = mean(value for step, value in values if step <= AVERAGED)
            found[f"last {key}"] = mean(value for step, value in values if step > steps - AVERAGED)
    for key in ("time", "data_time", "solver_time"):
        times = [row[key] for row in rows if key in row]
        if times:
            found[key] = median(times)
    return found


def scalars(folder: Path) -> list[dict]:
    """The logged steps of a run, in order; of a step that a resumed run logged twice, the later."""
    by_step = {}
    for file in sorted(folder.glob("*/vis_data/scalars.json")):
        for line in file.read_text().splitlines():
            row = json.loads(line)
            if "loss" in row:
                by_step[row["step"]] = row
    return [by_step[step] for step in sorted(by_step)]
