"""Plans of the figures of one task: bars, boxes, ranks under the bootstrap, label efficiency."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lvmmed_backbones.records import StoredRecord
from reports.analysis.compare import task_label
from reports.reading.consistency import group_by
from reports.reading.metrics import metric_name
from reports.reading.scores import Scores, on_common_cases
from reports.render.figures.planned import (
    MOST_SHOWN,
    ConditionGroup,
    Plan,
    best_of_note,
    leading_names,
    number_range,
    one_seed_note,
    ties_note,
)
from reports.render.figures.style import distinct_looks, percent
from reports.render.figures.task_figures import (
    draw_bars,
    draw_boxes,
    draw_label_efficiency,
    draw_rank_stability,
)
from reports.statistics.intervals import Interval, mean_interval, why_no_interval
from reports.statistics.stability import ranking_stability


def plan_task(
    plan: Plan, group: ConditionGroup, scores: Sequence[Scores], kinds: Collection[str]
) -> None:
    """Plan bars, ranks and boxes of one task, as far as they are asked for."""
    scores = sorted(scores, key=lambda s: s.backbone)  # random draws follow this order
    label = task_label(scores[0].task, scores[0].protocol)
    planners = {"bars": _plan_bars, "ranks": _plan_ranks, "cases": _plan_boxes}
    wanted = [kind for kind in planners if kind in kinds]
    if wanted and len(scores) < 2:
        alone = f"{scores[0].backbone} alone was run on it."
        plan.missing.append(f"{group.note}: no {wanted[0]} of {label}: {alone}")
        return
    for kind in wanted:
        with plan.naming(f"{group.note}: {kind} of {label}"):
            planners[kind](plan, group, scores, label)


def _plan_bars(plan: Plan, group: ConditionGroup, scores: Sequence[Scores], label: str) -> None:
    means = _mean_headlines(scores)
    shown = _in_order(scores, leading_names(means))
    intervals = [mean_interval(s) for s in shown]
    notes = [
        _whisker_note(shown, intervals),
        one_seed_note(shown),
        ties_note(means, plan.looks),
        best_of_note(len(scores)),
    ]
    bars = _interval_table(shown, intervals)
    draw = partial(draw_bars, bars, scores[0].metric, plan.looks)
    plan.add(group, "bars", label, notes, draw, scores[0].task, scores[0].protocol)


def _plan_boxes(plan: Plan, group: ConditionGroup, scores: Sequence[Scores], label: str) -> None:
    metric, with_cases = scores[0].metric, [s for s in scores if s.cases]
    if reason := _why_no_boxes(metric, len(with_cases)):
        plan.missing.append(f"{group.note}: no boxes of {label}: {reason}.")
        return
    shown = _in_order(with_cases, leading_names(_mean_headlines(with_cases)))
    title = f"{label}: {number_range((len(s.cases) for s in shown), 'case')}"
    notes = [
        f"A case's score is its mean over {number_range((len(s.seeds) for s in shown), 'seed')}.",
        one_seed_note(shown),
        best_of_note(len(with_cases)),
    ]
    by_case = {s.backbone: np.ma.masked_invalid(s.values).mean(0).filled(np.nan) for s in shown}
    draw = partial(draw_boxes, by_case, metric, plan.looks)
    plan.add(group, "cases", title, notes, draw, scores[0].task, scores[0].protocol)


def _why_no_boxes(metric: str, backbones: int) -> str:
    """Why scores of single cases tell nothing, as part of a sentence; empty if they do."""
    if metric == "accuracy":
        return "a case is right or wrong, nothing between"
    return f"its {metric_name(metric)} is no mean over cases" if backbones < 2 else ""


def _plan_ranks(plan: Plan, group: ConditionGroup, scores: Sequence[Scores], label: str) -> None:
    stability = ranking_stability(scores)
    if isinstance(stability, str):
        plan.missing.append(f"{group.note}: ranks of {label}: {stability}")
        return
    means = _mean_headlines(on_common_cases(scores))
    ranks = range(1, len(means) + 1)
    shares = pd.DataFrame(stability.shares, index=stability.backbones, columns=ranks)
    levels = {"seeds": stability.seeds, "cases": stability.units}
    notes = [
        f"Percent of {len(stability.ranks)} bootstrap resamples of "
        f"{' and '.join(filter(levels.get, levels))}; ties all take the better rank.",
        rank_correlation(stability.tau),
        one_seed_note(scores),
        ties_note(means, plan.looks),
        best_of_note(len(means)),
    ]
    shown = pool_ranks(shares.loc[leading_names(means)])
    draw = partial(draw_rank_stability, shown, plan.looks)
    title = f"{label}: how stable the ranking is"
    plan.add(group, "ranks", title, notes, draw, scores[0].task, scores[0].protocol)


def _mean_headlines(scores: Sequence[Scores]) -> dict[str, float]:
    """Mean headline of each backbone."""
    return {s.backbone: float(s.headlines.mean()) for s in scores}


def _in_order(scores: Sequence[Scores], backbones: Sequence[str]) -> list[Scores]:
    """The scores of these backbones, in their order."""
    by_backbone = {s.backbone: s for s in scores}
    return [by_backbone[name] for name in backbones]


def pool_ranks(shares: pd.DataFrame) -> pd.DataFrame:
    """Shares of ranks, those beyond `MOST_SHOWN` added up to one column."""
    if shares.shape[1] <= MOST_SHOWN:
        return shares
    beyond = shares.iloc[:, MOST_SHOWN:].sum(axis="columns").rename(f">{MOST_SHOWN}")
    return pd.concat([shares.iloc[:, :MOST_SHOWN], beyond], axis="columns")


def rank_correlation(tau: NDArray[np.float64]) -> str:
    """A sentence on how well the resamples' rankings agree with the full one; empty where all are tied."""
    defined = tau[np.isfinite(tau)]
    if not defined.size:
        return ""
    return f"Kendall's tau of their rankings with the full one: median {np.median(defined):.2f}."


def _interval_table(scores: Sequence[Scores], intervals: Sequence[Interval | None]) -> pd.DataFrame:
    """A row per backbone: `backbone`, `mean`, `low`, `high`; the latter NaN where there is no interval."""
    rows = [
        (s.backbone, float(s.headlines.mean()), *((i.low, i.high) if i else (np.nan, np.nan)))
        for s, i in zip(scores, intervals, strict=True)
    ]
    return pd.DataFrame(rows, columns=["backbone", "mean", "low", "high"])


def _whisker_note(scores: Sequence[Scores], intervals: Sequence[Interval | None]) -> str:
    """A sentence on what the whiskers of a figure are, and why some are missing."""
    reasons = [reason.rstrip(".") for s in scores if (reason := why_no_interval(s))]
    if len(reasons) == len(scores):
        return f"{reasons[0]}."
    levels = {
        "seeds": any(i and i.seeds > 1 for i in intervals),
        "cases": any(i and i.units for i in intervals),
    }
    seeds = number_range((len(s.seeds) for s in scores), "seed")
    rest = f"; not all have one ({reasons[0]})" if reasons else ""
    over = " and ".join(filter(levels.get, levels))
    return f"Whiskers: 95 % confidence interval over {over}; {seeds}{rest}."


def plan_label_efficiency(plan: Plan, groups: Sequence[ConditionGroup]) -> None:
    """Plan a curve for each task that was run with several shares of its labels."""
    before = len(plan.figures)
    for alike in group_by(groups, lambda group: group.condition._replace(label_fraction=1.0)):
        records = [record for group in alike for record in group.records]
        condition = alike[0].condition._replace(label_fraction=1.0)
        merged = ConditionGroup(condition, records, alike[0].scores, all_shares=True)
        by_task: dict[tuple[str, str, str], list[tuple[float, Scores]]] = defaultdict(list)
        for group in alike:
            for s in group.scores:
                share = group.condition.label_fraction
                by_task[s.task, s.protocol, s.metric].append((share, s))
        for (task, protocol, _), scores in by_task.items():
            if max(Counter(s.backbone for _, s in scores).values()) > 1:
                with plan.naming(f"{merged.note}: labels of {task_label(task, protocol)}"):
                    _plan_label_curve(plan, merged, scores)
    if len(plan.figures) == before:
        plan.missing.append(
            "no label efficiency: no backbone was run with two shares of the labels of a task "
            "(`python -m benchmarks run --label-fractions`)."
        )


def _plan_label_curve(
    plan: Plan, group: ConditionGroup, scores: Sequence[tuple[float, Scores]]
) -> None:
    """Plan the curve of a task; `scores` has share and scores of each backbone and share."""
    task, protocol, metric = scores[0][1].task, scores[0][1].protocol, scores[0][1].metric
    ends = {  # share and mean at the largest share
        s.backbone: (share, float(s.headlines.mean()))
        for share, s in sorted(scores, key=lambda pair: pair[0])
    }
    names = sorted(ends, key=lambda name: (-ends[name][0], -ends[name][1], name))[:MOST_SHOWN]
    shares, shown = zip(*((share, s) for share, s in scores if s.backbone in names), strict=True)
    at_the_end = {name: mean for name, (share, mean) in ends.items() if share == max(shares)}
    intervals = [mean_interval(s) for s in shown]
    notes = [
        _image_counts([r for r in group.records if (r.task, r.protocol) == (task, protocol)]),
        _whisker_note(shown, intervals),
        one_seed_note(shown),
        ties_note(at_the_end, plan.looks),
        best_of_note(len(ends)),
    ]
    curves = _interval_table(shown, intervals).assign(label_fraction=shares)
    looks = distinct_looks(plan.looks, names)
    draw = partial(draw_label_efficiency, curves, metric, looks)
    title = f"{task_label(task, protocol)}: what a share of the labels suffices for"
    plan.add(group, "labels", title, notes, draw, task, protocol)


def _image_counts(records: Sequence[StoredRecord]) -> str:
    """How many images, and of how many patients, each share of a task's labels is, as far as records tell."""
    by_share = sorted(records, key=lambda r: r.label_fraction)
    texts = []
    for runs in group_by(by_share, lambda r: r.label_fraction):
        if counts := " of ".join(_train_counts(runs)):
            texts.append(f"{percent(runs[0].label_fraction)}: {counts}")
    return f"{'; '.join(texts)}." if texts else ""


def _train_counts(runs: Sequence[StoredRecord]) -> Iterator[str]:
    """Numbers of training images, and of patients if records tell; seeds may differ, as they draw patients."""
    for key, word in (("train", "image"), ("train_patients", "patient")):
        if not all(key in run.data.counts for run in runs):
            return
        yield number_range((run.data.counts[key] for run in runs), word)
