"""Every pair of backbones under every condition, in numbers: a file of data per backbone, which the page words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from lvmmed_backbones.display import plain
from reports.agreement import Condition, group_by
from reports.analysis.compare import task_label
from reports.metrics import metric_name
from reports.render.site.rendering import script_data
from reports.scores import Scores, defined_cases
from reports.statistics.bootstrap import Floats
from reports.statistics.family import ALPHA, over_tasks
from reports.statistics.pairs import Pairs, compare_pairs
from reports.statistics.planning import MOST_SEEDS
from reports.verdicts import KEY_SENTENCE
from reports.wording import condition_title, condition_warnings, plural

READING = (
    "Difference: A − B, in percentage points of the task's metric, over the test cases that both have.",
    "95 % interval: of that difference, if seeds and cases were drawn anew.",
    "p (Holm): of the hypothesis that A and B are equally good on the task, over seeds and cases, corrected for all "
    "tasks of the table.",
    f"Better: which one is, where p is below 0.05. {KEY_SENTENCE}",
    "Seeds to settle: how many seeds of each backbone would likely settle an open task, if the difference stays as it "
    "is; none: no number would.",
    "A dash: nothing can be said.",
)  # fmt: skip
POINTS, CHANCE = 2, 6  # decimals
Rows = list[list[Any]]


@dataclass(frozen=True)
class Family:
    """All pairs of a condition's backbones.

    Attributes
    ----------
    condition : Condition
        Which.
    backbones : list of int
        (K,) their numbers among the site's, ascending.
    tasks : list of (str, str, str)
        (T,) task, protocol and metric of each.
    found : Pairs
        Of shape (K (K - 1) / 2, T), in the order of `itertools.combinations`; no seeds where one lacks the task.
    """

    condition: Condition
    backbones: list[int]
    tasks: list[tuple[str, str, str]]
    found: Pairs

    def of(self, place: int) -> Pairs:
        """The pairs of a backbone, by its place here, with each one after it."""
        first = first_pair(place, len(self.backbones))
        rows = slice(first, first + len(self.backbones) - place - 1)
        return Pairs(*(getattr(self.found, field.name)[rows] for field in fields(Pairs)))


def first_pair(place: Any, backbones: int) -> Any:
    """Where the pairs of a backbone with those after it begin, among all pairs."""
    return place * (2 * backbones - place - 1) // 2


def compare_backbones(
    condition: Condition, scores: Sequence[Scores], numbers: Mapping[str, int], problems: list[str]
) -> Family:
    """The pairs of a condition; how many of a task have no case in common is added to the problems.

    Parameters
    ----------
    scores : sequence of Scores
        Of the condition.
    numbers : mapping of str to int
        Of the backbones among the site's.
    """
    by_task = group_by(scores, lambda one: (one.task, one.protocol))
    backbones = sorted({numbers[one.backbone] for one in scores})
    size = len(backbones)
    # Of a task that a backbone lacks there are no seeds; a variance needs some degree of freedom even so.
    empty = {field.name: float(field.name == "case_freedom") for field in fields(Pairs)}
    arrays = {name: np.full((size * (size - 1) // 2, len(by_task)), v) for name, v in empty.items()}
    for task, some in enumerate(by_task):
        ordered = sorted(some, key=lambda one: numbers[one.backbone])
        chosen, apart = comparable(ordered, combinations(range(len(ordered)), 2))
        if apart:
            a, b = apart[0]
            problems.append(
                f"{plain(task_label(some[0].task, some[0].protocol))}: {plural(len(apart), 'pair')} of backbones not "
                f"compared, without a case in common: {plain(f'{ordered[a].backbone}, {ordered[b].backbone}')}"
                + (" and others." if len(apart) > 1 else ".")
            )
        if not chosen:
            continue
        found = compare_pairs(ordered, chosen)
        place = np.searchsorted(backbones, [numbers[one.backbone] for one in ordered])
        rows = first_pair(place[found.a], size) + place[found.b] - place[found.a] - 1
        for name, array in arrays.items():
            array[rows, task] = getattr(found, name)
    tasks = [(some[0].task, some[0].protocol, some[0].metric) for some in by_task]
    return Family(condition, backbones, tasks, Pairs(**arrays))


def comparable(
    scores: Sequence[Scores], chosen: Iterable[tuple[int, int]]
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Of some pairs of a task's backbones, by their places: those that can be compared, and those that have cases but
    none in common."""
    cases = [defined_cases(one) for one in scores]
    there: list[tuple[int, int]] = []
    apart: list[tuple[int, int]] = []
    for a, b in chosen:
        disjoint = cases[a] and cases[b] and cases[a].isdisjoint(cases[b])
        (apart if disjoint else there).append((a, b))
    return there, apart


def write_data(
    families: Sequence[Family],
    backbones: Mapping[str, str],
    folder: Path,
    progress: Callable[[Iterable[Any], str], Iterable[Any]],
) -> None:
    """Write data/comparisons.js, what there is to choose from, and data/comparisons/ADDRESS.js: the pairs of each
    backbone with those after it, one way round.

    Parameters
    ----------
    backbones : mapping of str to str
        The address of each, in the order in which they are offered.
    folder : Path
        Of the site.
    progress : callable
        Wraps what takes long, given its name.
    """
    (folder / "data" / "comparisons").mkdir(parents=True)
    index = {
        "backbones": [{"name": name, "address": address} for name, address in backbones.items()],
        "settings": [condition_data(one) for one in families],
        "most": MOST_SEEDS,
        "of": {},
    }
    write_script(folder / "data" / "comparisons.js", "comparisons", index)
    for number, address in progress(list(enumerate(backbones.values())), "comparisons"):
        path = folder / "data" / "comparisons" / f"{address}.js"
        rows = [backbone_rows(one, number) for one in families]
        write_script(path, f'comparisons.of["{address}"]', rows)


def write_script(path: Path, name: str, content: Any) -> None:
    """Write a script that sets a variable."""
    path.write_text(script_data(name, content), encoding="utf-8", newline="\n")


def condition_data(one: Family) -> dict[str, Any]:
    """What the page must know of a condition."""
    return {
        "title": condition_title(one.condition),
        "data_source": one.condition.data_source,
        "warnings": condition_warnings(one.condition),
        "tasks": [
            {"name": task_label(task, protocol), "metric": metric_name(metric)}
            for task, protocol, metric in one.tasks
        ],
    }


def backbone_rows(one: Family, number: int) -> dict[int, Rows]:
    """By the number of each backbone after this one: a row per task that both have.

    A row has the task's number; difference, low and high in points; p; 1 where this one is better, -1 where the other
    one is, 0 for an open task; the seeds of each; cases; the seeds that would settle it, 0: none would.
    """
    place = one.backbones.index(number) if number in one.backbones else len(one.backbones)
    others = one.backbones[place + 1 :]
    if not others:
        return {}
    found = one.of(place)
    verdicts = over_tasks(found)
    tested = np.isfinite(verdicts.adjusted)
    better = np.where(verdicts.adjusted < ALPHA, np.sign(found.difference), 0)
    settle = np.where(np.isinf(verdicts.seeds), 0, verdicts.seeds)
    columns = [
        (100 * found.difference).round(POINTS),
        none_where_unknown(tested, (100 * verdicts.low).round(POINTS)),
        none_where_unknown(tested, (100 * verdicts.high).round(POINTS)),
        none_where_unknown(tested, verdicts.adjusted.round(CHANCE)),
        none_where_unknown(tested, better, int),
        found.seeds_a.astype(int),
        found.seeds_b.astype(int),
        found.cases.astype(int),
        none_where_unknown(~np.isnan(settle), settle, int),
    ]
    table = np.stack([column.astype(object) for column in columns], -1).tolist()
    both = found.seeds_a > 0
    return {
        other: [[task, *row] for task, row in enumerate(rows) if there[task]]
        for other, rows, there in zip(others, table, both, strict=True)
        if there.any()
    }


def none_where_unknown(known: np.ndarray, values: Floats, kind: type = float) -> np.ndarray:
    """The values where they are known, else None."""
    found = np.full(values.shape, None, object)
    found[known] = values[known].astype(kind).tolist()
    return found
