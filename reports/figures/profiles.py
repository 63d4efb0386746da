"""On how many of its runs a backbone scores above a threshold, for every threshold at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from reports.figures.style import THEME, Look, legend_beside, theme
from reports.statistics.aggregate import interquartile_mean, performance_profile


@theme(THEME)
def draw(runs: Mapping[str, NDArray[np.float64]], styles: Mapping[str, Look]) -> Figure:
    """Performance profiles (Agarwal et al., NeurIPS 2021): a falling step line per backbone; higher is better.

    Args:
        runs: of each backbone, the normalised scores of its runs, (S, T), 0 the worst and 1 the best mean of a task.
    """
    thresholds = np.unique(np.concatenate([scores.ravel() for scores in runs.values()]))
    order = sorted(runs, key=lambda name: (-interquartile_mean(runs[name]), name))
    figure = Figure((5.2, max(2.5, 0.9 + 0.145 * len(runs))), layout="constrained")
    axes = figure.add_subplot()
    lines: list[Line2D] = []
    for name in order:
        look = styles[name]
        # Between two scores nothing changes: steps, and from the left end on every run is above.
        x = np.concatenate([[min(0.0, thresholds[0])], thresholds])
        y = np.concatenate([[1.0], performance_profile(runs[name], thresholds)])
        lines += axes.step(
            x,
            100 * y,
            where="post",
            color=look.colour,
            linestyle=look.line,
            marker=look.marker,
            markevery=0.15,
            markersize=3.5,
            markeredgewidth=0,
        )
    axes.set_xlabel("normalised score")
    axes.set_ylabel("runs above it, percent")
    axes.set_ylim(0, 104)
    legend_beside(axes, lines, [styles[name] for name in order])
    return figure
