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
from reports.agreement import grouped
from reports.metrics import metric_name
from reports.render.figures import bars, boxes, label_efficiency, rank_stability
from reports.render.figures.planned import Group, Plan
from reports.render.figures.remarks import MOST, best_of, equal, joined, leading, one_seed, seeds
from reports.render.figures.style import Look, percent, told_apart
from reports.scores import Scores, common
from reports.statistics.intervals import Interval, interval, why_not
from reports.statistics.stability import stability
from reports.wording import plural


def of_task(
    made: Plan,
    group: Group,
    scored: Sequence[Scores],
    styles: Mapping[str, Look],
    kinds: Collection[str],
) -> None:
    """Bars, ranks and boxes of one task, as far as they are asked for."""
    scored = sorted(scored, key=lambda one: one.backbone)  # what is drawn at random goes by it
    wanted = [kind for kind in DRAWN if kind in kinds]
    if wanted and len(scored) < 2:
        one = scored[0]
        made.missing.append(
            f"{group.note}: no {wanted[0]} of {words(one)}: {one.backbone} alone was run on it."
        )
        return
    for kind in wanted:
        with made.naming(f"{group.note}: {kind} of {words(scored[0])}"):
            DRAWN[kind](made, group, scored, styles)


def of_means(
    made: Plan, group: Group, scored: Sequence[Scores], styles: Mapping[str, Look]
) -> None:
    """Bars of the means, with intervals."""
    one, means = scored[0], mean_headlines(scored)
    shown = ordered(scored, leading(means))
    found = [interval(each) for each in shown]
    made.figures.append(
        group.figure(
            "bars",
            words(one),
            joined(
                [
                    whiskers(shown, found),
                    one_seed(shown),
                    equal(means, styles),
                    best_of(len(scored)),
                ]
            ),
            partial(bars.draw, with_intervals(shown, found), one.metric, styles),
            task=one.task,
            protocol=one.protocol,
        )
    )


def of_cases(
    made: Plan, group: Group, scored: Sequence[Scores], styles: Mapping[str, Look]
) -> None:
    """Boxes over the scores of single cases."""
    one = scored[0]
    having = [each for each in scored if each.cases]
    if reason := no_boxes(one.metric, len(having)):
        made.missing.append(f"{group.note}: no boxes of {words(one)}: {reason}.")
        return
    shown = ordered(having, leading(mean_headlines(having)))
    cases = sorted({len(each.cases) for each in shown})
    number = plural(cases[0], "case") if len(cases) == 1 else f"{cases[0]} to {cases[-1]} cases"
    made.figures.append(
        group.figure(
            "cases",
            f"{words(one)}: {number}",
            joined(
                [
                    f"A case's score is its mean over {seeds(shown)}.",
                    one_seed(shown),
                    best_of(len(having)),
                ]
            ),
            partial(
                boxes.draw,
                {each.backbone: mean_over_seeds(each.values) for each in shown},
                one.metric,
                styles,
            ),
            task=one.task,
            protocol=one.protocol,
        )
    )


def of_stability(
    made: Plan, group: Group, scored: Sequence[Scores], styles: Mapping[str, Look]
) -> None:
    """The share of each rank on one task when its cases and seeds are drawn anew."""
    one, found = scored[0], stability(scored)
    if isinstance(found, str):
        made.missing.append(f"{group.note}: ranks of {words(one)}: {found}")
        return
    means = mean_headlines(common(scored))
    shown = leading(means)
    shares = pd.DataFrame(found.shares, index=found.backbones, columns=range(1, len(means) + 1))
    drawn = [
        word for word, number in (("seeds", found.seeds), ("cases", found.units)) if number > 0
    ]
    made.figures.append(
        group.figure(
            "ranks",
            f"{words(one)}: how stable the ranking is",
            joined(
                [
                    f"Percent of {len(found.ranks)} bootstrap resamples of {' and '.join(drawn)}; "
                    "ties all take the better rank.",
                    alike(found.tau),
                    one_seed(scored),
                    equal(means, styles),
                    best_of(len(means)),
                ]
            ),
            partial(rank_stability.draw, pooled(shares.loc[shown]), styles),
            task=one.task,
            protocol=one.protocol,
        )
    )


# In the order in which they are drawn.
DRAWN = {"bars": of_means, "ranks": of_stability, "cases": of_cases}


def words(one: Scores) -> str:
    """A task, and how backbones are used on it."""
    return f"{one.task} ({one.protocol})"


def mean_headlines(scored: Sequence[Scores]) -> dict[str, float]:
    """The mean headline of each backbone."""
    return {one.backbone: float(one.headlines.mean()) for one in scored}


def ordered(scored: Sequence[Scores], backbones: Sequence[str]) -> list[Scores]:
    """The scores of these backbones, in their order."""
    by_backbone = {one.backbone: one for one in scored}
    return [by_backbone[name] for name in backbones]


def pooled(shares: pd.DataFrame) -> pd.DataFrame:
    """Shares of ranks with those beyond `MOST`, if there are any, as one rank."""
    if shares.shape[1] <= MOST:
        return shares
    beyond = shares.iloc[:, MOST:].sum(axis="columns").rename(f">{MOST}")
    return pd.concat([shares.iloc[:, :MOST], beyond], axis="columns")


def alike(tau: NDArray[np.float64]) -> str:
    """How alike the resamples' rankings are to the full one, as a sentence; nothing where all are tied."""
    told = tau[np.isfinite(tau)]
    if not told.size:
        return ""
    return f"Kendall's tau of their rankings with the full one: median {np.median(told):.2f}."


def mean_over_seeds(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(S, C) scores to (C,); NaN where no seed has one."""
    return np.ma.masked_invalid(values).mean(axis=0).filled(np.nan)


def no_boxes(metric: str, backbones: int) -> str | None:
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


def of_label_fractions(made: Plan, groups: Sequence[Group], styles: Mapping[str, Look]) -> None:
    """A curve for each task that was run with several shares of its labels."""
    before = len(made.figures)
    for alike in grouped(groups, lambda group: group.setting._replace(label_fraction=1.0)):
        whole = replace(alike[0], setting=alike[0].setting._replace(label_fraction=1.0))
        by_task: dict[tuple[str, str, str], list[tuple[float, Scores]]] = defaultdict(list)
        for group in alike:
            for one in group.scores:
                share = group.setting.label_fraction
                by_task[one.task, one.protocol, one.metric].append((share, one))
        records = [record for group in alike for record in group.records]
        for (task, protocol, _), some in by_task.items():
            if max(Counter(one.backbone for _, one in some).values()) < 2:
                continue
            with made.naming(f"{whole.note}: labels of {words(some[0][1])}"):
                of_shares(made, whole, some, counted(records, task, protocol), styles)
    if len(made.figures) == before:
        made.missing.append(
            "no label efficiency: no backbone was run with two shares of the labels of a task "
            "(`python -m benchmarks run --label-fractions`)."
        )


def of_shares(
    made: Plan,
    whole: Group,
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
    names = sorted(ends, key=lambda name: (-ends[name][0], -ends[name][1], name))[:MOST]
    shown = [(share, one) for share, one in some if one.backbone in names]
    scored = [one for _, one in shown]
    most = max(share for share, _ in shown)
    at_the_end = {name: mean for name, (share, mean) in ends.items() if share == most}
    found = [interval(one) for one in scored]
    frame = with_intervals(scored, found).assign(label_fraction=[share for share, _ in shown])
    figure = whole.figure(
        "labels",
        f"{words(scored[0])}: what a share of the labels suffices for",
        joined(
            [
                numbers,
                whiskers(scored, found),
                one_seed(scored),
                equal(at_the_end, styles),
                best_of(len(ends)),
            ]
        ),
        partial(label_efficiency.draw, frame, scored[0].metric, told_apart(styles, names)),
        task=scored[0].task,
        protocol=scored[0].protocol,
    )
    made.figures.append(replace(figure, note=figure.note.replace(", all labels", "", 1)))


def counted(records: Sequence[StoredRecord], task: str, protocol: str) -> str:
    """How many images, and of how many patients, each share of a task's labels is, as far as the records tell."""
    of_task = [r for r in records if (r.task, r.protocol) == (task, protocol)]
    found = []
    for some in grouped(
        sorted(of_task, key=lambda r: r.label_fraction), lambda r: r.label_fraction
    ):
        numbers = [span(some, "train", "image"), span(some, "train_patients", "patient")]
        if numbers[0]:
            told = " of ".join(filter(None, numbers))
            found.append(f"{percent(some[0].label_fraction)}: {told}")
    return f"{'; '.join(found)}." if found else ""


def span(records: Sequence[StoredRecord], count: str, word: str) -> str:
    """How many the runs had: as seeds draw different patients, perhaps from a least to a greatest number.

    Empty if a record does not tell.
    """
    numbers = sorted({record.data.counts.get(count, -1) for record in records})
    if numbers[0] < 0:
        return ""
    if len(numbers) == 1:
        return plural(numbers[0], word)
    return f"{numbers[0]} to {plural(numbers[-1], word)}"
