"""Scores with and without the test cases that a backbone saw in its pretraining: numbers only, no text."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from lvmmed_backbones.records import StoredRecord
from reports.reading.consistency import Condition, condition_of, group_by
from reports.reading.scores import Scores, read_sound_scores, task_label, without_cases
from reports.reading.seen import DATA_SET, TEST_IMAGES, Seen, SeenByCell, cell_of

ALL_SEEN = "all test cases were seen, so there is no score without them"
NO_MEAN = "the metric is no mean over test cases, so it cannot be taken without some"
NO_CASE = "no test case is left that was not seen"
NONE_LEFT = "no other test case has a score"
NO_NAMES = "which test cases were seen is not known"


@dataclass(frozen=True)
class LeakedScore:
    """The score of a backbone that saw test images of a task.

    Attributes
    ----------
    backbone, task, protocol, metric : str
        As in the records.
    seen : Seen
        Which of the test cases it saw.
    mean, std : float
        Mean headline over seeds, a fraction, and sample standard deviation; NaN for one seed.
    mean_without, std_without : float
        The same over the other test cases; NaN if there is no such score.
    reason : str
        Why there is none; empty if there is one.
    """

    backbone: str
    task: str
    protocol: str
    metric: str
    seen: Seen
    mean: float
    std: float
    mean_without: float
    std_without: float
    reason: str


def leaked_scores(
    records: Sequence[StoredRecord], seen: SeenByCell
) -> tuple[list[LeakedScore], list[str]]:
    """The scores of the backbones that saw test images, with and without these.

    Only their records are read again.

    Parameters
    ----------
    records : sequence of StoredRecord
        Records of one condition, such as those of a leaderboard.
    seen : mapping of Cell to Seen
        What `reports.reading.seen.find_seen` found.

    Returns
    -------
    (list of LeakedScore, list of str)
        The scores in the order of the records, and a sentence for each record whose cases are not sound.
    """
    here = {cell: seen[cell] for cell in dict.fromkeys(map(cell_of, records)) if cell in seen}
    leaking = {cell for cell, one in here.items() if one.state == TEST_IMAGES}
    scores, problems = read_sound_scores([r for r in records if cell_of(r) in leaking])
    return leaked_of(scores, here), problems


def leaked_of(scores: Sequence[Scores], seen: SeenByCell) -> list[LeakedScore]:
    """Those of some scores whose backbones saw test images, with and without these; `seen` is of one condition."""
    of_cell = {cell[1:]: one for cell, one in seen.items() if one.state == TEST_IMAGES}
    keys = [(s.task, s.protocol, s.backbone) for s in scores]
    return [
        _leaked_score(s, of_cell[key])
        for s, key in zip(scores, keys, strict=True)
        if key in of_cell
    ]


@dataclass(frozen=True)
class Kept:
    """The records that a leaderboard is made of.

    Attributes
    ----------
    records : sequence of StoredRecord
        Their values are over the cases that count.
    left_out : dict of (Condition, str, str) to frozenset of str
        By condition, task and protocol: the cases that do not count, if there are any.
    seen : mapping of Cell to Seen
        What the backbones have seen, but for these cases.
    notes : dict of Condition to list of str
        A sentence for each task that lost cases, or is left out.
    """

    records: Sequence[StoredRecord]
    left_out: dict[tuple[Condition, str, str], frozenset[str]]
    seen: SeenByCell
    notes: dict[Condition, list[str]]


def on_unseen_cases(records: Sequence[StoredRecord], seen: SeenByCell) -> Kept:
    """The records on the test cases that none of their backbones saw: all backbones of a task on the same cases.

    A task of which a backbone has no such score is left out, as is a record whose cases are not sound; whoever reads
    its cases names it.

    Parameters
    ----------
    records : sequence of StoredRecord
        Records that may be of several conditions.
    seen : mapping of Cell to Seen
        What `reports.reading.seen.find_seen` found.
    """
    kept: list[StoredRecord] = []
    left_out: dict[tuple[Condition, str, str], frozenset[str]] = {}
    notes: dict[Condition, list[str]] = defaultdict(list)
    rest_seen = dict(seen)
    for runs in group_by(records, column_of):
        cells = {cell: seen[cell] for cell in map(cell_of, runs) if cell in seen}
        leaking = {cell: one for cell, one in cells.items() if one.state == TEST_IMAGES}
        if not leaking:
            kept += runs
            continue
        names = frozenset(case for one in leaking.values() for case in one.leaked)
        rest, reason = _without(runs, [*leaking.values()], names)
        condition, label = condition_of(runs[0]), task_label(runs[0].task, runs[0].protocol)
        if reason:
            notes[condition].append(f"{label} is left out: {reason}.")
            continue
        kept += rest
        left_out[column_of(runs[0])] = names
        for cell, one in leaking.items():
            rest_seen[cell] = Seen(DATA_SET, number=0, told=one.told)
        notes[condition].append(f"{label}: test cases that do not count: {len(names)}.")
    return Kept(kept, left_out, rest_seen, notes)


def column_of(record: StoredRecord) -> tuple[Condition, str, str]:
    """Condition, task and protocol of a record."""
    return cell_of(record)[:3]


def _without(
    runs: Sequence[StoredRecord], leaking: Sequence[Seen], names: frozenset[str]
) -> tuple[list[StoredRecord], str]:
    """The runs of a task without some cases; or none, and why."""
    scores = read_sound_scores(runs)[0]
    rest = [without_cases(s, names) for s in scores]
    if any(one.tested is not None and one.number == one.tested for one in leaking):
        return [], ALL_SEEN
    if not all(one.leaked for one in leaking):
        return [], NO_NAMES
    if not all(rest):
        return [], NO_CASE if all(s.cases for s in scores) else NO_MEAN
    values = {
        (s.backbone, seed): float(value)
        for s in rest
        if s
        for seed, value in zip(s.seeds, s.headlines, strict=True)
    }
    sound = [run for run in runs if (run.backbone.name, run.seed) in values]
    return [replace(run, value=values[run.backbone.name, run.seed]) for run in sound], ""


def _leaked_score(scores: Scores, seen: Seen) -> LeakedScore:
    rest = without_cases(scores, seen.leaked) if seen.leaked else None
    nothing = np.full(len(scores.seeds), math.nan)
    return LeakedScore(
        *(scores.backbone, scores.task, scores.protocol, scores.metric, seen),
        *_mean_and_spread(scores.headlines),
        *_mean_and_spread(rest.headlines if rest else nothing),
        why_not_without(scores, seen),
    )


def why_not_without(scores: Scores, seen: Seen) -> str:
    """Why a backbone that saw test images has no score without these; empty if it has one."""
    if seen.leaked and without_cases(scores, seen.leaked):
        return ""
    if seen.tested is not None and seen.number == seen.tested:
        return ALL_SEEN
    if not seen.leaked:
        return NO_NAMES
    return NONE_LEFT if scores.cases else NO_MEAN


def _mean_and_spread(values: np.ndarray) -> tuple[float, float]:
    """Mean and sample standard deviation; NaN for one value."""
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else math.nan
