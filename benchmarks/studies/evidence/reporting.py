"""Tables and a figure of the study, from the results that `pretrain` left."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from benchmarks.studies.evidence.results import RESULT, read_result
from benchmarks.studies.evidence.variants import VARIANTS
from reports.render.figures.style import EDGE, PALETTE, THEME, WIDE, save_figure, theme
from reports.render.files import write_texts

MEASURES = {"neighbours valid": "5 nearest neighbours", "linear valid": "linear classifier"}
LOOKS = {  # by learning rate
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


def read(work: Path) -> pd.DataFrame:
    """A row for each result, in the order of the variants.

    Raises
    ------
    FileNotFoundError
        If there is none.
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


def markdown(frame: pd.DataFrame) -> str:
    """A table for each length of pretraining; mean ± sample standard deviation over the seeds, in percent."""
    trained = frame[frame["steps"].notna()]
    untrained = frame[frame["steps"].isna()]
    parts = []
    for steps, rows in trained.groupby("steps"):
        parts.append(f"### {steps:,.0f} steps\n")
        titles = [title for title, _, _ in COLUMNS.values()]
        parts.append("| question | variant | seeds | " + " | ".join(titles) + " |")
        parts.append("|---|---|---:|" + "---:|" * len(titles))
        for name, some in pd.concat([untrained, rows]).groupby("variant", sort=False):
            cells = [VARIANTS[name].question, name, str(len(some))]
            cells += [cell(some, key) for key in COLUMNS]
            parts.append(f"| {' | '.join(cells)} |")
        parts.append(f"\n{rank_correlation(rows)}\n")
    return "\n".join(parts)


def cell(rows: pd.DataFrame, key: str) -> str:
    """A figure of a table."""
    _, factor, digits = COLUMNS[key]
    values = rows[key].dropna() * factor if key in rows else pd.Series(dtype=float)
    if not len(values):
        return ""
    text = f"{values.mean():.{digits}f}"
    return text if len(values) < 2 or key == "time" else f"{text} ± {values.std():.{digits}f}"


def rank_correlation(rows: pd.DataFrame) -> str:
    """Whether LVM-Med's variants whose images are matched to themselves more often have the better features."""
    matched = rows.dropna(subset="last accuracy_without_noise")
    found = spearmanr(matched["last accuracy_without_noise"], matched["neighbours valid"])
    return (
        f"Spearman's rank correlation of matched to itself and neighbours, over {len(matched)} runs of LVM-Med: "
        f"{found.statistic:.2f} (p = {found.pvalue:.2g})."
    )


@theme(THEME)
def draw(frame: pd.DataFrame) -> Figure:
    """A line for each variant, a dot for each of its seeds, their colour the learning rate; a panel per probe.

    Parameters
    ----------
    frame : DataFrame
        Of runs of one length, and of untrained networks.
    """
    frame = frame.assign(line=frame["variant"].map(without_rate))
    lines = list(dict.fromkeys(frame.loc[frame["rate"].notna(), "line"]))
    figure = Figure((WIDE, 0.9 + 0.16 * len(lines)), layout="constrained")
    panels = figure.subplots(1, len(MEASURES), sharey=True)
    for axes, (key, title) in zip(panels, MEASURES.items(), strict=True):
        for rate, look in LOOKS.items():
            some = frame[frame["rate"] == rate]
            heights = [lines.index(name) for name in some["line"]]
            axes.plot(
                100 * some[key],
                heights,
                linestyle="",
                markersize=4,
                alpha=0.8,
                label=f"learning rate {rate:g}",
                **look,
            )
        for name in ("random", "simclr"):
            reference(axes, 100 * frame.loc[frame["variant"] == name, key], name)
        axes.set_title(title, loc="left")
        axes.set_xlabel("accuracy on brain_tumor's valid split, %")
    panels[0].set_yticks(range(len(lines)), lines)
    panels[0].set_ylim(len(lines) - 0.4, -0.6)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def without_rate(name: str) -> str:
    """A variant's name, but for its learning rate."""
    return name.partition(", rate ")[0]


def reference(axes: Axes, values: pd.Series, name: str) -> None:
    """A line down the panel at a variant's mean."""
    if len(values):
        axes.axvline(values.mean(), color=EDGE, linewidth=0.7, linestyle=(0, (3, 2)))
        axes.annotate(name, (values.mean(), 1), xycoords=("data", "axes fraction"), ha="right", va="top", rotation=90,
                      xytext=(-1, -2), textcoords="offset points", fontsize=6)  # fmt: skip


def report(*, work: Path, out: Path) -> list[Path]:
    """Write the tables and the figure of the study: `python -m benchmarks.studies.evidence report`.

    Parameters
    ----------
    work : Path
        Folder of `pretrain`.
    out : Path
        Folder of results.csv, tables.md, and variants.svg of the shortest runs, which all variants have.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no result of a pretraining.
    """
    frame = read(work)
    table = frame.to_csv(index=False, float_format="%.6g")
    files = write_texts(out, {"results.csv": table, "tables.md": markdown(frame)})
    shortest = frame[frame["steps"].isna() | (frame["steps"] == frame["steps"].min())]
    return [*files, *save_figure(draw(shortest), out / "variants")]
