"""Mean, spread and rank of every backbone on every task: numbers only, no wording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import pandas as pd
from msgspec.structs import replace

from lvmmed_backbones.display import plain
from lvmmed_backbones.records import DATA_SOURCES, StoredRecord
from reports.agreement import Condition, condition_of
from reports.coverage import coverage
from reports.statistics.aggregate import normalise

KINDS = ("segmentation", "volumes", "detection", "classification")
PROFILES = ("paper", "small", "mini")
COLUMN = ["kind", "task", "protocol"]
BACKBONE = ["backbone", "architecture", "method", "corpus", "parameters", "weights_sha256"]
DATA = ["task_version", "dataset", "fingerprint", "complete"]
FACTS = ["metric", "seed", "value"]
# Where a record has what is not a field of its own.
RECORD_FIELDS = {
    "backbone": "backbone.name",
    "fingerprint": "data.fingerprint",
    "complete": "data.complete",
} | {name: f"backbone.{name}" for name in BACKBONE[1:]}
# Means that differ by less than this are a tie: sums of the same seeds in another order are.
DECIMALS = 10


@dataclass(frozen=True)
class Leaderboard:
    """The figures of one condition.

    Attributes
    ----------
    condition : Condition
        What they have in common.
    cells : DataFrame
        A row per task, protocol and backbone, ordered as the table's columns, then rows: `mean` and `std` of the
        headline over seeds, fractions in [0, 1] (`std`: sample standard deviation, NaN for one seed), `n` and `seeds`,
        `rank` within the task (1 is best, ties share the average), `best`, and what is known of the task, the data and
        the backbone.
    mean_rank : Series
        By backbone, in the order of the table's rows; NaN of one that lacks a ranked task.
    score : Series
        Mean normalised score by backbone, in the same order: on each task 0 is the worst mean of the ranked ones and 1
        the best; NaN if no task tells them apart.
    ranked : int
        On how many tasks (`reports.coverage`).
    missing : dict of str to int
        The backbones that lack a ranked task, and how many of them each has.
    records : list of StoredRecord
        What all of it was made from.
    metric : str or None
        Of all cells; None: each task's headline.
    """

    condition: Condition
    cells: pd.DataFrame
    mean_rank: pd.Series
    score: pd.Series
    ranked: int
    missing: dict[str, int]
    records: list[StoredRecord]
    metric: str | None = None


def leaderboards(
    records: Sequence[StoredRecord], by: str = "rank", metric: str | None = None
) -> list[Leaderboard]:
    """A leaderboard per condition: measured before phantom, paper before small before mini.

    Parameters
    ----------
    records : sequence of StoredRecord
        That agree with each other (`reports.agreement.agreeing`).
    by : str
        Order of the rows: 'rank' (mean rank) or 'score' (mean normalised score).
    metric : str, optional
        Of `records`, if they are `in_metric`; None: their headlines.
    """
    conditions = sorted({condition_of(record) for record in records}, key=condition_order)
    return [
        leaderboard([r for r in records if condition_of(r) == one], by, metric)
        for one in conditions
    ]


def in_metric(records: Sequence[StoredRecord], metric: str) -> tuple[list[StoredRecord], list[str]]:
    """The records as if a metric were their headline.

    Returns
    -------
    (list of StoredRecord, list of str)
        Those that have it, and a sentence for each in which it is undefined: it is left out.

    Raises
    ------
    ValueError
        If no record has it.
    """
    having = [record for record in records if metric in record.metrics]
    if not having:
        choice = ", ".join(sorted({name for record in records for name in record.metrics}))
        raise ValueError(f"--metric {metric}: no record has it. Choose from {choice}.")
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


def condition_order(one: Condition) -> tuple:
    """Where a condition's table stands: the most telling one first."""
    return (
        DATA_SOURCES.index(one.data_source),
        known_first(one.profile, PROFILES),
        -one.label_fraction,
        one.split != "published",
    )


def known_first(name: str, known: Sequence[str]) -> tuple[int, str]:
    """Sorts the known names in their order, then the others by the alphabet."""
    return (known.index(name) if name in known else len(known)), name


def leaderboard(
    records: Sequence[StoredRecord], by: str = "rank", metric: str | None = None
) -> Leaderboard:
    """The leaderboard of records of one condition; at least one record."""
    cells = with_ranks(mean_cells(records))
    means, partial = complete_rows(cells)
    mean_rank, score = mean_ranks(means), mean_scores(means)
    if by == "score":
        mean_rank = mean_rank.loc[score.sort_values(ascending=False, kind="stable").index]
    mean_rank = mean_rank.reindex([*mean_rank.index, *partial])
    score = score.reindex(mean_rank.index)
    rows = {backbone: place for place, backbone in enumerate(mean_rank.index)}
    tasks = {
        column: place
        for place, column in enumerate(
            sorted(set(cells[COLUMN].itertuples(index=False, name=None)), key=column_order)
        )
    }
    place = [
        (tasks[kind, task, protocol], rows[backbone])
        for kind, task, protocol, backbone in cells[[*COLUMN, "backbone"]].itertuples(index=False)
    ]
    ordered = cells.iloc[sorted(range(len(place)), key=place.__getitem__)].reset_index(drop=True)
    return Leaderboard(
        condition_of(records[0]),
        ordered,
        mean_rank,
        score,
        means.shape[1],
        partial,
        list(records),
        metric,
    )


def column_order(column: tuple[str, str, str]) -> tuple:
    """Where a task stands: kind by kind, then by name."""
    kind, task, protocol = column
    return known_first(kind, KINDS), task, protocol


def mean_cells(records: Sequence[StoredRecord]) -> pd.DataFrame:
    """Mean and spread over seeds: a row per task, protocol and backbone, unordered."""
    fields = [*COLUMN, *BACKBONE, *DATA, *FACTS]
    row = attrgetter(*(RECORD_FIELDS.get(name, name) for name in fields))
    figures = pd.DataFrame([row(record) for record in records], columns=fields)
    groups = figures.sort_values("seed").groupby([*COLUMN, "backbone"], sort=False)
    facts = [name for name in (*BACKBONE, *DATA, "metric") if name != "backbone"]
    return groups.agg(
        mean=("value", "mean"),
        std=("value", "std"),
        n=("value", "size"),
        seeds=("seed", tuple),
        **{
            name: (name, list_checksums if name == "weights_sha256" else first_value)
            for name in facts
        },
    ).reset_index()


def first_value(by_seed: pd.Series) -> Any:
    """What all seeds of a cell state."""
    return by_seed.iloc[0]


def list_checksums(by_seed: pd.Series) -> str | None:
    """The checksums of a cell's weights, each once, in the order of the seeds; None for random weights."""
    return " ".join(by_seed.dropna().unique()) or None


def with_ranks(cells: pd.DataFrame) -> pd.DataFrame:
    """The cells, with their rank within the task and whether they are the best: some other one is worse."""
    means = cells["mean"].round(DECIMALS).groupby([cells["task"], cells["protocol"]])
    return cells.assign(
        rank=means.rank(method="average", ascending=False),
        best=(means.rank(method="min", ascending=False) == 1)
        & (means.transform("max") > means.transform("min")),
    )


def complete_rows(cells: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """The means of the complete rows, and of each other backbone how many of the ranked tasks it has.

    Returns
    -------
    (DataFrame, dict of str to int)
        A row per complete backbone, a column per ranked task; and the others, the fullest row first.
    """
    table = cells.pivot(index="backbone", columns=["task", "protocol"], values="mean")
    has = {str(name): row.dropna().index.tolist() for name, row in table.iterrows()}
    found = coverage(has)
    number = {name: len(set(tasks) & set(found.tasks)) for name, tasks in has.items()}
    left = sorted(set(has) - set(found.backbones), key=lambda name: (-number[name], name))
    return table.loc[found.backbones, found.tasks].round(DECIMALS), {n: number[n] for n in left}


def mean_ranks(means: pd.DataFrame) -> pd.Series:
    """Mean over tasks of the rank among the complete rows, best first."""
    ranked = means.rank(method="average", ascending=False)
    return ranked.mean(axis="columns").rename("mean_rank").sort_index().sort_values(kind="stable")


def mean_scores(means: pd.DataFrame) -> pd.Series:
    """Mean normalised score of the complete rows over the tasks that tell them apart."""
    if means.empty:
        return pd.Series(index=means.index, dtype=float, name="score")
    scaled = pd.DataFrame(normalise(means.to_numpy().T).T, index=means.index)
    return scaled.mean(axis="columns").rename("score")


def long_table(boards: Sequence[Leaderboard]) -> pd.DataFrame:
    """Every cell of every leaderboard, exact: a row per condition, task, protocol and backbone.

    `mean` and `std` are fractions in [0, 1]; `std` is empty for one seed; spaces separate `seeds` and,
    where a backbone was pretrained with several, `weights_sha256`.
    """
    parts = [
        board.cells.assign(
            **board.condition._asdict(),
            seeds=[" ".join(map(str, seeds)) for seeds in board.cells["seeds"]],
            board_metric=board.metric or "headline",
            mean_rank=board.cells["backbone"].map(board.mean_rank),
            normalised_score=board.cells["backbone"].map(board.score),
            tasks_ranked=board.ranked,
        )
        for board in boards
    ]
    figures = ["task", "protocol", "backbone", "metric", "mean", "std", "n", "seeds"]
    leading = [*Condition._fields, *figures]
    table = pd.concat(parts, ignore_index=True)
    return table[[*leading, *(name for name in table if name not in leading)]]
