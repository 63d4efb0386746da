"""The published figures of the tasks of a leaderboard, as a table of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from lvmmed_backbones.records import StoredRecord
from reports.analysis.leaderboard import COLUMN, column_order
from reports.metrics import metric_name
from reports.render.tables.layout import ARCHITECTURE_CAPTIONS, METRIC_CAPTIONS
from reports.render.tables.layout import PaperColumn as Printed
from reports.render.tables.matching import PROTOCOLS, metric_of
from reports.wording import NOTHING, BackboneRow, LeaderboardText, ScoreText, TaskColumn

PUBLISHED_TITLE = "Published by the paper's authors (arXiv 2306.11925)"
PUBLISHED_WARNING = (
    "PUBLISHED: printed in the paper, not measured here. To be compared with the profile paper and "
    "all labels only."
)


def published_cells(figures: pd.DataFrame, records: Sequence[StoredRecord]) -> pd.DataFrame:
    """The published figures of the tasks that records are of, in the metric that is their headline.

    Parameters
    ----------
    figures : DataFrame
        `reports.published.read`.

    Returns
    -------
    DataFrame
        A row per figure, as in `reports.analysis.leaderboard.long_table` as far as the paper tells: task, protocol,
        backbone, metric, `mean` and `std` as fractions, `n` trials; `data_source` is 'published'. A figure that several
        tables print stands once.
    """
    tasks = {(r.kind, r.task, r.protocol, r.metric): r for r in records}
    printed = figures[
        figures["metric"].isin(METRIC_CAPTIONS) & (figures["metric"] != "params_millions")
    ]
    rows = [
        {
            "data_source": "published",
            "kind": kind,
            "task": task,
            "protocol": protocol,
            "backbone": published_name(one),
            "architecture": ARCHITECTURE_CAPTIONS.get(one.backbone, ""),
            "method": one.method,
            "metric": metric,
            "mean": one.mean / 100,
            "std": one.std / 100,
            "n": one.trials,
        }
        for (kind, task, protocol, metric), record in tasks.items()
        for one in printed.itertuples()
        if one.protocol == PROTOCOLS.get(protocol, protocol)
        and metric_of(record, Printed(one.task, "", one.metric)) == metric
    ]
    names = [
        "data_source",
        *COLUMN,
        "backbone",
        "architecture",
        "method",
        "metric",
        "mean",
        "std",
        "n",
    ]
    return pd.DataFrame(rows, columns=names).drop_duplicates()


def published_sheet(cells: pd.DataFrame) -> LeaderboardText:
    """The published figures in words, in the paper's order; without ranks, for few rows have the same tasks."""
    columns = sorted(set(cells[COLUMN].itertuples(index=False, name=None)), key=column_order)
    by_place = {(c.kind, c.task, c.protocol, c.backbone): c for c in cells.itertuples()}
    means = cells.groupby(COLUMN)["mean"]
    best = means.max().where(means.max() > means.min())
    metrics = {(c.kind, c.task, c.protocol): c.metric for c in cells.itertuples()}
    return LeaderboardText(
        title=PUBLISHED_TITLE,
        phantom=False,
        warnings=[PUBLISHED_WARNING],
        rank_caption=NOTHING,
        columns=[TaskColumn(c[1], f"{metric_name(metrics[c])}, {c[2]}") for c in columns],
        rows=[
            BackboneRow(backbone, "", NOTHING, NOTHING,
                [published_score(by_place.get((*c, backbone)), best[c]) for c in columns])
            for backbone in dict.fromkeys(cells["backbone"])
        ],
        notes=[
            "Percent: mean ± standard deviation over the paper's trials, as printed.",
            *(["Bold: the best published of its column."] if best.notna().any() else []),
        ],
    )  # fmt: skip


def published_score(figure: Any | None, best: float) -> ScoreText | None:
    """A published figure; None where there is none. `best`: NaN where none is worse."""
    if figure is None:
        return None
    spread = "" if pd.isna(figure.std) else f"{100 * figure.std:.1f}"
    return ScoreText(f"{100 * figure.mean:.1f}", spread, "", figure.mean == best, incomplete=False)


def published_name(figure: Any) -> str:
    """What a published row is called; `published:` so that it is never taken for a measured one."""
    architecture = ARCHITECTURE_CAPTIONS.get(figure.backbone, "")
    return f"published: {figure.method}" + (f", {architecture}" if architecture else "")
