"""Scores with and without the test images that a backbone saw, as a table in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reports.analysis.leaked import LeakedScore
from reports.reading.metrics import metric_name, value_text
from reports.reading.scores import task_label
from reports.render.text.leaderboard_text import NOTHING
from reports.render.text.seen_text import count_text

TITLE = "Scores without the test images that were seen in pretraining"
HEADINGS = ("backbone", "task", "seen", "all cases", "the others")
TEXTS = 2  # the first columns are texts
READING = (
    "Each score over all test cases, and over those that this backbone did not see. Seen: how many of how many, and by "
    "what they were found. Ranks and verdicts are over all cases."
)


@dataclass(frozen=True)
class LeakedText:
    """The rows of the table, a text for each of `HEADINGS`, and notes below it."""

    rows: list[tuple[str, ...]]
    notes: list[str]


def leaked_text(scores: Sequence[LeakedScore]) -> LeakedText | None:
    """The scores of the backbones that saw test images, in words; None if there is none."""
    if not scores:
        return None
    reasons = dict.fromkeys(f"{NOTHING} {score.reason}." for score in scores if score.reason)
    return LeakedText([_row(score) for score in scores], [READING, *reasons])


def _row(score: LeakedScore) -> tuple[str, ...]:
    by = f" ({' and '.join(score.seen.by)})" if score.seen.by else ""
    return (
        score.backbone,
        f"{task_label(score.task, score.protocol)}, {metric_name(score.metric)}",
        (count_text(score.seen.number, score.seen.tested) or NOTHING) + by,
        _mean(score.metric, score.mean, score.std),
        _mean(score.metric, score.mean_without, score.std_without),
    )


def _mean(metric: str, mean: float, std: float) -> str:
    """A mean with its spread over seeds, as in the leaderboard."""
    if math.isnan(mean):
        return NOTHING
    return value_text(metric, mean) + ("" if math.isnan(std) else f" ± {value_text(metric, std)}")
