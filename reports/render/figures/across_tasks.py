"""Figures over all tasks of a condition: mean ranks, performance profiles, cost against quality."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from lvmmed_backbones.records import StoredRecord
from reports.analysis import leaderboard
from reports.render.figures import cost, critical_difference, profiles
from reports.render.figures.planned import ConditionGroup, Plan
from reports.render.figures.remarks import (
    best_of_note,
    join_sentences,
    leading_names,
    list_names,
    one_seed_note,
)
from reports.render.figures.style import Look, distinct_looks
from reports.scores import Scores
from reports.statistics.aggregate import interquartile_mean, normalised_runs
from reports.statistics.ranks import (
    DECIMALS,
    complete_rows,
    friedman,
    mean_table,
    nemenyi,
    ranks,
    why_no_ranks,
)
from reports.statistics.ranks import critical_difference as critical
from reports.wording import plural


def plan_critical_difference(made: Plan, group: ConditionGroup, styles: Mapping[str, Look]) -> None:
    """Mean ranks with their critical difference, over complete rows."""
    scored, left_out = ranked_scores(group.scores, styles)
    ranked = mean_table(scored)
    if few := why_no_ranks(ranked.values):
        made.missing.append(
            join_sentences([f"{group.note}: no critical difference: {few}", left_out])
        )
        return
    tasks, backbones = ranked.values.shape
    means = pd.Series(ranks(ranked.values).mean(0), ranked.backbones)
    shown = leading_names((-means).to_dict())
    p_values = pd.DataFrame(nemenyi(ranked.values), ranked.backbones, ranked.backbones)
    found = friedman(ranked.values)
    made.figures.append(
        group.figure(
            "critical-difference",
            f"Mean rank over {plural(tasks, 'task')}",
            join_sentences(
                [
                    "1 is best, ties share the average rank.",
                    "Joined: no significant difference by Nemenyi's test at 5 %.",
                    found.reason or f"Friedman's test: p = {found.p:.2g}.",
                    one_seed_note(scored),
                    best_of_note(backbones),
                    left_out,
                ]
            ),
            partial(
                critical_difference.draw_critical_difference,
                means[shown],
                p_values.loc[shown, shown],
                critical(backbones, tasks),
                styles,
            ),
        )
    )


def plan_profiles(made: Plan, group: ConditionGroup, styles: Mapping[str, Look]) -> None:
    """Performance profiles over complete rows and the seeds that all their runs have."""
    scored, left_out = ranked_scores(group.scores, styles)
    runs = normalised_runs(scored)
    if isinstance(runs, str):
        made.missing.append(
            join_sentences([f"{group.note}: no performance profiles: {runs}", left_out])
        )
        return
    seeds, tasks = next(iter(runs.values())).shape
    shown = leading_names({name: interquartile_mean(some) for name, some in runs.items()})
    made.figures.append(
        group.figure(
            "profiles",
            "Over all tasks",
            join_sentences(
                [
                    f"{plural(seeds, 'seed')} of {plural(tasks, 'task')}; "
                    "0 is the worst mean of a task and 1 the best.",
                    "Left: mean of the middle half of the runs, 95 % interval over seeds.",
                    "Right: performance profiles.",
                    best_of_note(len(runs)),
                    left_out,
                ]
            ),
            partial(
                profiles.draw_profiles,
                {name: runs[name] for name in shown},
                distinct_looks(styles, shown),
            ),
        )
    )


def plan_cost(made: Plan, group: ConditionGroup, styles: Mapping[str, Look]) -> None:
    """Cost against quality, over complete rows."""
    scored, left_out = ranked_scores(group.scores, styles)
    score = mean_scores(scored)
    if len(score) < 2:
        few = "no cost against quality: it needs two backbones that have the same tasks."
        made.missing.append(join_sentences([f"{group.note}: {few}", left_out]))
        return
    if score.isna().all():
        made.missing.append(
            f"{group.note}: no cost against quality: every task has the same score for all backbones."
        )
        return
    shown = leading_names(score.to_dict())
    tasks = {(one.task, one.protocol) for one in scored}
    made.figures.append(
        group.figure(
            "cost",
            "Cost against quality",
            join_sentences(
                [
                    f"Score: mean over {plural(len(tasks), 'task')}; "
                    "0 is the worst mean of a task and 100 the best.",
                    "Hours: training of one seed on all of these tasks.",
                    "Line: Pareto front, those that no other one beats in both.",
                    one_seed_note(scored),
                    best_of_note(len(score)),
                    left_out,
                ]
            ),
            partial(
                cost.draw_cost,
                cost_table(group.records, tasks, score[shown]),
                distinct_looks(styles, shown),
            ),
        )
    )


def ranked_scores(scored: Sequence[Scores], styles: Mapping[str, Look]) -> tuple[list[Scores], str]:
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
    return kept, join_sentences(
        [
            f"Not ranked: {list_names(rest)}." if rest else "",
            f"Left out, since few backbones have it: {list_names(rare)}." if rare else "",
        ]
    )


def mean_scores(scored: Sequence[Scores]) -> pd.Series:
    """Mean normalised score of each backbone over the tasks that tell them apart, in [0, 1]; NaN if none does."""
    found = mean_table(scored)
    means = pd.DataFrame(np.round(found.values, DECIMALS).T, index=list(found.backbones))
    return leaderboard.mean_scores(means)


def cost_table(
    records: Sequence[StoredRecord], tasks: Collection[tuple[str, str]], score: pd.Series
) -> pd.DataFrame:
    """A row per backbone of `score`: that, and its costs, NaN where they are not known.

    Hours are those of training one seed on all of the tasks: of a GPU where the machines had one, else of processor
    threads; a backbone that ran on both kinds has neither.
    """
    runs = pd.DataFrame(
        {
            "backbone": record.backbone.name,
            "task": f"{record.task} {record.protocol}",
            "parameters": record.backbone.parameters,
            "gpu": bool(record.provenance.machine.get("gpu")),
            "hours": training_hours(record),
        }
        for record in records
        if (record.task, record.protocol) in tasks and record.backbone.name in score.index
    )
    per_task = runs.groupby(["backbone", "task"])["hours"].mean().groupby("backbone")
    total = positive_or_nan(per_task.agg(lambda column: column.sum(skipna=False)))
    on_gpu = runs.groupby("backbone")["gpu"].mean()
    found = pd.DataFrame(
        {
            "score": score,
            "parameters, million": positive_or_nan(
                runs.groupby("backbone")["parameters"].max() / 1e6
            ),
            "training, GPU hours": total.where(on_gpu == 1),
            "training, CPU hours": total.where(on_gpu == 0),
        }
    )
    return found.loc[score.index].dropna(axis="columns", how="all")


def positive_or_nan(values: pd.Series) -> pd.Series:
    """The values that a logarithmic axis has a place for; NaN instead of the others."""
    return values.where(values > 0)


def training_hours(record: StoredRecord) -> float:
    """Hours that a run trained: of its GPU, or of all its processor threads; NaN if its record does not tell."""
    seconds = record.cost.get("train_seconds", np.nan)
    threads = 1 if record.provenance.machine.get("gpu") else record.threads
    return seconds * threads / 3600
