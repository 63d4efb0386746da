"""The published figures beside the traps: the gaps between methods, and what the printed deviations hide (trap 12)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.stats import ttest_ind_from_stats

from benchmarks.studies.traps.scores import Pair
from reports import published

COLUMN = ["table", "task", "protocol", "metric"]
METRICS = {"dice_2d": "Dice (2D)", "iou_3d": "3D IoU", "accuracy": "accuracy"}
ALPHA = 0.05


def columns() -> list[pd.DataFrame]:
    """Return the columns of the paper's tables 2 to 5 with two methods or more, the best first.

    A column is a task by a protocol: rows of one metric that the paper compares.
    """
    figures = published.read()
    compared = figures[figures["table"].isin([f"table{n}" for n in (2, 3, 4, 5)])]
    groups = [rows.sort_values("mean", ascending=False) for _, rows in compared.groupby(COLUMN)]
    return [rows for rows in groups if len(rows) > 1]


def gaps() -> pd.DataFrame:
    """Return, by metric, the median lead of the best method and the median gap of neighbours in rank, in points."""
    rows = []
    for column in columns():
        steps = -np.diff(column["mean"])
        rows.append(dict(metric=column["metric"].iloc[0], lead=steps[0], neighbours=steps))
    return (
        pd.DataFrame(rows)
        .groupby("metric")
        .agg(
            columns=("lead", "size"),
            lead=("lead", "median"),
            neighbours=("neighbours", lambda steps: float(np.median(np.concatenate(list(steps))))),
        )
    )


def deviation(_: object) -> list[Pair]:
    """Trap 12: the printed deviation divides by the number of trials n, in place of n - 1."""
    figures = pd.concat(columns()).dropna(subset=["std", "trials"])
    pairs = []
    for metric, name in METRICS.items():
        rows = figures[figures["metric"] == metric]
        sample = rows["std"] * _factor(rows["trials"])
        pairs.append(
            Pair(f"median deviation of {name}", metric, None,
                 float(rows["std"].median()), float(sample.median()))
        )  # fmt: skip
    apart = np.array([_told_apart(a, b) for column in columns() for a, b in _neighbours(column)])
    told = 100 * apart.mean(0)
    case = f"neighbours in rank that Welch's test tells apart, % of {len(apart)}"
    return [*pairs, Pair(case, "", None, float(told[0]), float(told[1]))]


def _factor(trials: pd.Series) -> pd.Series:
    trials = trials.astype(float)
    return np.sqrt(trials / (trials - 1))


def _neighbours(column: pd.DataFrame) -> list[tuple[pd.Series, pd.Series]]:
    rows = [row for _, row in column.dropna(subset=["std", "trials"]).iterrows()]
    return list(pairwise(rows))


def _told_apart(a: pd.Series, b: pd.Series) -> tuple[bool, bool]:
    """Whether the test finds a difference, with the deviations as printed, and as of a sample."""
    trials = pd.Series([a["trials"], b["trials"]])
    factors = _factor(trials)
    found = []
    for wide in ((1.0, 1.0), factors):
        with np.errstate(divide="ignore", invalid="ignore"):
            test = ttest_ind_from_stats(
                *(a["mean"], a["std"] * wide[0], int(trials[0])),
                *(b["mean"], b["std"] * wide[1], int(trials[1])),
                equal_var=False,
            )
        found.append(bool(test.pvalue < ALPHA))
    return found[0], found[1]
