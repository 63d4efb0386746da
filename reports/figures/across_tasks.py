"""Figures over all tasks of a setting: mean ranks, performance profiles, cost against quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from reports.agreement import grouped
from reports.figures import cost, critical_difference, profiles
from reports.figures.planned import Group, Plan
from reports.figures.style import Look
from reports.records import Record
from reports.scores import Scores
from reports.statistics.aggregate import normalised_runs
from reports.statistics.ranks import critical_difference as critical
from reports.statistics.ranks import friedman, nemenyi, ranks, table, too_few
from reports.wording import plural


def of_ranks(made: Plan, group: Group, styles: Mapping[str, Look]) -> None:
    """Mean ranks with their critical difference, over the tasks that all backbones have."""
    ranked = table(group.scores)
    if few := too_few(ranked.values):
        made.missing.append(f"{group.note}: no critical difference: {few}")
        return
    p_values = pd.DataFrame(nemenyi(ranked.values), ranked.backbones, ranked.backbones)
    found = friedman(ranked.values)
    said = found.reason or f"Friedman's test: p = {found.p:.2g}."
    tasks, backbones = ranked.values.shape
    made.figures.append(
        group.figure(
            "critical-difference",
            f"Mean rank over {plural(tasks, 'task')}",
            f"1 is best. Joined: no difference by Nemenyi's test at 5 %. {said}",
            partial(
                critical_difference.draw,
                pd.Series(ranks(ranked.values).mean(0), ranked.backbones),
                p_values,
                critical(backbones, tasks),
                styles,
            ),
        )
    )


def of_profiles(made: Plan, group: Group, styles: Mapping[str, Look]) -> None:
    """Performance profiles over the tasks and seeds that all backbones have."""
    runs = normalised_runs(group.scores)
    if isinstance(runs, str):
        made.missing.append(f"{group.note}: no performance profiles: {runs}")
        return
    seeds, tasks = next(iter(runs.values())).shape
    made.figures.append(
        group.figure(
            "profiles",
            "Over all tasks",
            f"{plural(seeds, 'seed')} of {plural(tasks, 'task')}; 0 is the worst mean of a task and 1 the best. "
            "Left: mean of the middle half of the runs, 95 % interval over seeds. Right: performance profiles.",
            partial(profiles.draw, runs, styles),
        )
    )


def of_cost(made: Plan, group: Group, styles: Mapping[str, Look]) -> None:
    """Cost against quality, over the tasks that all backbones have."""
    tasks = common_tasks(group.scores)
    if len({one.backbone for one in group.scores}) < 2 or not tasks:
        made.missing.append(
            f"{group.note}: no cost against quality: it wants two backbones, all run on one task at least."
        )
        return
    made.figures.append(
        group.figure(
            "cost",
            "Cost against quality",
            "Line: Pareto front, those that no other one beats in both.",
            partial(
                cost.draw,
                costs(group.records, tasks),
                f"mean of {plural(len(tasks), 'task')}",
                styles,
            ),
        )
    )


def common_tasks(scored: Sequence[Scores]) -> set[tuple[str, str]]:
    """The tasks, with protocol, that every backbone has."""
    by_backbone = grouped(scored, lambda one: one.backbone)
    return set.intersection(*({(one.task, one.protocol) for one in some} for some in by_backbone))


def costs(records: Sequence[Record], tasks: set[tuple[str, str]]) -> pd.DataFrame:
    """A row per backbone: `score`, the mean headline of the tasks, and its costs, NaN where they are not known.

    Hours are those of training one seed on all of the tasks: of a GPU where the machines had one, else of processor
    threads; a backbone that ran on both kinds has neither.
    """
    runs = pd.DataFrame(
        {
            "backbone": record.backbone,
            "task": f"{record.task} {record.protocol}",
            "value": record.value,
            "parameters": record.parameters,
            "gpu": bool(record.machine.get("gpu")),
            "hours": hours(record),
        }
        for record in records
        if (record.task, record.protocol) in tasks
    )
    per_task = runs.groupby(["backbone", "task"])[["value", "hours"]].mean().groupby("backbone")
    total = per_task["hours"].agg(lambda column: column.sum(skipna=False)).where(lambda h: h > 0)
    on_gpu = runs.groupby("backbone")["gpu"].mean()
    table = pd.DataFrame(
        {
            "score": per_task["value"].mean(),
            "parameters, million": runs.groupby("backbone")["parameters"].max() / 1e6,
            "training, GPU hours": total.where(on_gpu == 1),
            "training, CPU hours": total.where(on_gpu == 0),
        }
    )
    return table.dropna(axis="columns", how="all")


def hours(record: Record) -> float:
    """Hours that a run trained: of its GPU, or of all its processor threads; NaN if its record does not tell."""
    seconds = record.cost.get("train_seconds", np.nan)
    threads = 1 if record.machine.get("gpu") else record.threads
    return seconds * threads / 3600
