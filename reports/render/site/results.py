"""The figures of a task under one condition, and the runs behind a backbone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lvmmed_backbones.display import plain
from lvmmed_backbones.records import StoredRecord
from reports.agreement import Condition, condition_of, group_by
from reports.analysis.compare import task_label
from reports.analysis.leaderboard import condition_order, leaderboard
from reports.scores import Scores, read_sound_scores
from reports.statistics.intervals import mean_interval, why_no_interval
from reports.wording import (
    ScoreText,
    condition_title,
    condition_warnings,
    leaderboard_notes,
    score_text,
)


@dataclass(frozen=True)
class Result:
    """What a backbone reached on a task.

    Attributes
    ----------
    cell : Cell
        Mean and spread over seeds, in words; `mean`, `rank`: as numbers.
    low, high : float or None
        The 95 % interval of the mean, None where nothing can be said, and `reason` says why.
    seeds : dict of int to float
        Headline by seed.
    metrics : dict of str to float
        Mean over seeds of every other metric that is defined.
    """

    backbone: str
    cell: ScoreText
    mean: float
    rank: float
    low: float | None
    high: float | None
    reason: str
    seeds: dict[int, float]
    metrics: dict[str, float]


@dataclass(frozen=True)
class TaskResults:
    """The figures of a task that can be compared: of one condition and protocol.

    Attributes
    ----------
    title : str
        What they have in common, in words.
    data_source : str
        'measured' or 'phantom'.
    metric : str
        The headline.
    warnings, notes : list of str
        What a reader must know before and after the figures.
    results : list of Result
        The best backbone first.
    scores : list of Scores
        The same, case by case, in the same order.
    runs : list of list of StoredRecord
        Of each backbone, by seed, in the same order.
    """

    title: str
    data_source: str
    condition: Condition
    protocol: str
    metric: str
    warnings: list[str]
    notes: list[str]
    results: list[Result]
    scores: list[Scores]
    runs: list[list[StoredRecord]]

    @property
    def others(self) -> list[str]:
        """Names of all metrics but the headline, in order of first appearance."""
        return list(
            dict.fromkeys(
                name for result in self.results for name in result.metrics
            )
        )


def task_results(records: Sequence[StoredRecord], problems: list[str]) -> list[TaskResults]:
    """The parts of one task's records, the most telling condition first.

    Records whose cases are not sound are left out and added to the problems, as is a part that cannot be reckoned.
    """
    groups = group_by(records, lambda record: (condition_of(record), record.protocol))
    groups.sort(key=lambda some: (condition_order(condition_of(some[0])), some[0].protocol))
    found = []
    for some in groups:
        scores, unsound = read_sound_scores(some)
        problems += unsound
        try:
            found += [results_of(some, scores)] if scores else []
        except ValueError as error:
            problems.append(
                plain(f"{task_label(some[0].task, some[0].protocol)} is left out: {error}")
            )
    return found


def results_of(records: Sequence[StoredRecord], scores: Sequence[Scores]) -> TaskResults:
    """The part of records of one task, condition and protocol, of which some have these scores; at least one has."""
    sound = {(one.backbone, seed) for one in scores for seed in one.seeds}
    board = leaderboard([r for r in records if (r.backbone.name, r.seed) in sound])
    one = board.condition
    runs = {
        some[0].backbone.name: some for some in group_by(board.records, lambda r: r.backbone.name)
    }
    by_backbone = {score.backbone: score for score in scores}
    by_mean = list(board.cells.sort_values(["rank", "backbone"]).itertuples())
    uniform = board.cells["seeds"].nunique() == 1
    return TaskResults(
        title=f"{condition_title(one)}, {records[0].protocol}",
        data_source=one.data_source,
        condition=one,
        protocol=records[0].protocol,
        metric=records[0].metric,
        warnings=condition_warnings(one),
        notes=leaderboard_notes(board, 1),
        results=[
            backbone_result(row, by_backbone[row.backbone], runs[row.backbone], uniform)
            for row in by_mean
        ],
        scores=[by_backbone[row.backbone] for row in by_mean],
        runs=[runs[row.backbone] for row in by_mean],
    )


def backbone_result(row: Any, found: Scores, runs: Sequence[StoredRecord], uniform: bool) -> Result:
    """The result of a leaderboard's cell."""
    said = mean_interval(found)
    shown = score_text(row, uniform)
    assert shown is not None
    return Result(
        backbone=row.backbone,
        cell=shown,
        mean=row.mean,
        rank=row.rank,
        low=said.low if said else None,
        high=said.high if said else None,
        reason="" if said else why_no_interval(found) or "",
        seeds=dict(zip(found.seeds, map(float, found.headlines), strict=True)),
        metrics=mean_metrics(runs),
    )


def mean_metrics(runs: Sequence[StoredRecord]) -> dict[str, float]:
    """Mean over runs of every metric but the headline, where all of them define it."""
    names = dict.fromkeys(name for run in runs for name in run.metrics if name != run.metric)
    means = {}
    for name in names:
        values = [value for run in runs if (value := run.metrics.get(name)) is not None]
        if len(values) == len(runs):
            means[name] = math.fsum(values) / len(values)
    return means
