"""Every pair of backbones under every setting, compared: what the comparison view shows, worded and rounded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

from reports.agreement import Setting, grouped
from reports.compare import Comparison, TaskComparison, Verdict, compare, label
from reports.scores import Scores
from reports.verdicts import p, sentence, summary
from reports.wording import NOTHING, title, warnings

# Headings of the table, and how their cells are set.
COLUMNS = (
    ("Task", "name"),
    ("Better", ""),
    ("Difference", "num"),
    ("95 % interval", "num"),
    ("p, Holm", "num"),
    ("p, cases", "num"),
    ("Rank-biserial", "num"),
    ("Cases", "num"),
    ("Seeds", "num"),
)
READING = (
    "Difference: A less B, in percentage points of the task's headline metric, over the cases that both have.",
    "Interval: bootstrap over seeds and cases, as far as there are enough of each.",
    "p, Holm: of the hypothesis that the backbones are equally good, over seeds and cases. p, cases: of the networks "
    "that were trained, Wilcoxon's signed-rank test of their cases. Holm's correction is over the tasks.",
    "Rank-biserial: effect size of the cases in [-1, 1]; above 0 in favour of A.",
    "A dash: too few seeds or cases to say; the words tell which.",
)  # fmt: skip


Pairs = dict[tuple[str, str], Comparison]


def compared(
    by_setting: Mapping[Setting, Sequence[Scores]],
    progress: Callable[[Iterable[Any], str], Iterable[Any]],
) -> dict[Setting, Pairs]:
    """Every ordered pair of a setting's backbones that have a task in common.

    Args:
        by_setting: the scores of each setting.
        progress: wraps what takes long, given its name.
    """
    found: dict[Setting, Pairs] = {}
    for setting, scores in by_setting.items():
        of = {some[0].backbone: some for some in grouped(scores, lambda s: s.backbone)}
        tasks = {name: {(s.task, s.protocol) for s in some} for name, some in of.items()}
        wanted = [(a, b) for a, b in combinations(sorted(of), 2) if tasks[a] & tasks[b]]
        found[setting] = {}
        for a, b in progress(wanted, "comparisons"):
            one = compare(of[a], of[b])
            found[setting] |= {(a, b): one, (b, a): mirrored(one)}
    return found


def mirrored(found: Comparison) -> Comparison:
    """The same comparison with A and B exchanged: both ways round say the same."""
    exchanged: dict[Verdict, Verdict] = {"A": "B", "B": "A"}
    return replace(
        found,
        a=found.b,
        b=found.a,
        only_a=found.only_b,
        only_b=found.only_a,
        improvement=1 - found.improvement,
        tasks=[
            replace(
                task,
                seeds_a=task.seeds_b,
                seeds_b=task.seeds_a,
                mean_a=task.mean_b,
                mean_b=task.mean_a,
                difference=-task.difference,
                interval=task.interval
                and replace(
                    task.interval,
                    mean=-task.interval.mean,
                    low=-task.interval.high,
                    high=-task.interval.low,
                ),
                rank_biserial=-task.rank_biserial,
                cohens_dz=-task.cohens_dz,
                verdict=exchanged.get(task.verdict, task.verdict),
            )
            for task in found.tasks
        ],
    )


def view(found: Mapping[Setting, Pairs], backbones: Sequence[str]) -> dict[str, Any]:
    """The data of the comparison view.

    Args:
        found: what `compared` returned, the most telling setting first.
        backbones: in the order in which they are offered.
    """
    return {
        "columns": [{"title": heading, "kind": kind} for heading, kind in COLUMNS],
        "backbones": list(backbones),
        "settings": [
            {
                "title": title(setting),
                "figure": setting.figure,
                "warnings": warnings(setting),
                "pairs": [pair(one) for one in pairs.values()],
            }
            for setting, pairs in found.items()
        ],
    }


def against(
    ranked: Sequence[str], task: str, protocol: str, pairs: Pairs
) -> list[tuple[str, dict[str, Any]]]:
    """What the lead of a task's best backbone is worth: each other one's name, and the row of their comparison.

    Args:
        ranked: the task's backbones, the best first.
    """
    return [
        (other, row(pairs[ranked[0], other], one))
        for other in ranked[1:]
        for one in pairs[ranked[0], other].tasks
        if (one.task, one.protocol) == (task, protocol)
    ]


def pair(found: Comparison) -> dict[str, Any]:
    """A comparison, as the view shows it."""
    return {
        "first": found.a,
        "second": found.b,
        "words": list(summary(found)),
        "rows": [row(found, task) for task in found.tasks],
    }


def row(found: Comparison, task: TaskComparison) -> dict[str, Any]:
    """A task: the cells of the table, what can be said of it, and what is plotted."""
    low, high = (
        (100 * task.interval.low, 100 * task.interval.high) if task.interval else (None, None)
    )
    better = {"A": found.a, "B": found.b}.get(task.verdict, task.verdict)
    return {
        "cells": [
            label(task.task, task.protocol),
            better,
            f"{100 * task.difference:+.1f}",
            NOTHING if low is None else f"{low:+.1f} to {high:+.1f}",
            chance(task.p_backbones),
            chance(task.p_wilcoxon),
            NOTHING if task.rank_biserial != task.rank_biserial else f"{task.rank_biserial:+.2f}",
            str(task.cases or NOTHING),
            str(task.seeds_a) if task.seeds_a == task.seeds_b else f"{task.seeds_a}, {task.seeds_b}",
        ],
        "says": sentence(task),
        "plot": {
            "task": label(task.task, task.protocol),
            "mean": 100 * task.difference,
            "low": low,
            "high": high,
            "leader": {"A": "first", "B": "second"}.get(task.verdict, "open"),
        },
    }  # fmt: skip


def chance(value: float | None) -> str:
    """A p-value in a cell."""
    return NOTHING if value is None else p(value).removeprefix("p").removeprefix(" = ").strip()
