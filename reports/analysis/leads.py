"""The best backbone of a task against each other one: how far ahead it is, and how sure. Numbers only, no text."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np

from lvmmed_backbones.records import StoredRecord
from reports.reading.consistency import Condition, condition_of, group_by
from reports.reading.metrics import describe_metric
from reports.reading.scores import Scores, read_sound_scores, without_cases
from reports.statistics.family import over_opponents
from reports.statistics.pairs import comparable, compare_pairs, pooled_variance
from reports.statistics.ranks import DECIMALS


@dataclass(frozen=True)
class Opponent:
    """A backbone that is compared with the best one.

    Attributes
    ----------
    backbone : str
        Name of the backbone.
    verdict : str
        The best one is 'better', 'worse' (on the cases that both have), 'open' or 'untested'.
    difference : float
        The best one's mean minus this one's, over the cases that both have, a fraction; of a metric of errors this
        one's minus the best one's. NaN without common cases.
    low, high : float
        Its 95 % interval, which holds for all opponents together; NaN if it is untested.
    p : float
        Corrected p-value; NaN if it is untested.
    cases : int
        Number of cases that both have a score of; 0 if the headline is no mean of cases.
    seeds : tuple of int
        Number of seeds of the best one, and of this one.
    """

    backbone: str
    verdict: Literal["better", "worse", "open", "untested"]
    difference: float
    low: float
    high: float
    p: float
    cases: int
    seeds: tuple[int, int]


@dataclass(frozen=True)
class Lead:
    """The best backbone of a task, and the others.

    Attributes
    ----------
    task, protocol, metric, best : str
        As in the records; the best has the highest mean, among equals the first by name.
    opponents : list of Opponent
        The others, the best of them first.
    """

    task: str
    protocol: str
    metric: str
    best: str
    opponents: list[Opponent]


def leads(
    records: Sequence[StoredRecord],
    left_out: Mapping[tuple[Condition, str, str], Collection[str]] = MappingProxyType({}),
) -> tuple[list[Lead], list[str]]:
    """The lead on each task that several backbones were run on.

    Parameters
    ----------
    records : sequence of StoredRecord
        Records of one condition, such as those of a leaderboard.
    left_out : mapping of (Condition, str, str) to collection of str
        By condition, task and protocol: cases that do not count.

    Returns
    -------
    (list of Lead, list of str)
        The leads in the order of the records, none of a metric that is no fraction; and a sentence for each record
        whose cases are not sound.
    """
    tested = [record for record in records if describe_metric(record.metric).percent]
    scores, problems = read_sound_scores(tested)
    condition = condition_of(records[0])
    scores = [
        ((names := left_out.get((condition, s.task, s.protocol))) and without_cases(s, names)) or s
        for s in scores
    ]
    found = []
    for same in group_by(scores, lambda s: (s.task, s.protocol)):
        ordered = _best_first([_more_is_better(one) for one in same])
        first = ordered[0]
        if len(ordered) > 1:
            opponents = compare_with_best(ordered)
            found.append(Lead(first.task, first.protocol, first.metric, first.backbone, opponents))
    return found, problems


def compare_with_best(scores: Sequence[Scores]) -> list[Opponent]:
    """Every backbone of a task but the best, in their order; `scores` has the best backbone first."""
    seeds = [len(s.seeds) for s in scores]
    chosen, apart = comparable(scores, [(0, other) for other in range(1, len(scores))])
    nothing = (np.nan, np.nan, np.nan, np.nan, 0)
    opponents = {
        other: Opponent(scores[other].backbone, "untested", *nothing, (seeds[0], seeds[other]))
        for _, other in apart
    }
    if chosen:
        pairs = compare_pairs(scores, chosen)
        headlines = [s.headlines for s in scores]
        freedom = float(sum(len(values) - 1 for values in headlines))
        by_run = np.array([pooled_variance(headlines)])
        verdicts = over_opponents(pairs, by_run, np.array([freedom]), len(scores))
        tested = np.isfinite(verdicts.p)
        low, high = (np.where(tested, ends, np.nan) for ends in (verdicts.low, verdicts.high))
        for place, (_, other) in enumerate(chosen):
            opponents[other] = Opponent(
                backbone=scores[other].backbone,
                verdict=_verdict(low[place], high[place]),
                difference=float(pairs.difference[place]),
                low=float(low[place]),
                high=float(high[place]),
                p=float(verdicts.adjusted[place]),
                cases=int(pairs.cases[place]),
                seeds=(seeds[0], seeds[other]),
            )
    return [opponents[other] for other in sorted(opponents)]


def _verdict(low: float, high: float) -> Literal["better", "worse", "open", "untested"]:
    """What an interval of the best one's lead says."""
    if np.isnan(low):
        return "untested"
    if low > 0:
        return "better"
    return "worse" if high < 0 else "open"


def _best_first(scores: Sequence[Scores]) -> list[Scores]:
    """The backbones of a task by their means, as tables rank them."""
    return sorted(scores, key=lambda s: (-round(float(s.headlines.mean()), DECIMALS), s.backbone))


def _more_is_better(scores: Scores) -> Scores:
    """Scores of which more is better: a share of errors becomes the share without."""
    if not describe_metric(scores.metric).less_is_better:
        return scores
    return replace(scores, values=1 - scores.values, headlines=1 - scores.headlines)


class ToBest(NamedTuple):
    """A backbone of a task beside the best one, as the row of a table says it.

    Attributes
    ----------
    backbone : str
        Its name.
    verdict : str
        It is 'best', or 'worse' or 'better' (on the cases that both have) than the best one, 'open' or 'untested'.
    difference, low, high : float
        Its mean minus the best one's, a fraction, and the 95 % interval; NaN where an `Opponent` has none.
    """

    backbone: str
    verdict: str
    difference: float
    low: float
    high: float


def to_best(lead: Lead) -> list[ToBest]:
    """All backbones of a task, the best one first."""
    of_row = {"better": "worse", "worse": "better"}
    rows = [ToBest(lead.best, "best", 0.0, math.nan, math.nan)]
    for one in lead.opponents:
        ends = (one.difference, one.low, one.high)
        if not describe_metric(lead.metric).less_is_better:
            ends = (-one.difference, -one.high, -one.low)
        rows.append(ToBest(one.backbone, of_row.get(one.verdict, one.verdict), *ends))
    return rows
