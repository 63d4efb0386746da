"""Mean, spread and rank of every backbone on every task: numbers only, no text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from dataclasses import replace as replace_field
from operator import attrgetter
from typing import Any

import pandas as pd
from msgspec.structs import replace

from lvmmed_backbones.display import plain
from lvmmed_backbones.records import StoredRecord
from reports.analysis.leads import Lead, to_best
from reports.analysis.leaked import LeakedScore
from reports.published.layout import ARCHITECTURE_CAPTIONS, METRIC_CAPTIONS, PaperColumn
from reports.published.paper_rows import PROTOCOLS, metric_of
from reports.reading.consistency import Condition, by_condition, condition_of, known_first
from reports.reading.metrics import describe_metric
from reports.reading.seen import NOTHING_SEEN, Cell, Seen, SeenByCell
from reports.reading.selection import BACKBONE_FIELDS, RECORD_FIELDS
from reports.statistics.aggregate import normalise
from reports.statistics.ranks import DECIMALS, coverage

KINDS = ("segmentation", "volumes", "detection", "classification", "regression")
COLUMN = ["kind", "task", "protocol"]
BACKBONE = ["backbone", *BACKBONE_FIELDS]
DATA = ["task_version", "dataset", "fingerprint", "complete"]
FACTS = ["metric", "seed", "value"]


@dataclass(frozen=True)
class Leaderboard:
    """The leaderboard of one condition.

    Attributes
    ----------
    condition : Condition
        Condition of all scores.
    cells : DataFrame
        A row per task, protocol and backbone, in the order of the table's columns, then rows. `mean` and `std` of the
        headline over seeds are fractions in [0, 1]; `std` is the sample standard deviation, NaN for one seed. `n` and
        `seeds` say how many seeds there are and which, `rank` the rank within the task (1 is best, ties share the
        average). Further columns are `best`, facts of the task, the data and the backbone, and what it has seen:
        `seen`, `leaked_cases` and `test_cases`, empty where nothing is known or to be said.
    mean_rank : Series
        Mean rank by backbone, in the order of the table's rows; NaN for a backbone that lacks a ranked task.
    score : Series
        Mean normalised score by backbone, in the same order: 0 is the worst mean of a task and 1 the best; NaN if no
        task tells the backbones apart.
    ranked : int
        Number of ranked tasks (`reports.statistics.ranks.coverage`).
    missing : dict of str to int
        The backbones that lack a ranked task, and how many ranked tasks each has.
    records : list of StoredRecord
        Records that the leaderboard was made from.
    metric : str or None
        Metric of all cells; None: each task's headline.
    seen : mapping of Cell to Seen
        What the backbones have seen of the tasks' images.
    unseen_cases : bool
        Whether the cases that one of them saw do not count.
    """

    condition: Condition
    cells: pd.DataFrame
    mean_rank: pd.Series
    score: pd.Series
    ranked: int
    missing: dict[str, int]
    records: list[StoredRecord]
    metric: str | None = None
    seen: SeenByCell = field(default_factory=dict)
    unseen_cases: bool = False


def leaderboards(
    records: Sequence[StoredRecord],
    by: str = "rank",
    metric: str | None = None,
    seen: SeenByCell = NOTHING_SEEN,
    unseen_cases: bool = False,
) -> list[Leaderboard]:
    """A leaderboard per condition: measured before phantom, paper before small before mini.

    Parameters
    ----------
    records : sequence of StoredRecord
        Records that `reports.reading.consistency.consistent_records` let through.
    by : {'rank', 'score'}
        Order of the rows: by mean rank or by mean normalised score.
    metric : str, optional
        Metric of `records`, if they are `in_metric`; None: their headlines.
    seen : mapping of Cell to Seen
        What `reports.reading.seen.find_seen` found.
    unseen_cases : bool
        Whether the records are `reports.analysis.leaked.on_unseen_cases`.
    """
    boards = [leaderboard(group, by, metric, seen) for _, group in by_condition(records)]
    return [replace_field(board, unseen_cases=unseen_cases) for board in boards]


def in_metric(records: Sequence[StoredRecord], metric: str) -> tuple[list[StoredRecord], list[str]]:
    """The records as if a metric were their headline.

    Returns
    -------
    (list of StoredRecord, list of str)
        The records in which the metric is defined, and a sentence for each in which it is not.

    Raises
    ------
    ValueError
        If no record has the metric, or nothing can be ranked by it.
    """
    having = [record for record in records if metric in record.metrics]
    if not having or not describe_metric(metric).ranks:
        names = {name for record in records for name in record.metrics}
        choice = ", ".join(sorted(name for name in names if describe_metric(name).ranks))
        why = "it is a setting, no score" if having else "no record has it"
        raise ValueError(f"--metric {metric}: {why}. Choose from {choice}.")
    defined, problems = [], []
    for record in having:
        value = record.metrics[metric]
        if value is None:
            problems.append(
                f"{plain(record.path)}: {metric} is undefined, left out of its leaderboard."
            )
        else:
            defined.append(replace(record, metric=metric, value=value))
    return defined, problems


def leaderboard(
    records: Sequence[StoredRecord],
    by: str = "rank",
    metric: str | None = None,
    seen: SeenByCell = NOTHING_SEEN,
) -> Leaderboard:
    """The leaderboard of records of one condition; at least one record."""
    condition = condition_of(records[0])
    cells = _with_ranks(_mean_cells(records))
    means, missing = _complete_means(cells)
    mean_rank, score = _mean_ranks(means), mean_scores(means)
    if by == "score":
        mean_rank = mean_rank.loc[score.sort_values(ascending=False, kind="stable").index]
    mean_rank = mean_rank.reindex([*mean_rank.index, *missing])
    rows = {backbone: number for number, backbone in enumerate(mean_rank.index)}
    keys = cells[[*COLUMN, "backbone"]].itertuples(index=False, name=None)
    places = [(column_order(column), rows[backbone]) for *column, backbone in keys]
    cells = cells.iloc[sorted(range(len(cells)), key=places.__getitem__)].reset_index(drop=True)
    keys = [Cell(condition, c.task, c.protocol, c.backbone) for c in cells.itertuples()]
    here = {key: seen[key] for key in keys if key in seen}
    return Leaderboard(
        condition=condition,
        cells=_with_seen(cells, [here.get(key) for key in keys]),
        mean_rank=mean_rank,
        score=score.reindex(mean_rank.index),
        ranked=means.shape[1],
        missing=missing,
        records=list(records),
        metric=metric,
        seen=here,
    )


def _with_seen(cells: pd.DataFrame, seen: Sequence[Seen | None]) -> pd.DataFrame:
    """The cells with what their backbones have seen."""
    counts = {"leaked_cases": "number", "test_cases": "tested"}
    return cells.assign(
        seen=pd.Series([one.state if one else None for one in seen], dtype=object),
        **{
            name: pd.array([getattr(one, count, None) for one in seen], dtype="Int64")
            for name, count in counts.items()
        },
    )


def column_order(column: Sequence[str]) -> tuple:
    """Sort key of a column's kind, task and protocol: kind by kind, then by name; few_shot_5 before few_shot_10."""
    kind, task, protocol = column
    numbered = re.sub(r"\d+", lambda number: number[0].zfill(9), protocol)
    return known_first(kind, KINDS), task, numbered, protocol


def _mean_cells(records: Sequence[StoredRecord]) -> pd.DataFrame:
    """Mean and spread over seeds: a row per task, protocol and backbone, unordered."""
    fields = [*COLUMN, *BACKBONE, *DATA, *FACTS]
    row = attrgetter(*(RECORD_FIELDS.get(name, name) for name in fields))
    runs = pd.DataFrame([row(record) for record in records], columns=fields)
    groups = runs.sort_values("seed").groupby([*COLUMN, "backbone"], sort=False)
    facts = {
        name: (name, lambda by_seed: by_seed.iloc[0]) for name in (*BACKBONE[1:], *DATA, "metric")
    }
    return groups.agg(
        mean=("value", "mean"),
        std=("value", "std"),
        n=("value", "size"),
        seeds=("seed", tuple),
        **facts | {"weights_sha256": ("weights_sha256", _list_checksums)},
    ).reset_index()


def _list_checksums(by_seed: pd.Series) -> str | None:
    """The checksums of a cell's weights, each once, in the order of the seeds; None for random weights."""
    return " ".join(by_seed.dropna().unique()) or None


def _with_ranks(cells: pd.DataFrame) -> pd.DataFrame:
    """The cells with their rank within the task, and whether they are the best and another one is worse."""
    merits = _merits(cells).groupby([cells["task"], cells["protocol"]])
    return cells.assign(
        rank=merits.rank(method="average", ascending=False),
        best=(merits.rank(method="min", ascending=False) == 1)
        & (merits.transform("max") > merits.transform("min")),
    )


def _merits(cells: pd.DataFrame) -> pd.Series:
    """The means, of which more is better: those of a metric of errors are negative."""
    errors = cells["metric"].map(lambda metric: describe_metric(metric).less_is_better)
    return cells["mean"].round(DECIMALS).where(~errors, -cells["mean"].round(DECIMALS))


def _complete_means(cells: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """The merits of the complete rows, and the number of ranked tasks of each other backbone.

    Returns
    -------
    (DataFrame, dict of str to int)
        A row per complete backbone, a column per ranked task; and the others, the fullest row first.
    """
    cells = cells.assign(merit=_merits(cells))
    table = cells.pivot(index="backbone", columns=["task", "protocol"], values="merit")
    tasks_of = {str(name): row.dropna().index.tolist() for name, row in table.iterrows()}
    backbones, ranked = coverage(tasks_of)
    number = {name: len(set(tasks) & set(ranked)) for name, tasks in tasks_of.items()}
    others = sorted(set(tasks_of) - set(backbones), key=lambda name: (-number[name], name))
    return table.loc[backbones, ranked], {name: number[name] for name in others}


def _mean_ranks(means: pd.DataFrame) -> pd.Series:
    """Mean over tasks of the rank among the complete rows, best first."""
    ranked = means.rank(method="average", ascending=False)
    return ranked.mean(axis="columns").rename("mean_rank").sort_index().sort_values(kind="stable")


def mean_scores(means: pd.DataFrame) -> pd.Series:
    """Mean normalised score of the complete rows over the tasks that tell them apart."""
    if means.empty:
        return pd.Series(index=means.index, dtype=float, name="score")
    scaled = pd.DataFrame(normalise(means.to_numpy().T).T, index=means.index)
    return scaled.mean(axis="columns").rename("score")


def long_table(
    boards: Sequence[Leaderboard],
    leads: Sequence[Sequence[Lead]] = (),
    leaked: Sequence[Sequence[LeakedScore]] = (),
) -> pd.DataFrame:
    """Every cell of every leaderboard, exact: a row per condition, task, protocol and backbone.

    `mean` and `std` are fractions, or in the metric's own unit; `std` is empty for one seed. Spaces separate `seeds`
    and, where a backbone was pretrained with several, `weights_sha256`.

    Parameters
    ----------
    leads : sequence of sequence of Lead
        The leads of each board, for the columns `to_best`, a backbone's mean minus that of its task's best one, its
        interval and the verdict; none: no such columns.
    leaked : sequence of sequence of LeakedScore
        The scores of each board without the test cases that were seen, for `mean_without_leaked` and
        `std_without_leaked`; none: no such columns.
    """
    parts = [
        board.cells.assign(
            **board.condition._asdict(),
            seeds=[" ".join(map(str, seeds)) for seeds in board.cells["seeds"]],
            board_metric=board.metric or "headline",
            mean_rank=board.cells["backbone"].map(board.mean_rank),
            normalised_score=board.cells["backbone"].map(board.score),
            tasks_ranked=board.ranked,
            unseen_cases_only=board.unseen_cases,
        )
        for board in boards
    ]
    if leads:
        parts = [_with_leads(part, of_board) for part, of_board in zip(parts, leads, strict=True)]
    if leaked:
        parts = [_with_leaked(part, of_board) for part, of_board in zip(parts, leaked, strict=True)]
    columns = ["task", "protocol", "backbone", "metric", "mean", "std", "n", "seeds"]
    leading = [*Condition._fields, *columns]
    table = pd.concat(parts, ignore_index=True)
    return table[[*leading, *(name for name in table if name not in leading)]]


def _with_leads(cells: pd.DataFrame, leads: Sequence[Lead]) -> pd.DataFrame:
    """The cells of a board, each with its `ToBest`."""
    rows = [(lead.task, lead.protocol, *row) for lead in leads for row in to_best(lead)]
    names = ["to_best_verdict", "to_best", "to_best_low", "to_best_high"]
    beside = pd.DataFrame(rows, columns=["task", "protocol", "backbone", *names])
    return cells.merge(beside, how="left", on=["task", "protocol", "backbone"])


def _with_leaked(cells: pd.DataFrame, leaked: Sequence[LeakedScore]) -> pd.DataFrame:
    """The cells of a board, each with its score without the test cases that were seen."""
    rows = [(s.task, s.protocol, s.backbone, s.mean_without, s.std_without) for s in leaked]
    keys = ["task", "protocol", "backbone"]
    beside = pd.DataFrame(rows, columns=[*keys, "mean_without_leaked", "std_without_leaked"])
    return cells.merge(beside, how="left", on=keys)


def published_cells(figures: pd.DataFrame, records: Sequence[StoredRecord]) -> pd.DataFrame:
    """The published figures of the tasks that records are of, in the metric that is their headline.

    Parameters
    ----------
    figures : DataFrame
        Result of `reports.published.read`.

    Returns
    -------
    DataFrame
        A row per figure, with the columns of `long_table` that the paper tells: task, protocol, backbone, metric,
        `mean` and `std` as fractions, `n` trials; `data_source` is 'published'. A figure that several tables print
        stands once.
    """
    tasks = {(r.kind, r.task, r.protocol, r.metric): r for r in records}
    printed = figures[figures["metric"].isin({*METRIC_CAPTIONS} - {"params_millions"})]
    names = ["data_source", *COLUMN, *BACKBONE[:3], "metric", "mean", "std", "n"]
    rows = [
        ("published", kind, task, protocol, _published_name(row),
         ARCHITECTURE_CAPTIONS.get(row.backbone, ""), row.method, metric,
         row.mean / 100, row.std / 100, row.trials)
        for (kind, task, protocol, metric), record in tasks.items()
        for row in printed.itertuples()
        if row.protocol == PROTOCOLS.get(protocol, protocol)
        and metric_of(record, PaperColumn(row.task, "", row.metric)) == metric
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=names).drop_duplicates()


def with_best(cells: pd.DataFrame) -> pd.DataFrame:
    """Published cells with what a leaderboard's text needs, too: whether they are the best, their seeds and data."""
    means = cells.groupby(COLUMN)["mean"]
    highest, lowest = means.transform("max"), means.transform("min")
    best = (cells["mean"] == highest) & (highest > lowest)
    return cells.assign(best=best, complete=True, seeds=0)


def _published_name(row: Any) -> str:
    """Name of a published row; it begins with `published:`, so that nobody takes it for a measured one."""
    architecture = ARCHITECTURE_CAPTIONS.get(row.backbone, "")
    return f"published: {row.method}" + (f", {architecture}" if architecture else "")
