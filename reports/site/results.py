"""The figures of a task under one setting, and the runs behind a backbone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reports.agreement import Setting, grouped, setting
from reports.leaderboard import leaderboard, order
from reports.records import Record
from reports.scores import Scores, scores
from reports.statistics.intervals import interval, why_not
from reports.wording import Cell, cell, notes, title, warnings


@dataclass(frozen=True)
class Result:
    """What a backbone reached on a task.

    Attributes:
        cell: mean and spread over seeds, in words; `mean`, `rank`: as numbers.
        low, high: the 95 % interval of the mean, None where nothing can be said, and `reason` says why.
        seeds: headline by seed.
        metrics: mean over seeds of every other metric that is defined.
    """

    backbone: str
    cell: Cell
    mean: float
    rank: float
    low: float | None
    high: float | None
    reason: str
    seeds: dict[int, float]
    metrics: dict[str, float]


@dataclass(frozen=True)
class Part:
    """The figures of a task that can be compared: of one setting and protocol.

    Attributes:
        title: what they have in common, in words.
        figure: 'measured' or 'phantom'.
        metric: the headline.
        warnings, notes: what a reader must know before and after the figures.
        results: the best backbone first.
        scores: the same, case by case.
        records: the runs.
    """

    title: str
    figure: str
    setting: Setting
    protocol: str
    metric: str
    warnings: list[str]
    notes: list[str]
    results: list[Result]
    scores: list[Scores]
    records: list[Record]

    @property
    def others(self) -> list[str]:
        """Names of all metrics but the headline, in order of first appearance."""
        return list(dict.fromkeys(name for result in self.results for name in result.metrics))


def parts(records: Sequence[Record]) -> list[Part]:
    """The parts of one task's records, the most telling setting first."""
    groups = grouped(records, lambda record: (setting(record), record.protocol))
    groups.sort(key=lambda some: (order(setting(some[0])), some[0].protocol))
    return [part(some) for some in groups]


def part(records: Sequence[Record]) -> Part:
    """The part of records of one task, setting and protocol."""
    board, found = leaderboard(records), scores(records)
    one = board.setting
    by_backbone = {score.backbone: score for score in found}
    by_mean = board.cells.sort_values(["rank", "backbone"])
    uniform = board.cells["seeds"].nunique() == 1
    return Part(
        title=f"{title(one)}, {records[0].protocol}",
        figure=one.figure,
        setting=one,
        protocol=records[0].protocol,
        metric=records[0].metric,
        warnings=warnings(one),
        notes=notes(board, 1),
        results=[
            result(row, by_backbone[row.backbone], records, uniform) for row in by_mean.itertuples()
        ],
        scores=found,
        records=list(records),
    )


def result(row: Any, found: Scores, records: Sequence[Record], uniform: bool) -> Result:
    """The result of a leaderboard's cell."""
    said = interval(found)
    runs = [record for record in records if record.backbone == row.backbone]
    shown = cell(row, uniform)
    assert shown is not None
    return Result(
        backbone=row.backbone,
        cell=shown,
        mean=row.mean,
        rank=row.rank,
        low=said.low if said else None,
        high=said.high if said else None,
        reason="" if said else why_not(found) or "",
        seeds=dict(zip(found.seeds, map(float, found.headlines), strict=True)),
        metrics=mean_metrics(runs),
    )


def mean_metrics(runs: Sequence[Record]) -> dict[str, float]:
    """Mean over runs of every metric but the headline, where all of them define it."""
    names = dict.fromkeys(name for run in runs for name in run.metrics if name != run.metric)
    means = {}
    for name in names:
        values = [value for run in runs if (value := run.metrics.get(name)) is not None]
        if len(values) == len(runs):
            means[name] = math.fsum(values) / len(values)
    return means
