"""What quality costs: score against parameters and against hours, with the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from reports.render.figures.style import EDGE, THEME, WIDE, Look, add_legend_beside, theme


@theme(THEME)
def draw_cost(costs: pd.DataFrame, styles: Mapping[str, Look]) -> Figure:
    """A panel per cost on a logarithmic axis, a point per backbone; the line joins those that no other one beats in
    both. The legend is in the order of the score.

    Parameters
    ----------
    costs : DataFrame
        Index: backbones; column `score`: mean normalised score, in [0, 1]; every other column a cost, its name that of
        the axis, positive, NaN where it is not known.

    Raises
    ------
    ValueError
        For fewer than two backbones, or if no cost is known: there is nothing to weigh.
    """
    if len(costs) < 2:
        raise ValueError(f"{len(costs)} backbone: weighing cost against quality needs two.")
    panels = [name for name in costs if name != "score"]
    if not panels:
        raise ValueError("neither parameters nor hours of any backbone are known.")
    order = costs.sort_values("score", ascending=False, kind="stable").index
    size = (min(WIDE, 2.3 * len(panels) + 2.0), max(2.4, 0.75 + 0.145 * len(costs)))
    figure = Figure(size, layout="constrained")
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, name in zip(grid, panels, strict=True):
        known = costs.loc[order, ["score", name]].dropna()
        front = pareto(known[name].to_numpy(), known["score"].to_numpy())
        line = known[front].sort_values(name)
        axes.step(
            line[name], 100 * line["score"], where="post", color="#777777", linewidth=1,
            linestyle=(0, (4, 2)), zorder=1, label="_front",
        )  # fmt: skip
        for backbone, point in known.iterrows():
            look = styles[str(backbone)]
            axes.plot(
                point[name], 100 * point["score"], look.marker, color=look.colour, markersize=6,
                markeredgecolor=EDGE, markeredgewidth=0.6, clip_on=False, zorder=3,
            )  # fmt: skip
        axes.set_xlabel(name)
        axes.margins(y=0.1)
        set_logarithmic(axes, known[name].to_numpy())
    grid[0].set_ylabel("mean normalised score")
    shown = [styles[str(backbone)] for backbone in order]
    handles = [
        Line2D([], [], color=look.colour, marker=look.marker, linestyle="", markersize=6,
               markeredgecolor=EDGE, markeredgewidth=0.6)
        for look in shown
    ]  # fmt: skip
    add_legend_beside(grid[-1], handles, shown)
    return figure


def pareto(cost: NDArray[np.float64], score: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points no other one beats: (n,) each, to (n,).

    A point is beaten by one that costs no more and scores no less, and is better in one of the two.
    """
    cheaper = cost[:, None] <= cost
    better = score[:, None] >= score
    strictly = (cost[:, None] < cost) | (score[:, None] > score)
    return np.logical_not((cheaper & better & strictly).any(axis=0))


def set_logarithmic(axes: Axes, values: NDArray[np.float64]) -> None:
    """A logarithmic axis whose ticks are plain numbers, at least two of them in sight."""
    axes.set_xscale("log")
    low, high = values.min() / 1.5, values.max() * 1.5
    axes.set_xlim(low, high)
    wide = high / low > 30
    axes.xaxis.set_major_locator(LogLocator(subs=(1,) if wide else (1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
