"""Figures of one task: bars of means, boxes of cases, a heat map of ranks, curves of label efficiency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reports.reading.metrics import metric_name
from reports.render.figures.style import (
    EDGE,
    NARROW,
    THEME,
    Look,
    add_legend_beside,
    figure_height,
    name_rows,
    percent,
    theme,
)


@theme(THEME)
def draw_bars(scores: pd.DataFrame, metric: str, styles: Mapping[str, Look]) -> Figure:
    """Draw bars from zero in the frame's order, each with its score in percent.

    Parameters
    ----------
    scores : DataFrame
        A row per backbone: `backbone`; `mean`, `low` and `high`, fractions; the latter NaN without an interval.
    metric : str
        Name of the score.
    """
    scores = scores.reset_index(drop=True)
    figure = Figure((NARROW, figure_height(len(scores))))
    axes = figure.add_subplot()
    high = scores["high"].fillna(scores["mean"])
    for row, score in enumerate(scores.itertuples()):
        look = styles[score.backbone]
        axes.barh(
            row, 100 * score.mean, 0.7, facecolor=look.colour, hatch=look.hatch, edgecolor=EDGE,
            alpha=0.85,
        )  # fmt: skip
        axes.annotate(
            f"{100 * score.mean:.1f}", (100 * high[row], row), (3, 0),
            textcoords="offset points", va="center", fontsize=6.5,
        )  # fmt: skip
    axes.errorbar(
        100 * scores["mean"], range(len(scores)), xerr=_whiskers(scores), fmt="none", ecolor=EDGE,
        elinewidth=0.9, capsize=1.8,
    )  # fmt: skip
    name_rows(axes, scores["backbone"], styles)
    # There is room for the longest number beyond the longest interval.
    axes.set_xlim(0, max(1.0, 118 * high.max()))
    axes.set_xlabel(f"{metric_name(metric)}, percent")
    return figure


def _whiskers(scores: pd.DataFrame) -> NDArray[np.float64]:
    """(2, K) distance of the ends of each interval from the mean, in percent; 0 without an interval."""
    low, high = (scores[end].fillna(scores["mean"]) for end in ("low", "high"))
    return 100 * np.stack([scores["mean"] - low, high - scores["mean"]])


MOST_POINTS = 300  # more points hide each other and swell the file; then outliers alone are drawn


@theme(THEME)
def draw_boxes(
    scores: Mapping[str, NDArray[np.float64]], metric: str, styles: Mapping[str, Look]
) -> Figure:
    """Draw quartiles, median and whiskers (1.5 times the quartiles' distance, as Tukey's); the best median is on top.

    Parameters
    ----------
    scores : mapping of str to ndarray
        Scores of the cases of each backbone, (C,), fractions; NaN is left out.
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
    figure = Figure((NARROW, figure_height(len(order), 0.2)))
    axes = figure.add_subplot()
    few = max(map(len, cases.values())) <= MOST_POINTS
    drawn = axes.boxplot(
        [cases[name] for name in order],
        positions=range(len(order)),
        orientation="horizontal",
        widths=0.62,
        manage_ticks=False,
        showfliers=not few,
        flierprops=dict(marker=".", markersize=2, markeredgecolor=EDGE, alpha=0.5),
    )
    spread = np.random.default_rng(0)  # puts points beside each other, the same in each call
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


# From white to Okabe and Ito's blue: one hue that grows darker, so that it reads in grey, too.
SHARE = LinearSegmentedColormap.from_list("share", ["#ffffff", "#0072B2", "#00324f"])
DARK = 0.45  # letters on darker shares are white


@theme(THEME)
def draw_rank_stability(shares: pd.DataFrame, styles: Mapping[str, Look]) -> Figure:
    """Draw a heat map: a row per backbone in the frame's order, a column per rank, the share in percent.

    Parameters
    ----------
    shares : DataFrame
        Shares in [0, 1]; each row adds up to 1. Index: backbones; columns: ranks from 1, the last one perhaps of all
        ranks beyond.
    """
    rows, columns = shares.shape
    figure = Figure((max(NARROW, 1.9 + 0.3 * columns), figure_height(rows, 0.2)))
    axes = figure.add_subplot()
    axes.grid(visible=False)
    # The cells of a mesh stay vectors, those of an image would not. 0 stays clear for the mark behind it.
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


APART = 0.25  # least distance of two tick labels, in decades


@theme(THEME)
def draw_label_efficiency(scores: pd.DataFrame, metric: str, styles: Mapping[str, Look]) -> Figure:
    """Draw a line with intervals per backbone over the shares of labels; the legend is in the order of the right end.

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
    figure = Figure((5.2, max(2.5, 0.9 + 0.145 * len(order))))
    axes = figure.add_subplot()
    # Points lie side by side, within 6 %, so that no interval hides another.
    shift = 10 ** np.linspace(-0.025, 0.025, len(order)) if len(order) > 1 else [1.0]
    lines = []
    for name, beside in zip(order, shift, strict=True):
        rows, look = curves[name], styles[name]
        line = axes.errorbar(
            rows["label_fraction"] * beside, 100 * rows["mean"], yerr=_whiskers(rows), **look.curve,
            markeredgecolor=EDGE, markeredgewidth=0.5, elinewidth=0.7, capsize=1.5,
        )  # fmt: skip
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
    """Tick labels of ascending fractions; some are empty, so that none touches the next, but never the largest."""
    labels, last = [], np.inf
    for fraction in reversed(list(fractions)):
        room = last - np.log10(fraction) >= APART
        labels.append(percent(fraction) if room else "")
        last = np.log10(fraction) if room else last
    return labels[::-1]
