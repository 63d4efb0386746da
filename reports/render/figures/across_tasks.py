"""Figures over all tasks of a setting: mean ranks, performance profiles, cost against quality."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from reports.analysis import leaderboard
from reports.records import Record
from reports.render.figures import cost, critical_difference, profiles
from reports.render.figures.planned import Group, Plan
from reports.render.figures.remarks import best_of, joined, leading, listed, one_seed
from reports.render.figures.style import Look, told_apart
from reports.scores import Scores
from reports.statistics.aggregate import interquartile_mean, normalised_runs
from reports.statistics.ranks import (
    DECIMALS,
    complete_rows,
    friedman,
    nemenyi,
    ranks,
    table,
    too_few,
)
from reports.statistics.ranks import critical_difference as critical
from reports.wording import plural


def of_ranks(made: Plan, group: Group, styles: Mapping[str, Look]) -> None:
    """Mean ranks with their critical difference, over complete rows."""
    scored, left_out = complete(group.scores, styles)
    ranked = table(scored)
    if few := too_few(ranked.values):
        made.missing.append(joined([f"{group.note}: no critical difference: {few}", left_out]))
        return
    tasks, backbones = ranked.values.shape
    means = pd.Series(ranks(ranked.values).mean(0), ranked.backbones)
    shown = leading((-means).to_dict())
    p_values = pd.DataFrame(nemenyi(ranked.values), ranked.backbones, ranked.backbones)
    found = friedman(ranked.values)
    made.figures.append(
        group.figure(
            "critical-difference",
            f"Mean rank over {plural(tasks, 'task')}",
            joined(
                [
                    "1 is best, ties share the average rank.",
                    "Joined: no significant difference by Nemenyi's test at 5 %.",
                    found.reason or f"Friedman's test: p = {found.p:.2g}.",
                    one_seed(scored),
                    best_of(backbones),
                    left_out,
                ]
            ),
            partial(
                critical_difference.draw,
                means[shown],
                p_values.loc[shown, shown],
                critical(backbones, tasks),
                styles,
            ),
        )
    )


def of_profiles(made: Plan, group: Group, styles: Mapping[str, Look]) -> None:
    """Performance profiles over complete rows and the seeds that all their runs have."""
    scored, left_out = complete(group.scores, styles)
    runs = normalised_runs(scored)
    if isinstance(runs, str):
        made.missing.append(joined([f"{group.note}: no performance profiles: {runs}", left_out]))
        return
    seeds, tasks = next(iter(runs.values())).shape
    shown = leading({name: interquartile_mean(some) for name, some in runs.items()})
    made.figures.append(
        group.figure(
            "profiles",
            "Over all tasks",
            joined(
                [
                    f"{plural(seeds, 'seed')} of {plural(tasks, 'task')}; "
                    "0 is the worst mean of a task and 1 the best.",
                    "Left: mean of the middle half of the runs, 95 % interval over seeds.",
                    "Right: performance profiles.",
                    best_of(len(runs)),
                    left_out,
                ]
            ),
            partial(profiles.draw, {name: runs[name] for name in shown}, told_apart(styles, shown)),
        )
    )


def of_cost(made: Plan, group: Group, styles: Mapping[str, Look]) -> None:
    """Cost against quality, over complete rows."""
    scored, left_out = complete(group.scores, styles)
    score = mean_scores(scored)
    if len(score) < 2:
        few = "no cost against quality: it needs two backbones that have the same tasks."
        made.missing.append(joined([f"{group.note}: {few}", left_out]))
        return
    if score.isna().all():
        made.missing.append(
            f"{group.note}: no cost against quality: every task has the same score for all backbones."
        )
        return
    shown = leading(score.to_dict())
    tasks = {(one.task, one.protocol) for one in scored}
    made.figures.append(
        group.figure(
            "cost",
            "Cost against quality",
            joined(
                [
                    f"Score: mean over {plural(len(tasks), 'task')}; "
                    "0 is the worst mean of a task and 100 the best.",
                    "Hours: training of one seed on all of these tasks.",
                    "Line: Pareto front, those that no other one beats in both.",
                    one_seed(scored),
                    best_of(len(score)),
                    left_out,
                ]
            ),
            partial(
                cost.draw, costs(group.records, tasks, score[shown]), told_apart(styles, shown)
            ),
        )
    )


def complete(scored: Sequence[Scores], styles: Mapping[str, Look]) -> tuple[list[Scores], str]:
    """The scores of complete rows, and which backbones and tasks have none, in words; nothing if all have."""
    backbones, tasks = complete_rows(scored)
    kept = [
        one for one in scored if one.backbone in backbones and (one.task, one.protocol) in tasks
    ]
    of_all = sorted({(one.task, one.protocol) for one in scored})
    number = Counter(one.backbone for one in scored if (one.task, one.protocol) in tasks)
    rest = [
        f"{styles[name].name} ({number[name]} of {plural(len(tasks), 'task')})"
        for name in sorted({one.backbone for one in scored} - set(backbones))
    ]
    rare = [f"{task} ({protocol})" for task, protocol in of_all if (task, protocol) not in tasks]
    return kept, joined(
        [
            f"Not ranked: {listed(rest)}." if rest else "",
            f"Left out, since few backbones have it: {listed(rare)}." if rare else "",
        ]
    )


def mean_scores(scored: Sequence[Scores]) -> pd.Series:
    """Mean normalised score of each backbone over the tasks that tell them apart, in [0, 1]; NaN if none does."""
    found = table(scored)
    means = pd.DataFrame(np.round(found.values, DECIMALS).T, index=list(found.backbones))
    return leaderboard.mean_scores(means)


def costs(
    records: Sequence[Record], tasks: Collection[tuple[str, str]], score: pd.Series
) -> pd.DataFrame:
    """A row per backbone of `score`: that, and its costs, NaN where they are not known.

    Hours are those of training one seed on all of the tasks: of a GPU where the machines had one, else of processor
    threads; a backbone that ran on both kinds has neither.
    """
    runs = pd.DataFrame(
        {
            "backbone": record.backbone,
            "task": f"{record.task} {record.protocol}",
            "parameters": record.parameters,
            "gpu": bool(record.machine.get("gpu")),
            "hours": hours(record),
        }
        for record in records
        if (record.task, record.protocol) in tasks and record.backbone in score.index
    )
    per_task = runs.groupby(["backbone", "task"])["hours"].mean().groupby("backbone")
    total = positive(per_task.agg(lambda column: column.sum(skipna=False)))
    on_gpu = runs.groupby("backbone")["gpu"].mean()
    found = pd.DataFrame(
        {
            "score": score,
            "parameters, million": positive(runs.groupby("backbone")["parameters"].max() / 1e6),
            "training, GPU hours": total.where(on_gpu == 1),
            "training, CPU hours": total.where(on_gpu == 0),
        }
    )
    return found.loc[score.index].dropna(axis="columns", how="all")


def positive(values: pd.Series) -> pd.Series:
    """The values that a logarithmic axis has a place for; NaN instead of the others."""
    return values.where(values > 0)


def hours(record: Record) -> float:
    """Hours that a run trained: of its GPU, or of all its processor threads; NaN if its record does not tell."""
    seconds = record.cost.get("train_seconds", np.nan)
    threads = 1 if record.machine.get("gpu") else record.threads
    return seconds * threads / 3600
