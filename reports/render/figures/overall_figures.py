"""Figures over all tasks: critical difference of mean ranks, performance profiles, cost against quality."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray
from scikit_posthocs import critical_difference_diagram

from reports.render.figures.style import (
    EDGE,
    THEME,
    WIDE,
    Look,
    add_legend_beside,
    figure_height,
    name_rows,
    theme,
)
from reports.statistics.aggregate import (
    interquartile_mean,
    performance_profile,
    stratified_interval,
)

ABOVE = 2.6  # rows over the axis, clear of the ticks


@theme(THEME)
def draw_critical_difference(
    mean_ranks: pd.Series, p_values: pd.DataFrame, critical_difference: float,
    styles: Mapping[str, Look], alpha: float = 0.05,
) -> Figure:  # fmt: skip
    """Draw the diagram of scikit-posthocs: backbones along their mean rank, a bar over those that do not differ.

    Parameters
    ----------
    mean_ranks : Series
        Mean rank by backbone, 1 is best; perhaps of the leading ones alone.
    p_values : DataFrame
        (K, K) adjusted p-values of the pairs; index and columns: backbones.
    critical_difference : float
        Least significant difference of two mean ranks at level `alpha`.

    Raises
    ------
    ValueError
        For fewer than three backbones, since two need a paired test.
    """
    if len(mean_ranks) < 3:
        raise ValueError(f"{len(mean_ranks)} backbones: a critical difference needs three.")
    figure = Figure((WIDE, 1.35 + 0.11 * len(mean_ranks)))
    # Labels move with the scale that makes room for them, so the layout is not exact and needs room to spare.
    figure.get_layout_engine().set(w_pad=0.12)  # type: ignore[union-attr]
    axes = figure.add_subplot()
    axes.grid(visible=False)
    short = {name: styles[name].name for name in mean_ranks.index}
    artists = critical_difference_diagram(
        mean_ranks.rename(short),
        p_values.rename(index=short, columns=short),
        alpha=alpha,
        ax=axes,
        label_fmt_left="{label}  {rank:.2f} ",
        label_fmt_right=" {rank:.2f}  {label}",
        label_props=dict(fontsize=6.5),
        marker_props=dict(s=14, edgecolors=EDGE, linewidths=0.5, clip_on=False),
        elbow_props=dict(linewidth=0.8, clip_on=False),
        crossbar_props=dict(color=EDGE, linewidth=1.8),
        color_palette={short[name]: styles[name].colour for name in mean_ranks.index},
        text_h_margin=0.012 * len(mean_ranks),
    )
    for (line,) in artists["crossbars"]:  # the order of their points differs between processes
        line.set_xdata(sorted(line.get_xdata()))
    axes.spines["top"].set_visible(True)
    for text in axes.texts:
        text.set_color("black")
    # The diagram's own bar of the critical difference would lie on the ticks. This one stands clear above them.
    axes.errorbar(
        1 + critical_difference / 2, ABOVE, xerr=critical_difference / 2, fmt="none", ecolor=EDGE,
        elinewidth=1.2, capsize=2.5,
    )  # fmt: skip
    axes.annotate(
        f"CD {critical_difference:.2f}", (1 + critical_difference, ABOVE), (4, 0),
        textcoords="offset points", va="center", fontsize=6.5,
    )  # fmt: skip
    axes.set_xlim(1, max(len(mean_ranks), mean_ranks.max(), 1 + critical_difference))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


@theme(THEME)
def draw_profiles(runs: Mapping[str, NDArray[np.float64]], styles: Mapping[str, Look]) -> Figure:
    """Draw interquartile means with intervals, and performance profiles (Agarwal et al., NeurIPS 2021).

    Parameters
    ----------
    runs : mapping of str to ndarray
        Normalised scores of the runs of each backbone, (S, T); 0 is the worst and 1 the best mean of a task.
    """
    order = sorted(runs, key=lambda name: (-interquartile_mean(runs[name]), name))
    figure = Figure((WIDE, max(2.5, figure_height(len(runs)))))
    means, profiles = figure.subplots(1, 2, width_ratios=[2, 3])
    thresholds = np.unique(np.concatenate([scores.ravel() for scores in runs.values()]))
    for row, name in enumerate(order):
        look, interval = styles[name], stratified_interval(interquartile_mean, runs[name])
        means.plot([interval.low, interval.high], [row, row], color=look.colour, linewidth=1.5)
        means.plot(interval.mean, row, color=look.colour, marker=look.marker, markersize=5)
        # Nothing changes between two scores, so it is steps. At the left end every run is above.
        x = np.concatenate([[min(0.0, thresholds[0])], thresholds])
        y = np.concatenate([[1.0], performance_profile(runs[name], thresholds)])
        profiles.step(
            x,
            100 * y,
            where="post",
            **look.curve,
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


@theme(THEME)
def draw_cost(costs: pd.DataFrame, styles: Mapping[str, Look]) -> Figure:
    """Draw a panel per cost, a point per backbone, and a line along the Pareto front; the legend is in order of score.

    Parameters
    ----------
    costs : DataFrame
        Index: backbones; column `score`: mean normalised score, in [0, 1]. Every other column is a cost, positive, NaN
        where it is unknown; its name is that of the axis.

    Raises
    ------
    ValueError
        For fewer than two backbones, or if no cost is known.
    """
    if len(costs) < 2:
        raise ValueError(f"{len(costs)} backbone: weighing cost against quality needs two.")
    panels = [name for name in costs if name != "score"]
    if not panels:
        raise ValueError("neither parameters nor hours of any backbone are known.")
    order = costs.sort_values("score", ascending=False, kind="stable").index
    size = (min(WIDE, 2.3 * len(panels) + 2.0), max(2.4, 0.75 + 0.145 * len(costs)))
    figure = Figure(size)
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
        _set_logarithmic(axes, known[name].to_numpy())
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
    """Whether no other point beats a point, in cost and score: (n,) each, to (n,).

    A point beats another if it costs no more and scores no less, and is better in one of the two.
    """
    cheaper = cost[:, None] <= cost
    better = score[:, None] >= score
    strictly = (cost[:, None] < cost) | (score[:, None] > score)
    return np.logical_not((cheaper & better & strictly).any(axis=0))


def _set_logarithmic(axes: Axes, values: NDArray[np.float64]) -> None:
    """Make the axis logarithmic, with plain numbers at its ticks, at least two of them."""
    axes.set_xscale("log")
    low, high = values.min() / 1.5, values.max() * 1.5
    axes.set_xlim(low, high)
    wide = high / low > 30
    axes.xaxis.set_major_locator(LogLocator(subs=(1,) if wide else (1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
