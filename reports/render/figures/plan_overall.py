"""Plans of the figures over all tasks of a condition: mean ranks, performance profiles, cost against quality."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lvmmed_backbones.records import StoredRecord
from reports.analysis import leaderboard
from reports.analysis.compare import task_label
from reports.reading.scores import Scores
from reports.render.figures.overall_figures import (
    draw_cost,
    draw_critical_difference,
    draw_profiles,
)
from reports.render.figures.planned import (
    ConditionGroup,
    Plan,
    best_of_note,
    join_sentences,
    leading_names,
    list_names,
    one_seed_note,
)
from reports.render.figures.style import distinct_looks
from reports.render.text.leaderboard_text import plural
from reports.statistics.aggregate import interquartile_mean, normalised_runs
from reports.statistics.ranks import (
    DECIMALS,
    complete_rows,
    critical_difference,
    friedman,
    mean_table,
    nemenyi,
    ranks,
    why_no_ranks,
)

# Title, notes, and what draws the figure; a planner returns a reason in its place if data are too few.
Planned = tuple[str, list[str], Callable[[], Figure]]


def plan_overall(plan: Plan, group: ConditionGroup, kinds: Collection[str]) -> None:
    """Plan the figures over all tasks, as far as they are asked for; they show complete rows alone."""
    planners = {
        "critical-difference": _plan_critical_difference,
        "profiles": _plan_profiles,
        "cost": _plan_cost,
    }
    for kind, planner in planners.items():
        if kind in kinds:
            with plan.naming(f"{group.note}: {kind}"):
                scores, left_out = _ranked_scores(plan, group.scores)
                planned = planner(plan, group, scores)
                if isinstance(planned, str):
                    plan.missing.append(join_sentences([f"{group.note}: no {planned}", left_out]))
                else:
                    title, notes, draw = planned
                    plan.add(group, kind, title, [*notes, left_out], draw)


def _plan_critical_difference(
    plan: Plan, _group: ConditionGroup, scores: Sequence[Scores]
) -> Planned | str:
    names, values = mean_table(scores)
    if reason := why_no_ranks(values):
        return f"critical difference: {reason}"
    tasks, backbones = values.shape
    means = pd.Series(ranks(values).mean(0), names)
    shown = leading_names((-means).to_dict())
    p_values = pd.DataFrame(nemenyi(values), names, names)
    outcome = friedman(values)
    notes = [
        "1 is best, ties share the average rank.",
        "Joined: no significant difference by Nemenyi's test at 5 %.",
        outcome.reason or f"Friedman's test: p = {outcome.p:.2g}.",
        one_seed_note(scores),
        best_of_note(backbones),
    ]
    critical = critical_difference(backbones, tasks)
    draw = partial(
        draw_critical_difference, means[shown], p_values.loc[shown, shown], critical, plan.looks
    )
    return f"Mean rank over {plural(tasks, 'task')}", notes, draw


def _plan_profiles(plan: Plan, _group: ConditionGroup, scores: Sequence[Scores]) -> Planned | str:
    runs = normalised_runs(scores)
    if isinstance(runs, str):
        return f"performance profiles: {runs}"
    seeds, tasks = next(iter(runs.values())).shape
    names = leading_names({name: interquartile_mean(values) for name, values in runs.items()})
    notes = [
        f"{plural(seeds, 'seed')} of {plural(tasks, 'task')}; "
        "0 is the worst mean of a task and 1 the best.",
        "Left: mean of the middle half of the runs, 95 % interval over seeds.",
        "Right: performance profiles.",
        best_of_note(len(runs)),
    ]
    shown = {name: runs[name] for name in names}
    draw = partial(draw_profiles, shown, distinct_looks(plan.looks, names))
    return "Over all tasks", notes, draw


def _plan_cost(plan: Plan, group: ConditionGroup, scores: Sequence[Scores]) -> Planned | str:
    score = mean_scores(scores)
    if len(score) < 2:
        return "cost against quality: it needs two backbones that have the same tasks."
    if score.isna().all():
        return "cost against quality: every task has the same score for all backbones."
    names = leading_names(score.to_dict())
    tasks = {(s.task, s.protocol) for s in scores}
    notes = [
        f"Score: mean over {plural(len(tasks), 'task')}; "
        "0 is the worst mean of a task and 100 the best.",
        "Hours: training of one seed on all of these tasks.",
        "Line: Pareto front, those that no other one beats in both.",
        one_seed_note(scores),
        best_of_note(len(score)),
    ]
    costs = cost_table(group.records, tasks, score[names])
    draw = partial(draw_cost, costs, distinct_looks(plan.looks, names))
    return "Cost against quality", notes, draw


def _ranked_scores(plan: Plan, scores: Sequence[Scores]) -> tuple[list[Scores], str]:
    """The scores of complete rows, and sentences on the backbones and tasks that are left out."""
    backbones, tasks = complete_rows(scores)
    of_tasks = [s for s in scores if (s.task, s.protocol) in tasks]
    number = Counter(s.backbone for s in of_tasks)
    incomplete = [
        f"{plan.looks[name].name} ({number[name]} of {plural(len(tasks), 'task')})"
        for name in sorted({s.backbone for s in scores} - set(backbones))
    ]
    rare = [
        task_label(*task) for task in sorted({(s.task, s.protocol) for s in scores} - set(tasks))
    ]
    sentences = [
        f"Not ranked: {list_names(incomplete)}." if incomplete else "",
        f"Left out, since few backbones have it: {list_names(rare)}." if rare else "",
    ]
    return [s for s in of_tasks if s.backbone in backbones], join_sentences(sentences)


def mean_scores(scores: Sequence[Scores]) -> pd.Series:
    """Mean normalised score of each backbone over the tasks that tell them apart, in [0, 1]; NaN if none does."""
    names, values = mean_table(scores)
    return leaderboard.mean_scores(pd.DataFrame(np.round(values, DECIMALS).T, names))


def cost_table(
    records: Sequence[StoredRecord], tasks: Collection[tuple[str, str]], score: pd.Series
) -> pd.DataFrame:
    """Score and costs, a row per backbone of `score`; NaN where a cost is unknown.

    Hours are those of training one seed on all of the tasks: GPU hours if the machines had a GPU, else hours of CPU
    threads. A backbone that ran on both kinds of machine has neither.
    """
    runs = pd.DataFrame(
        {
            "backbone": record.backbone.name,
            "task": f"{record.task} {record.protocol}",
            "parameters": record.backbone.parameters,
            "gpu": bool(record.provenance.machine.get("gpu")),
            "hours": _training_hours(record),
        }
        for record in records
        if (record.task, record.protocol) in tasks and record.backbone.name in score.index
    )
    per_task = runs.groupby(["backbone", "task"])["hours"].mean().groupby("backbone")
    total = per_task.agg(lambda column: column.sum(skipna=False))
    on_gpu = runs.groupby("backbone")["gpu"].mean()
    parameters = runs.groupby("backbone")["parameters"].max() / 1e6
    costs = pd.DataFrame(
        {
            "parameters, million": parameters,
            "training, GPU hours": total.where(on_gpu == 1),
            "training, CPU hours": total.where(on_gpu == 0),
        }
    )
    costs = costs.where(costs > 0)  # a logarithmic axis has no place for others
    return costs.assign(score=score).loc[score.index].dropna(axis="columns", how="all")


def _training_hours(record: StoredRecord) -> float:
    """Hours that a run trained, of its GPU or of all its CPU threads; NaN if its record does not tell."""
    seconds = record.cost.get("train_seconds", np.nan)
    threads = 1 if record.provenance.machine.get("gpu") else record.threads
    return seconds * threads / 3600
