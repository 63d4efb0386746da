"""What each backbone scored on one task, with confidence intervals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reports.metrics import metric_name
from reports.render.figures.style import (
    EDGE,
    NARROW,
    THEME,
    Look,
    figure_height,
    name_rows,
    theme,
)  # fmt: skip


@theme(THEME)
def draw_bars(scores: pd.DataFrame, metric: str, styles: Mapping[str, Look]) -> Figure:
    """Bars from zero in the frame's order, each with its figure in percent.

    Parameters
    ----------
    scores : DataFrame
        A row per backbone: `backbone`; `mean`, `low` and `high`, fractions; the latter NaN without an interval.
    metric : str
        Name of the score.
    """
    scores = scores.reset_index(drop=True)
    figure = Figure((NARROW, figure_height(len(scores))), layout="constrained")
    axes = figure.add_subplot()
    low, high = scores["low"].fillna(scores["mean"]), scores["high"].fillna(scores["mean"])
    for row, one in enumerate(scores.itertuples()):
        look = styles[one.backbone]
        axes.barh(
            row, 100 * one.mean, 0.7, facecolor=look.colour, hatch=look.hatch, edgecolor=EDGE,
            alpha=0.85,
        )  # fmt: skip
        axes.annotate(
            f"{100 * one.mean:.1f}", (100 * high[row], row), (3, 0),
            textcoords="offset points", va="center", fontsize=6.5,
        )  # fmt: skip
    axes.errorbar(
        100 * scores["mean"],
        range(len(scores)),
        xerr=100 * np.stack([scores["mean"] - low, high - scores["mean"]]),
        fmt="none",
        ecolor=EDGE,
        elinewidth=0.9,
        capsize=1.8,
    )
    name_rows(axes, scores["backbone"], styles)
    # Room for the longest figure beyond the longest interval.
    axes.set_xlim(0, max(1.0, 118 * high.max()))
    axes.set_xlabel(f"{metric_name(metric)}, percent")
    return figure
