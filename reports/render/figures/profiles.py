"""How a backbone does over all tasks: its interquartile mean, and on how many runs it scores above a threshold."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reports.render.figures.style import THEME, WIDE, Look, figure_height, name_rows, theme
from reports.statistics.aggregate import (
    interquartile_mean,
    performance_profile,
    stratified_interval,
)


@theme(THEME)
def draw_profiles(runs: Mapping[str, NDArray[np.float64]], styles: Mapping[str, Look]) -> Figure:
    """Interquartile means with intervals, and performance profiles (Agarwal et al., NeurIPS 2021): higher is better.

    Parameters
    ----------
    runs : mapping of str to ndarray
        Of each backbone, the normalised scores of its runs, (S, T), 0 the worst and 1 the best mean of a task.
    """
    order = sorted(runs, key=lambda name: (-interquartile_mean(runs[name]), name))
    figure = Figure((WIDE, max(2.5, figure_height(len(runs)))), layout="constrained")
    means, profiles = figure.subplots(1, 2, width_ratios=[2, 3])
    thresholds = np.unique(np.concatenate([scores.ravel() for scores in runs.values()]))
    for row, name in enumerate(order):
        look, found = styles[name], stratified_interval(interquartile_mean, runs[name])
        means.plot([found.low, found.high], [row, row], color=look.colour, linewidth=1.5)
        means.plot(found.mean, row, color=look.colour, marker=look.marker, markersize=5)
        # Between two scores nothing changes: steps, and from the left end on every run is above.
        x = np.concatenate([[min(0.0, thresholds[0])], thresholds])
        y = np.concatenate([[1.0], performance_profile(runs[name], thresholds)])
        profiles.step(
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
    name_rows(means, order, styles)
    means.set_xlabel("interquartile mean")
    profiles.set_xlabel("normalised score")
    profiles.set_ylabel("runs above it, percent")
    profiles.set_ylim(0, 104)
    return figure
