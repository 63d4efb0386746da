"""The curves of pretraining runs: loss, matching, rank of the features, accuracy of a probe."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from reports.render.figures.style import THEME, WIDE, Look, add_legend_beside, theme

PANELS = {
    "loss": "loss (of each method its own)",
    "accuracy": "matching accuracy",
    "effective_rank": "effective rank of the features",
    "probe/accuracy": "accuracy of nearest neighbours",
}
LARGEST = 1e15  # larger values have diverged, and no axis has room for them
# A curve of more points is smoothed over a 40th of them; the points are drawn behind it.
WINDOWS = 40


@theme(THEME)
def draw_pretraining(curves: Mapping[str, pd.DataFrame], styles: Mapping[str, Look]) -> Figure:
    """Draw a panel per scalar that any run logged, over steps: thin as logged, strong as a running median.

    Parameters
    ----------
    curves : mapping of str to DataFrame
        Result of `reports.reading.curves.read_curves` of each run.

    Raises
    ------
    ValueError
        If no run logged any of the scalars at two steps.
    """
    shown = panels(curves)
    if not shown:
        raise ValueError(f"no run logged {', '.join(PANELS)} at two steps.")
    rows, columns = -(-len(shown) // 2), min(2, len(shown))
    size = (WIDE, max(1.1 + 1.75 * rows, 0.9 + 0.145 * len(curves)))
    figure = Figure(size)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(shown) :]:
        axes.remove()
    for axes, name in zip(grid, shown, strict=False):
        for run, frame in curves.items():
            if name in frame:
                _draw_curve(axes, frame[name], styles[run])
        axes.set_title(PANELS[name], loc="left")
        axes.set_xlabel("step")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    looks = [styles[run] for run in curves]
    handles = [Line2D([], [], **look.curve, markersize=3.5) for look in looks]
    add_legend_beside(grid[columns - 1], handles, looks)
    return figure


def panels(curves: Mapping[str, pd.DataFrame]) -> list[str]:
    """The scalars of `PANELS` that a run logged at two or more steps."""
    return [
        name
        for name in PANELS
        if any(name in c and len(_drawable(c[name])) > 1 for c in curves.values())
    ]


def _drawable(values: pd.Series) -> pd.Series:
    """The values that are finite and within `LARGEST`, in the order of their steps."""
    return values[values.abs() <= LARGEST]


def _draw_curve(axes: Axes, values: pd.Series, look: Look) -> None:
    """Draw a scalar over its steps."""
    points = _drawable(values)
    width = len(points) // WINDOWS
    smooth = points
    if width > 1:
        smooth = points.rolling(width, center=True, min_periods=1).median()
        axes.plot(points.index, points, color=look.colour, linewidth=0.5, alpha=0.35)
    every = (0, max(1, len(smooth) // 8))
    axes.plot(smooth.index, smooth, **look.curve, markevery=every, markersize=3.5)
