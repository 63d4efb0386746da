"""How the scores of single cases are spread: a box per backbone, a point per case."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

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

MOST_POINTS = 300  # beyond, points hide each other and swell the file: boxes and outliers alone


@theme(THEME)
def draw_boxes(
    scores: Mapping[str, NDArray[np.float64]], metric: str, styles: Mapping[str, Look]
) -> Figure:
    """Quartiles, median and whiskers (1.5 times the quartiles' distance, as Tukey has them); the best median on top.

    Parameters
    ----------
    scores : mapping of str to ndarray
        Of each backbone, those of its cases (C,), fractions; NaN are left out.
    metric : str
        Name of the score.

    Raises
    ------
    ValueError
        If a backbone has no defined score.
    """
    cases = {name: 100 * values[np.isfinite(values)] for name, values in scores.items()}
    for name, values in cases.items():
        if not len(values):
            raise ValueError(f"{name} has no case with a score: leave it out.")
    order = sorted(cases, key=lambda name: (-float(np.median(cases[name])), name))
    figure = Figure((NARROW, figure_height(len(order), 0.2)), layout="constrained")
    axes = figure.add_subplot()
    few = max(map(len, cases.values())) <= MOST_POINTS
    drawn = axes.boxplot(
        [cases[name] for name in order],
        positions=range(len(order)),
        orientation="horizontal",
        widths=0.62,
        patch_artist=True,
        manage_ticks=False,
        showfliers=not few,
        flierprops=dict(marker=".", markersize=2, markeredgecolor=EDGE, alpha=0.5),
        medianprops=dict(color=EDGE, linewidth=1.4),
        whiskerprops=dict(linewidth=0.7),
        capprops=dict(linewidth=0.7),
    )
    spread = np.random.default_rng(
        0
    )  # points beside each other; fixed, so that a figure is reproducible
    for row, (name, box) in enumerate(zip(order, drawn["boxes"], strict=True)):
        look = styles[name]
        box.set(facecolor=look.colour, hatch=look.hatch, edgecolor=EDGE, alpha=0.6, linewidth=0.7)
        if few:
            across = row + spread.uniform(-0.24, 0.24, len(cases[name]))
            axes.plot(
                cases[name], across, "o", markersize=2.4, color=EDGE, alpha=0.8,
                markeredgewidth=0.3, markeredgecolor="white", zorder=3,
            )  # fmt: skip
    name_rows(axes, order, styles)
    axes.set_xlabel(f"{metric_name(metric)} of a case, percent")
    return figure
