"""Figures of one task each: bars, boxes, ranks under the bootstrap, label efficiency."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.agreement import grouped
from reports.figures import bars, boxes, label_efficiency, rank_stability
from reports.figures.planned import Group, Plan
from reports.figures.style import Look, metric_words
from reports.scores import Scores
from reports.statistics.intervals import Interval, interval, why_not
from reports.statistics.stability import stability
from reports.wording import plural


def of_task(made: Plan, group: Group, scored: Sequence[Scores], styles: Mapping[str, Look]) -> None:
    """Bars, boxes and ranks of one task."""
    one = scored[0]
    words = f"{one.task} ({one.protocol})"
    if len(scored) < 2:
        made.missing.append(
            f"{group.note}: no bars of {words}: {one.backbone} alone was run on it."
        )
        return
    found = [interval(each) for each in scored]
    made.figures.append(
        group.figure(
            "bars",
            words,
            whiskers(scored, found),
            partial(bars.draw, with_intervals(scored, found), one.metric, styles),
            task=one.task,
            protocol=one.protocol,
        )
    )
    of_stability(made, group, scored, styles)
    by_case = {s.backbone: mean_over_seeds(s.values) for s in scored if s.cases}
    if reason := no_boxes(one.metric, len(by_case)):
        made.missing.append(f"{group.note}: no boxes of {words}: {reason}.")
        return
    made.figures.append(
        group.figure(
            "cases",
            f"{words}: {plural(len(one.cases), 'case')}",
            f"A case's score is its mean over {seeds(scored)}.",
            partial(boxes.draw, by_case, one.metric, styles),
            task=one.task,
            protocol=one.protocol,
        )
    )


def of_stability(
    made: Plan, group: Group, scored: Sequence[Scores], styles: Mapping[str, Look]
) -> None:
    """The share of each rank on one task when its cases and seeds are drawn anew."""
    one, found = scored[0], stability(scored)
    words = f"{one.task} ({one.protocol})"
    if isinstance(found, str):
        made.missing.append(f"{group.note}: ranks of {words}: {found}")
        return
    order = np.argsort(found.ranks.mean(0), kind="stable")
    shares = pd.DataFrame(
        found.shares[order],
        index=[found.backbones[place] for place in order],
        columns=range(1, len(order) + 1),
    )
    drawn = [
        words for words, number in (("seeds", found.seeds), ("cases", found.units)) if number > 0
    ]
    made.figures.append(
        group.figure(
            "ranks",
            f"{words}: how stable the ranking is",
            f"Percent of {len(found.ranks)} bootstrap resamples of {' and '.join(drawn)}.{alike(found.tau)}",
            partial(rank_stability.draw, shares, styles),
            task=one.task,
            protocol=one.protocol,
        )
    )


def alike(tau: NDArray[np.float64]) -> str:
    """How alike the resamples' rankings are to the full one, as a sentence; nothing where all are tied."""
    told = tau[np.isfinite(tau)]
    if not told.size:
        return ""
    return f" Kendall's tau of their rankings with the full one: median {np.median(told):.2f}."


def mean_over_seeds(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(S, C) scores to (C,); NaN where no seed has one."""
    return np.ma.masked_invalid(values).mean(axis=0).filled(np.nan)


def no_boxes(metric: str, backbones: int) -> str | None:
    """Why the scores of single cases say nothing; None if they do."""
    if metric == "accuracy":
        return "a case is right or wrong, nothing between"
    if backbones < 2:
        return f"its {metric_words(metric)} is no mean over cases"
    return None


def with_intervals(scored: Sequence[Scores], found: Sequence[Interval | None]) -> pd.DataFrame:
    """A row per backbone: `backbone`, `mean`, `low`, `high`; the latter NaN where there is no interval."""
    rows = [
        (one.backbone, float(one.headlines.mean()), *((i.low, i.high) if i else (np.nan, np.nan)))
        for one, i in zip(scored, found, strict=True)
    ]
    return pd.DataFrame(rows, columns=["backbone", "mean", "low", "high"])


def whiskers(scored: Sequence[Scores], found: Sequence[Interval | None]) -> str:
    """What the whiskers of a figure are, and why some are not there."""
    reasons = [reason.rstrip(".") for one in scored if (reason := why_not(one))]
    if len(reasons) == len(scored):
        return f"{reasons[0]}."
    over = [
        word
        for word, there in (
            ("seeds", any(one and one.seeds > 1 for one in found)),
            ("cases", any(one and one.units for one in found)),
        )
        if there
    ]
    said = f"Whiskers: 95 % confidence interval over {' and '.join(over)}; {seeds(scored)}"
    return said + (f"; not all have one ({reasons[0]})." if reasons else ".")


def seeds(scored: Sequence[Scores]) -> str:
    """Over how many seeds."""
    numbers = sorted({len(one.seeds) for one in scored})
    if len(numbers) == 1:
        return plural(numbers[0], "seed")
    return f"{numbers[0]} to {numbers[-1]} seeds"


def of_label_fractions(made: Plan, groups: Sequence[Group], styles: Mapping[str, Look]) -> None:
    """A curve for each task that was run with several shares of its labels."""
    before = len(made.figures)
    for alike in grouped(groups, lambda group: group.setting._replace(label_fraction=1.0)):
        by_task: dict[tuple[str, str], list[tuple[float, Scores]]] = defaultdict(list)
        for group in alike:
            for one in group.scores:
                by_task[one.task, one.protocol].append((group.setting.label_fraction, one))
        whole = replace(alike[0], setting=alike[0].setting._replace(label_fraction=1.0))
        for (task, protocol), some in by_task.items():
            fractions, scored = [share for share, _ in some], [one for _, one in some]
            if max(Counter(one.backbone for one in scored).values()) < 2:
                continue
            found = [interval(one) for one in scored]
            frame = with_intervals(scored, found).assign(label_fraction=fractions)
            figure = whole.figure(
                "labels",
                f"{task} ({protocol}): what a share of the labels suffices for",
                whiskers(scored, found),
                partial(label_efficiency.draw, frame, scored[0].metric, styles),
                task=task,
                protocol=protocol,
            )
            made.figures.append(replace(figure, note=figure.note.replace(", all labels", "", 1)))
    if len(made.figures) == before:
        made.missing.append(
            "no label efficiency: no backbone was run with two shares of the labels of a task "
            "(`python -m benchmarks run --label-fractions`)."
        )
