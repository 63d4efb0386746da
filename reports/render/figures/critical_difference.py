"""Mean ranks over tasks, and which of them the Nemenyi test cannot tell apart (Demsar, JMLR 7, 2006)."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scikit_posthocs import critical_difference_diagram

from reports.render.figures.style import EDGE, THEME, WIDE, Look, theme

ABOVE = 2.6  # rows over the axis, clear of its ticks


@theme(THEME)
def draw_critical_difference(
    mean_ranks: pd.Series, p_values: pd.DataFrame, critical_difference: float,
    styles: Mapping[str, Look], alpha: float = 0.05,
) -> Figure:  # fmt: skip
    """The diagram of scikit-posthocs: backbones along their mean rank, a bar over those of which none differs
    significantly from another.

    Parameters
    ----------
    mean_ranks : Series
        By backbone, 1 is best; perhaps of the leading ones alone.
    p_values : DataFrame
        (K, K) of the pairs, adjusted, index and columns: backbones.
    critical_difference : float
        Of two mean ranks at level `alpha`.

    Raises
    ------
    ValueError
        For fewer than three backbones: two need a paired test.
    """
    if len(mean_ranks) < 3:
        raise ValueError(f"{len(mean_ranks)} backbones: a critical difference needs three.")
    figure = Figure((WIDE, 1.35 + 0.11 * len(mean_ranks)), layout="constrained")
    # Its labels move with the scale that makes room for them, so the layout is not exact: room to spare.
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
    for (line,) in artists[
        "crossbars"
    ]:  # its points come in the order of a set, another in each process
        line.set_xdata(sorted(line.get_xdata()))
    axes.spines["top"].set_visible(True)
    for text in axes.texts:
        text.set_color("black")
    # Its own bar of the critical difference would lie on the ticks: a clear line above them instead.
    axes.errorbar(
        1 + critical_difference / 2, ABOVE, xerr=critical_difference / 2, fmt="none", ecolor=EDGE,
        elinewidth=1.2, capsize=2.5,
    )  # fmt: skip
    axes.annotate(
        f"CD {critical_difference:.2f}",
        (1 + critical_difference, ABOVE),
        (4, 0),
        textcoords="offset points",
        va="center",
        fontsize=6.5,
    )
    axes.set_xlim(1, max(len(mean_ranks), mean_ranks.max(), 1 + critical_difference))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure
