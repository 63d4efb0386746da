"""Figures of one task each: bars, boxes, ranks under the bootstrap, label efficiency."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lvmmed_backbones.records import StoredRecord
from reports.agreement import group_by
from reports.metrics import metric_name
from reports.render.figures import bars, boxes, label_efficiency, rank_stability
from reports.render.figures.planned import ConditionGroup, Plan
from reports.render.figures.remarks import (
    MOST_SHOWN,
    best_of_note,
    join_sentences,
    leading_names,
    one_seed_note,
    seed_range,
    ties_note,
)
from reports.render.figures.style import Look, distinct_looks, percent
from reports.scores import Scores, on_common_cases
from reports.statistics.intervals import Interval, mean_interval, why_no_interval
from reports.statistics.stability import ranking_stability
from reports.wording import plural


def plan_task(
    made: Plan,
    group: ConditionGroup,
    scored: Sequence[Scores],
    styles: Mapping[str, Look],
    kinds: Collection[str],
) -> None:
    """Bars, ranks and boxes of one task, as far as they are asked for."""
    scored = sorted(scored, key=lambda one: one.backbone)  # what is drawn at random goes by it
    wanted = [kind for kind in PLANNERS if kind in kinds]
    if wanted and len(scored) < 2:
        one = scored[0]
        made.missing.append(
            f"{group.note}: no {wanted[0]} of {words(one)}: {one.backbone} alone was run on it."
        )
        return
    for kind in wanted:
        with made.naming(f"{group.note}: {kind} of {words(scored[0])}"):
            PLANNERS[kind](made, group, scored, styles)


def plan_bars(
    made: Plan, group: ConditionGroup, scored: Sequence[Scores], styles: Mapping[str, Look]
) -> None:
    """Bars of the means, with intervals."""
    one, means = scored[0], mean_headlines(scored)
    shown = in_order(scored, leading_names(means))
    found = [mean_interval(each) for each in shown]
    made.figures.append(
        group.figure(
            "bars",
            words(one),
            join_sentences(
                [
                    whisker_note(shown, found),
                    one_seed_note(shown),
                    ties_note(means, styles),
                    best_of_note(len(scored)),
                ]
            ),
            partial(bars.draw_bars, with_intervals(shown, found), one.metric, styles),
            task=one.task,
            protocol=one.protocol,
        )
    )


def plan_boxes(
    made: Plan, group: ConditionGroup, scored: Sequence[Scores], styles: Mapping[str, Look]
) -> None:
    """Boxes over the scores of single cases."""
    one = scored[0]
    having = [each for each in scored if each.cases]
    if reason := why_no_boxes(one.metric, len(having)):
        made.missing.append(f"{group.note}: no boxes of {words(one)}: {reason}.")
        return
    shown = in_order(having, leading_names(mean_headlines(having)))
    cases = sorted({len(each.cases) for each in shown})
    number = plural(cases[0], "case") if len(cases) == 1 else f"{cases[0]} to {cases[-1]} cases"
    made.figures.append(
        group.figure(
            "cases",
            f"{words(one)}: {number}",
            join_sentences(
                [
                    f"A case's score is its mean over {seed_range(shown)}.",
                    one_seed_note(shown),
                    best_of_note(len(having)),
                ]
            ),
            partial(
                boxes.draw_boxes,
                {each.backbone: mean_over_seeds(each.values) for each in shown},
                one.metric,
                styles,
            ),
            task=one.task,
            protocol=one.protocol,
        )
    )


def plan_ranks(
    made: Plan, group: ConditionGroup, scored: Sequence[Scores], styles: Mapping[str, Look]
) -> None:
    """The share of each rank on one task when its cases and seeds are drawn anew."""
    one, found = scored[0], ranking_stability(scored)
    if isinstance(found, str):
        made.missing.append(f"{group.note}: ranks of {words(one)}: {found}")
        return
    means = mean_headlines(on_common_cases(scored))
    shown = leading_names(means)
    shares = pd.DataFrame(found.shares, index=found.backbones, columns=range(1, len(means) + 1))
    drawn = [
        word for word, number in (("seeds", found.seeds), ("cases", found.units)) if number > 0
    ]
    made.figures.append(
        group.figure(
            "ranks",
            f"{words(one)}: how stable the ranking is",
            join_sentences(
                [
                    f"Percent of {len(found.ranks)} bootstrap resamples of {' and '.join(drawn)}; "
                    "ties all take the better rank.",
                    rank_correlation(found.tau),
                    one_seed_note(scored),
                    ties_note(means, styles),
                    best_of_note(len(means)),
                ]
            ),
            partial(rank_stability.draw_rank_stability, pool_ranks(shares.loc[shown]), styles),
            task=one.task,
            protocol=one.protocol,
        )
    )


# In the order in which they are drawn.
PLANNERS = {"bars": plan_bars, "ranks": plan_ranks, "cases": plan_boxes}


def words(one: Scores) -> str:
    """A task, and how backbones are used on it."""
    return f"{one.task} ({one.protocol})"


def mean_headlines(scored: Sequence[Scores]) -> dict[str, float]:
    """The mean headline of each backbone."""
    return {one.backbone: float(one.headlines.mean()) for one in scored}


def in_order(scored: Sequence[Scores], backbones: Sequence[str]) -> list[Scores]:
    """The scores of these backbones, in their order."""
    by_backbone = {one.backbone: one for one in scored}
    return [by_backbone[name] for name in backbones]


def pool_ranks(shares: pd.DataFrame) -> pd.DataFrame:
    """Shares of ranks with those beyond `MOST`, if there are any, as one rank."""
    if shares.shape[1] <= MOST_SHOWN:
        return shares
    beyond = shares.iloc[:, MOST_SHOWN:].sum(axis="columns").rename(f">{MOST_SHOWN}")
    return pd.concat([shares.iloc[:, :MOST_SHOWN], beyond], axis="columns")


def rank_correlation(tau: NDArray[np.float64]) -> str:
    """How alike the resamples' rankings are to the full one, as a sentence; nothing where all are tied."""
    told = tau[np.isfinite(tau)]
    if not told.size:
        return ""
    return f"Kendall's tau of their rankings with the full one: median {np.median(told):.2f}."


def mean_over_seeds(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(S, C) scores to (C,); NaN where no seed has one."""
    return np.ma.masked_invalid(values).mean(axis=0).filled(np.nan)


def why_no_boxes(metric: str, backbones: int) -> str | None:
    """Why the scores of single cases say nothing; None if they do."""
    if metric == "accuracy":
        return "a case is right or wrong, nothing between"
    if backbones < 2:
        return f"its {metric_name(metric)} is no mean over cases"
    return None


def with_intervals(scored: Sequence[Scores], found: Sequence[Interval | None]) -> pd.DataFrame:
    """A row per backbone: `backbone`, `mean`, `low`, `high`; the latter NaN where there is no interval."""
    rows = [
        (one.backbone, float(one.headlines.mean()), *((i.low, i.high) if i else (np.nan, np.nan)))
        for one, i in zip(scored, found, strict=True)
    ]
    return pd.DataFrame(rows, columns=["backbone", "mean", "low", "high"])


def whisker_note(scored: Sequence[Scores], found: Sequence[Interval | None]) -> str:
    """What the whiskers of a figure are, and why some are not there."""
    reasons = [reason.rstrip(".") for one in scored if (reason := why_no_interval(one))]
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
    said = f"Whiskers: 95 % confidence interval over {' and '.join(over)}; {seed_range(scored)}"
    return said + (f"; not all have one ({reasons[0]})." if reasons else ".")


def plan_label_efficiency(
    made: Plan, groups: Sequence[ConditionGroup], styles: Mapping[str, Look]
) -> None:
    """A curve for each task that was run with several shares of its labels."""
    before = len(made.figures)
    for alike in group_by(groups, lambda group: group.condition._replace(label_fraction=1.0)):
        whole = replace(alike[0], condition=alike[0].condition._replace(label_fraction=1.0))
        by_task: dict[tuple[str, str, str], list[tuple[float, Scores]]] = defaultdict(list)
        for group in alike:
            for one in group.scores:
                share = group.condition.label_fraction
                by_task[one.task, one.protocol, one.metric].append((share, one))
        records = [record for group in alike for record in group.records]
        for (task, protocol, _), some in by_task.items():
            if max(Counter(one.backbone for _, one in some).values()) < 2:
                continue
            with made.naming(f"{whole.note}: labels of {words(some[0][1])}"):
                plan_label_curve(made, whole, some, image_counts(records, task, protocol), styles)
    if len(made.figures) == before:
        made.missing.append(
            "no label efficiency: no backbone was run with two shares of the labels of a task "
            "(`python -m benchmarks run --label-fractions`)."
        )


def plan_label_curve(
    made: Plan,
    whole: ConditionGroup,
    some: Sequence[tuple[float, Scores]],
    numbers: str,
    styles: Mapping[str, Look],
) -> None:
    """The curve of a task of which some backbone has several shares of the labels.

    Parameters
    ----------
    some : sequence of (float, Scores)
        Share and score of each backbone and share.
    numbers : str
        How many images each share is, as a sentence.
    """
    ends = {  # the mean at the largest share
        one.backbone: (share, float(one.headlines.mean()))
        for share, one in sorted(some, key=lambda pair: pair[0])
    }
    names = sorted(ends, key=lambda name: (-ends[name][0], -ends[name][1], name))[:MOST_SHOWN]
    shown = [(share, one) for share, one in some if one.backbone in names]
    scored = [one for _, one in shown]
    most = max(share for share, _ in shown)
    at_the_end = {name: mean for name, (share, mean) in ends.items() if share == most}
    found = [mean_interval(one) for one in scored]
    frame = with_intervals(scored, found).assign(label_fraction=[share for share, _ in shown])
    figure = whole.figure(
        "labels",
        f"{words(scored[0])}: what a share of the labels suffices for",
        join_sentences(
            [
                numbers,
                whisker_note(scored, found),
                one_seed_note(scored),
                ties_note(at_the_end, styles),
                best_of_note(len(ends)),
            ]
        ),
        partial(
            label_efficiency.draw_label_efficiency,
            frame,
            scored[0].metric,
            distinct_looks(styles, names),
        ),
        task=scored[0].task,
        protocol=scored[0].protocol,
    )
    made.figures.append(replace(figure, note=figure.note.replace(", all labels", "", 1)))


def image_counts(records: Sequence[StoredRecord], task: str, protocol: str) -> str:
    """How many images, and of how many patients, each share of a task's labels is, as far as the records tell."""
    of_task = [r for r in records if (r.task, r.protocol) == (task, protocol)]
    found = []
    for some in group_by(
        sorted(of_task, key=lambda r: r.label_fraction), lambda r: r.label_fraction
    ):
        numbers = [
            count_range(some, "train", "image"),
            count_range(some, "train_patients", "patient"),
        ]
        if numbers[0]:
            told = " of ".join(filter(None, numbers))
            found.append(f"{percent(some[0].label_fraction)}: {told}")
    return f"{'; '.join(found)}." if found else ""


def count_range(records: Sequence[StoredRecord], count: str, word: str) -> str:
    """How many the runs had: as seeds draw different patients, perhaps from a least to a greatest number.

    Empty if a record does not tell.
    """
    numbers = sorted({record.data.counts.get(count, -1) for record in records})
    if numbers[0] < 0:
        return ""
    if len(numbers) == 1:
        return plural(numbers[0], word)
    return f"{numbers[0]} to {plural(numbers[-1], word)}"
