"""How often each backbone takes each rank when the cases are drawn anew."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from reports.render.figures.style import NARROW, THEME, Look, figure_height, name_rows, theme

# White to Okabe and Ito's blue: one hue, ever darker, so that it reads in grey too.
SHARE = LinearSegmentedColormap.from_list("share", ["#ffffff", "#0072B2", "#00324f"])
DARK = 0.45  # from here on, white letters


@theme(THEME)
def draw_rank_stability(shares: pd.DataFrame, styles: Mapping[str, Look]) -> Figure:
    """A heat map: a row per backbone in the frame's order, a column per rank, the share in percent.

    Parameters
    ----------
    shares : DataFrame
        Index: backbones, columns: ranks from 1, the last one perhaps of all beyond; values: shares in [0, 1] that add
        up to 1 in each row.
    """
    rows, columns = shares.shape
    figure = Figure(
        (max(NARROW, 1.9 + 0.3 * columns), figure_height(rows, 0.2)), layout="constrained"
    )
    axes = figure.add_subplot()
    axes.grid(visible=False)
    # Cells of a mesh stay vectors, an image would not; 0 stays clear for the mark behind it.
    mesh = axes.pcolormesh(
        range(columns), range(rows), shares.where(shares > 0), cmap=SHARE, vmin=0, vmax=1,
        edgecolors="#cccccc", linewidth=0.4, shading="nearest",
    )  # fmt: skip
    for (row, column), share in np.ndenumerate(shares.to_numpy()):
        if round(100 * share):
            axes.text(
                column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=5.8,
                color="white" if share > DARK else "black",
            )  # fmt: skip
    name_rows(axes, shares.index, styles)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_xticks(range(columns), [str(rank) for rank in shares.columns])
    axes.tick_params(axis="x", length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("rank")
    bar = figure.colorbar(mesh, ax=axes, fraction=0.04, pad=0.02, ticks=[0, 0.5, 1])
    bar.ax.set_yticklabels(["0 %", "50 %", "100 %"])
    bar.outline.set_linewidth(0.4)  # type: ignore[operator]
    return figure
