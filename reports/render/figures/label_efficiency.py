"""What a share of the labels suffices for: score against label fraction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reports.metrics import metric_name
from reports.render.figures.style import (
    EDGE,
    THEME,
    Look,
    add_legend_beside,
    percent,
    theme,
)  # fmt: skip

APART = 0.25  # decades between two tick labels at least


@theme(THEME)
def draw_label_efficiency(scores: pd.DataFrame, metric: str, styles: Mapping[str, Look]) -> Figure:
    """A line per backbone over the shares of labels on a logarithmic axis, with intervals; the legend is in the order
    of the right end.

    Parameters
    ----------
    scores : DataFrame
        A row per backbone and share: `backbone`, `label_fraction` in (0, 1]; `mean`, `low` and `high`, fractions; the
        latter NaN without an interval.
    metric : str
        Name of the score.

    Raises
    ------
    ValueError
        If no backbone has two shares.
    """
    if scores.groupby("backbone")["label_fraction"].nunique().max() < 2:
        raise ValueError("a curve needs two label fractions of a backbone.")
    curves = {name: rows.sort_values("label_fraction") for name, rows in scores.groupby("backbone")}
    order = sorted(
        curves,
        key=lambda n: (-curves[n]["label_fraction"].iloc[-1], -curves[n]["mean"].iloc[-1], n),
    )
    figure = Figure((5.2, max(2.5, 0.9 + 0.145 * len(order))), layout="constrained")
    axes = figure.add_subplot()
    # Side by side, within 6 %, so that no interval hides another.
    shift = 10 ** np.linspace(-0.025, 0.025, len(order)) if len(order) > 1 else [1.0]
    lines = []
    for name, beside in zip(order, shift, strict=True):
        rows, look = curves[name], styles[name]
        low, high = (rows[end].fillna(rows["mean"]) for end in ("low", "high"))
        line = axes.errorbar(
            rows["label_fraction"] * beside,
            100 * rows["mean"],
            yerr=100 * np.stack([rows["mean"] - low, high - rows["mean"]]),
            color=look.colour,
            marker=look.marker,
            linestyle=look.line,
            markeredgecolor=EDGE,
            markeredgewidth=0.5,
            elinewidth=0.7,
            capsize=1.5,
        )
        lines.append(line.lines[0])
        for bar in line.lines[2]:
            bar.set_alpha(0.6)
    axes.set_xscale("log")
    fractions = sorted(scores["label_fraction"].unique())
    axes.set_xticks(fractions, labels_apart(fractions))
    axes.minorticks_off()
    axes.set_xlabel("share of the labels")
    axes.set_ylabel(f"{metric_name(metric)}, percent")
    add_legend_beside(axes, lines, [styles[name] for name in order])
    return figure


def labels_apart(fractions: Iterable[float]) -> list[str]:
    """Tick labels of ascending fractions, some empty so that none touches the next; the largest is always there."""
    labels, last = [], np.inf
    for fraction in reversed(list(fractions)):
        room = last - np.log10(fraction) >= APART
        labels.append(percent(fraction) if room else "")
        last = np.log10(fraction) if room else last
    return labels[::-1]
