"""Tables and a figure of the study, made from the results of `pretrain`."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from benchmarks.studies.evidence.study import RESULT, read_result
from benchmarks.studies.evidence.variants import VARIANTS
from reports.render.figures.style import EDGE, PALETTE, THEME, WIDE, save_figure, theme
from reports.render.files import write_texts

MEASURES = {"neighbours valid": "5 nearest neighbours", "linear valid": "linear classifier"}
STYLES = {  # by learning rate
    1e-3: dict(color=PALETTE[1], marker="s", fillstyle="none"),
    3e-3: dict(color=PALETTE[0], marker="o"),
    1e-2: dict(color=PALETTE[3], marker="^"),
}
COLUMNS = {  # of the tables: key, title, factor, digits
    "neighbours valid": ("neighbours, valid", 100, 1),
    "linear valid": ("linear, valid", 100, 1),
    "neighbours test": ("neighbours, test", 100, 1),
    "linear test": ("linear, test", 100, 1),
    "neighbours clean": ("neighbours, test without copies", 100, 1),
    "linear clean": ("linear, test without copies", 100, 1),
    "last accuracy_without_noise": ("matched to itself", 100, 0),
    "last second_order_share": ("changed by 2nd order", 100, 0),
    "last effective_rank": ("effective rank", 1, 0),
    "time": ("step, s", 1, 2),
}


def _read_results(work: Path) -> pd.DataFrame:
    """Return a row for each result, in the order of the variants.

    Raises
    ------
    FileNotFoundError
        If there is no result.
    ValueError
        If nothing was pretrained.
    """
    rows = [read_result(file) for file in sorted(work.glob(f"*/{RESULT}"))]
    if not rows:
        raise FileNotFoundError(
            f"{work} holds no */{RESULT}: run `python -m benchmarks.studies.evidence pretrain` first"
        )
    frame = pd.DataFrame(rows).sort_values("seed", kind="stable")
    if frame["steps"].isna().all():
        raise ValueError(f"{work} holds untrained networks only: let `pretrain` go on")
    return frame.sort_values(
        "variant", key=lambda names: names.map(list(VARIANTS).index), kind="stable"
    )


def _markdown(frame: pd.DataFrame) -> str:
    """Return a table for each length of pretraining: mean ± sample standard deviation over the seeds, in percent."""
    trained = frame[frame["steps"].notna()]
    untrained = frame[frame["steps"].isna()]
    titles = [title for title, _, _ in COLUMNS.values()]
    lines = []
    for steps, rows in trained.groupby("steps"):
        lines.append(f"### {steps:,.0f} steps\n")
        lines.append("| question | variant | seeds | " + " | ".join(titles) + " |")
        lines.append("|---|---|---:|" + "---:|" * len(titles))
        for name, seeds in pd.concat([untrained, rows]).groupby("variant", sort=False):
            cells = [VARIANTS[name].question, name, str(len(seeds))]
            cells += [cell(seeds, key) for key in COLUMNS]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append(f"\n{_rank_correlation(rows)}\n")
    return "\n".join(lines)


def cell(rows: pd.DataFrame, key: str) -> str:
    """Return a cell of a table: a mean, with its deviation where there are several seeds."""
    _, factor, digits = COLUMNS[key]
    values = rows[key].dropna() * factor if key in rows else pd.Series(dtype=float)
    if not len(values):
        return ""
    text = f"{values.mean():.{digits}f}"
    return text if len(values) < 2 or key == "time" else f"{text} ± {values.std():.{digits}f}"


def _rank_correlation(rows: pd.DataFrame) -> str:
    """Return a sentence: do variants of LVM-Med that match more images to themselves have the better features?"""
    matched = rows.dropna(subset="last accuracy_without_noise")
    correlation = spearmanr(matched["last accuracy_without_noise"], matched["neighbours valid"])
    return (
        f"Spearman's rank correlation of matched to itself and neighbours, over {len(matched)} runs of LVM-Med: "
        f"{correlation.statistic:.2f} (p = {correlation.pvalue:.2g})."
    )


@theme(THEME)
def _draw(frame: pd.DataFrame) -> Figure:
    """Draw a panel for each probe: a line for each variant, a dot for each seed, coloured by the learning rate.

    Parameters
    ----------
    frame : DataFrame
        Results of runs of one length, and of untrained networks.
    """
    frame = frame.assign(line=frame["variant"].str.partition(", rate ")[0])
    lines = list(dict.fromkeys(frame.loc[frame["rate"].notna(), "line"]))
    figure = Figure((WIDE, 0.9 + 0.16 * len(lines)), layout="constrained")
    panels = figure.subplots(1, len(MEASURES), sharey=True)
    for axes, (key, title) in zip(panels, MEASURES.items(), strict=True):
        for rate, style in STYLES.items():
            dots = frame[frame["rate"] == rate]
            heights = [lines.index(name) for name in dots["line"]]
            axes.plot(
                100 * dots[key],
                heights,
                linestyle="",
                markersize=4,
                alpha=0.8,
                label=f"learning rate {rate:g}",
                **style,
            )
        for name in ("random", "simclr"):
            _draw_reference(axes, 100 * frame.loc[frame["variant"] == name, key], name)
        axes.set_title(title, loc="left")
        axes.set_xlabel("accuracy on brain_tumor's valid split, %")
    panels[0].set_yticks(range(len(lines)), lines)
    panels[0].set_ylim(len(lines) - 0.4, -0.6)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _draw_reference(axes: Axes, values: pd.Series, name: str) -> None:
    """Draw a vertical line at a variant's mean."""
    if len(values):
        axes.axvline(values.mean(), color=EDGE, linewidth=0.7, linestyle=(0, (3, 2)))
        axes.annotate(name, (values.mean(), 1), xycoords=("data", "axes fraction"), ha="right", va="top", rotation=90,
                      xytext=(-1, -2), textcoords="offset points", fontsize=6)  # fmt: skip


def report(*, work: Path, out: Path) -> list[Path]:
    """Write the tables and the figure of the study: `python -m benchmarks.studies.evidence report`.

    Parameters
    ----------
    work : Path
        Folder of the results, as of `pretrain`.
    out : Path
        Folder for results.csv, tables.md, and variants.svg, which shows the shortest runs: all variants have them.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no result of a pretraining.
    """
    frame = _read_results(work)
    table = frame.to_csv(index=False, float_format="%.6g")
    files = write_texts(out, {"results.csv": table, "tables.md": _markdown(frame)})
    shortest = frame[frame["steps"].isna() | (frame["steps"] == frame["steps"].min())]
    return [*files, *save_figure(_draw(shortest), out / "variants")]
