"""Every pair of backbones under every condition, in numbers: a file of data per backbone; the page finds the words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from lvmmed_backbones.display import plain
from reports.analysis.compare import task_label
from reports.reading.consistency import Condition, group_by
from reports.reading.metrics import metric_name
from reports.reading.scores import Scores
from reports.reading.seen import DATA_SET, TEST_IMAGES, Cell, SeenByCell
from reports.render.site.files import SiteFolder
from reports.render.site.rendering import script_data
from reports.render.text.comparison_text import KEY_SENTENCE
from reports.render.text.leaderboard_text import condition_title, condition_warnings, plural
from reports.render.text.seen_text import seen_words
from reports.statistics.family import ALPHA, over_tasks
from reports.statistics.pairs import Pairs, comparable, compare_pairs
from reports.statistics.planning import MOST_SEEDS

READING = (
    "Difference: A − B, in percentage points of the task's metric, over the test cases that both have.",
    "95 % interval: of that difference, if seeds and cases were drawn anew.",
    "p (Holm): of the hypothesis that A and B are equally good on the task, over seeds and cases, corrected for all "
    "tasks of the table.",
    f"Better: which one is, where p is below 0.05. {KEY_SENTENCE}",
    "Seeds to settle: how many seeds of each backbone would likely settle an open task, if the difference stays as it "
    "is; none: no number would.",
    "All verdicts are over all test cases. The command tells those without the cases that one of the two saw.",
    "A dash: nothing can be said.",
)  # fmt: skip
POINTS, CHANCE = 2, 6  # decimals
Rows = list[list[Any]]


@dataclass(frozen=True)
class Family:
    """All pairs of the backbones of a condition.

    Attributes
    ----------
    condition : Condition
        Condition of the scores.
    backbones : list of int
        (K,) numbers of the backbones among those of the site, ascending.
    tasks : list of (str, str, str)
        (T,) task, protocol and metric of each.
    pairs : Pairs
        Arrays of shape (K (K - 1) / 2, T), in the order of `itertools.combinations`; no seeds where one lacks the task.
    """

    condition: Condition
    backbones: list[int]
    tasks: list[tuple[str, str, str]]
    pairs: Pairs


def _first_pair(place: Any, backbones: int) -> Any:
    """Place among all pairs of the first pair of a backbone with one after it."""
    return place * (2 * backbones - place - 1) // 2


def compare_backbones(
    condition: Condition, scores: Sequence[Scores], numbers: Mapping[str, int], problems: list[str]
) -> Family:
    """The pairs of a condition; pairs without a case in common become a problem, one for each task.

    Parameters
    ----------
    scores : sequence of Scores
        Scores of the condition.
    numbers : mapping of str to int
        Number of each backbone among those of the site.
    """
    by_task = group_by(scores, lambda s: (s.task, s.protocol))
    backbones = sorted({numbers[s.backbone] for s in scores})
    size = len(backbones)
    # A task that a backbone lacks has no seeds; its variance needs some degree of freedom even so.
    shape = size * (size - 1) // 2, len(by_task)
    every = Pairs._make(np.full(shape, float(n == "case_freedom")) for n in Pairs._fields)
    for column, of_task in enumerate(by_task):
        ordered = sorted(of_task, key=lambda s: numbers[s.backbone])
        chosen, apart = comparable(ordered, combinations(range(len(ordered)), 2))
        if apart:
            first = f"{ordered[apart[0][0]].backbone}, {ordered[apart[0][1]].backbone}"
            label = task_label(of_task[0].task, of_task[0].protocol)
            problems.append(
                f"{plain(label)}: {plural(len(apart), 'pair')} of backbones not compared, without a "
                f"case in common: {plain(first)}{' and others' if len(apart) > 1 else ''}."
            )
        if not chosen:
            continue
        pairs = compare_pairs(ordered, chosen)
        places = np.searchsorted(backbones, [numbers[s.backbone] for s in ordered])
        rows = _first_pair(places[pairs.a], size) + places[pairs.b] - places[pairs.a] - 1
        for array, values in zip(every, pairs, strict=True):
            array[rows, column] = values
    tasks = [(of_task[0].task, of_task[0].protocol, of_task[0].metric) for of_task in by_task]
    return Family(condition, backbones, tasks, every)


def write_data(
    families: Sequence[Family],
    backbones: Mapping[str, str],
    folder: SiteFolder,
    seen: SeenByCell,
) -> None:
    """Write data/comparisons.js, the choices of the page, and data/comparisons/ADDRESS.js for each backbone.

    The latter has the pairs of a backbone with those after it.

    Parameters
    ----------
    backbones : mapping of str to str
        Address of each backbone, in the order in which the page offers them.
    seen : mapping of Cell to Seen
        What `reports.reading.seen.find_seen` found.
    """
    data = folder.path / "data"
    (data / "comparisons").mkdir(parents=True)
    index = {
        "backbones": [{"name": name, "address": address} for name, address in backbones.items()],
        "settings": [_condition_data(family, [*backbones], seen) for family in families],
        "most": MOST_SEEDS,
        "of": {},
    }
    _write_script(data / "comparisons.js", "comparisons", index)
    for number, address in folder.progress(list(enumerate(backbones.values())), "comparisons"):
        rows = [_backbone_rows(family, number) for family in families]
        _write_script(data / "comparisons" / f"{address}.js", f'comparisons.of["{address}"]', rows)


def _write_script(path: Path, name: str, content: Any) -> None:
    """Write a script that sets a variable."""
    path.write_text(script_data(name, content), encoding="utf-8", newline="\n")


def _condition_data(family: Family, names: Sequence[str], seen: SeenByCell) -> dict[str, Any]:
    """What the page needs of a condition; `names` of all backbones of the site."""

    def saw(task: str, protocol: str) -> dict[int, str]:
        cells = {n: Cell(family.condition, task, protocol, names[n]) for n in family.backbones}
        found = {n: seen[cell] for n, cell in cells.items() if cell in seen}
        return {
            n: seen_words(one.state, one.number, one.tested)
            for n, one in found.items()
            if one.state in (TEST_IMAGES, DATA_SET)
        }

    return {
        "title": condition_title(family.condition),
        "data_source": family.condition.data_source,
        "warnings": condition_warnings(family.condition),
        "tasks": [
            {
                "name": task_label(task, protocol),
                "metric": metric_name(metric),
                "seen": saw(task, protocol),
            }
            for task, protocol, metric in family.tasks
        ],
    }


def _backbone_rows(family: Family, number: int) -> dict[int, Rows]:
    """By the number of each backbone after this one: a row per task that both have.

    A row has the task's number; difference, low and high in points; p; 1 where this one is better, -1 where the other
    one is, 0 for an open task; the seeds of each; cases; the seeds that would settle it, 0: none would.
    """
    if number not in family.backbones:
        return {}
    place = family.backbones.index(number)
    others = family.backbones[place + 1 :]
    if not others:
        return {}
    first = _first_pair(place, len(family.backbones))
    pairs = Pairs._make(array[first : first + len(others)] for array in family.pairs)
    verdicts = over_tasks(pairs)
    tested = np.isfinite(verdicts.adjusted)
    better = np.where(verdicts.adjusted < ALPHA, np.sign(pairs.difference), 0)
    settle = np.where(np.isinf(verdicts.seeds), 0, verdicts.seeds)
    columns = [
        (100 * pairs.difference).round(POINTS),
        (100 * verdicts.low).round(POINTS),
        (100 * verdicts.high).round(POINTS),
        verdicts.adjusted.round(CHANCE),
        better.astype(int),
        pairs.seeds_a.astype(int),
        pairs.seeds_b.astype(int),
        pairs.cases.astype(int),
        np.nan_to_num(settle).astype(int),
    ]
    table = np.stack([column.astype(object) for column in columns], -1)
    table[~tested, 1:5] = None
    table[np.isnan(settle), 8] = None
    return {
        other: [[task, *row] for task, row in enumerate(rows) if both[task]]
        for other, rows, both in zip(others, table.tolist(), pairs.seeds_a > 0, strict=True)
        if both.any()
    }
