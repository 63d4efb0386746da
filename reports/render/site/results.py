"""The scores of a task under one condition and protocol, and the runs behind them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lvmmed_backbones.display import plain
from lvmmed_backbones.records import StoredRecord
from reports.analysis.compare import task_label
from reports.analysis.leaderboard import leaderboard
from reports.analysis.leaked import leaked_of
from reports.reading.consistency import Condition, by_condition, group_by
from reports.reading.scores import Scores, read_sound_scores
from reports.reading.seen import SeenByCell, told
from reports.render.text.leaderboard_text import (
    ScoreText,
    condition_title,
    condition_warnings,
    leaderboard_notes,
    same_seeds,
    score_text,
)
from reports.render.text.leaked_text import LeakedText, leaked_text
from reports.render.text.seen_text import seen_words
from reports.statistics.intervals import Interval, mean_interval, why_no_interval


@dataclass(frozen=True)
class Result:
    """What a backbone reached on a task.

    Attributes
    ----------
    backbone : str
        Name of the backbone.
    cell : ScoreText
        Mean and spread over seeds in words.
    mean, rank : float
        Mean, a fraction in [0, 1], and rank as numbers.
    interval : Interval or None
        The 95 % interval of the mean; None if there is none, and `reason` says why.
    metrics : dict of str to float
        Mean over seeds of every other metric that all runs define.
    scores : Scores
        Headline of each seed, and scores of each case.
    runs : list of StoredRecord
        Runs by seed.
    seen : str
        What the backbone has seen of the task's images, in words; empty for phantoms.
    """

    backbone: str
    cell: ScoreText
    mean: float
    rank: float
    interval: Interval | None
    reason: str
    metrics: dict[str, float]
    scores: Scores
    runs: list[StoredRecord]
    seen: str

    @property
    def seeds(self) -> dict[int, float]:
        """Headline by seed."""
        return dict(zip(self.scores.seeds, self.scores.headlines.tolist(), strict=True))


@dataclass(frozen=True)
class TaskResults:
    """The scores of a task that can be compared: of one condition and protocol.

    Attributes
    ----------
    title : str
        Condition and protocol in words.
    condition : Condition
        Condition of all scores.
    metric : str
        The headline.
    warnings, notes : list of str
        Sentences that a reader needs before and after the scores.
    results : list of Result
        The best backbone first.
    leaked : LeakedText or None
        Scores without the test images that were seen; None if none was.
    """

    title: str
    condition: Condition
    protocol: str
    metric: str
    warnings: list[str]
    notes: list[str]
    results: list[Result]
    leaked: LeakedText | None

    @property
    def others(self) -> list[str]:
        """Names of all metrics but the headline, in order of first appearance."""
        return list(dict.fromkeys(name for result in self.results for name in result.metrics))


def task_results(
    records: Sequence[StoredRecord], problems: list[str], seen: SeenByCell
) -> list[TaskResults]:
    """The results of one task, a set per condition and protocol, in the order of the conditions.

    A record with unsound cases is left out and becomes a problem, as does a set that cannot be computed.
    """
    results = []
    for _, of_condition in by_condition(records):
        by_protocol = group_by(of_condition, lambda r: r.protocol)
        for runs in sorted(by_protocol, key=lambda runs: runs[0].protocol):
            scores, unsound = read_sound_scores(runs)
            problems += unsound
            try:
                results += [_results_of(runs, scores, seen)] if scores else []
            except ValueError as error:
                label = task_label(runs[0].task, runs[0].protocol)
                problems.append(plain(f"{label} is left out: {error}"))
    return results


def _results_of(
    records: Sequence[StoredRecord], scores: Sequence[Scores], seen: SeenByCell
) -> TaskResults:
    """The results of records of one task, condition and protocol; records without scores are left out."""
    sound = {(s.backbone, seed) for s in scores for seed in s.seeds}
    board = leaderboard([r for r in records if (r.backbone.name, r.seed) in sound], seen=seen)
    condition, protocol = board.condition, records[0].protocol
    by_backbone = group_by(board.records, lambda r: r.backbone.name)
    runs = {same[0].backbone.name: same for same in by_backbone}
    scores_of = {s.backbone: s for s in scores}
    cells = board.cells.sort_values(["rank", "backbone"]).itertuples()
    look = same_seeds(board.cells), told(board.seen.values())
    return TaskResults(
        title=f"{condition_title(condition)}, {protocol}",
        condition=condition,
        protocol=protocol,
        metric=records[0].metric,
        warnings=condition_warnings(condition),
        notes=leaderboard_notes(board, 1),
        results=[_result(c, scores_of[c.backbone], runs[c.backbone], look) for c in cells],
        leaked=leaked_text(leaked_of(scores, board.seen)),
    )


def _result(cell: Any, scores: Scores, runs: list[StoredRecord], look: tuple[bool, bool]) -> Result:
    """The result of a leaderboard's cell; `look` as `score_text` needs it."""
    return Result(
        backbone=cell.backbone,
        cell=score_text(cell, *look),
        mean=cell.mean,
        rank=cell.rank,
        interval=mean_interval(scores),
        reason=why_no_interval(scores) or "",
        metrics=_mean_metrics(runs),
        scores=scores,
        runs=runs,
        seen=seen_words(cell.seen, cell.leaked_cases, cell.test_cases) if cell.seen else "",
    )


def _mean_metrics(runs: Sequence[StoredRecord]) -> dict[str, float]:
    """Mean over runs of every metric but the headline that all runs define."""
    names = dict.fromkeys(name for run in runs for name in run.metrics if name != run.metric)
    means = {}
    for name in names:
        values = [value for run in runs if (value := run.metrics.get(name)) is not None]
        if len(values) == len(runs):
            means[name] = math.fsum(values) / len(values)
    return means
