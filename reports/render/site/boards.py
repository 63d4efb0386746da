"""The leaderboards of the index: over all tasks, and per metric; groups of different conditions stand apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lvmmed_backbones.records import RELEASE, StoredRecord
from reports import published
from reports.analysis.leaderboard import (
    Leaderboard,
    column_order,
    in_metric,
    leaderboard,
    published_cells,
    with_best,
)
from reports.reading.consistency import Condition, by_condition, group_by
from reports.reading.metrics import metric_name
from reports.reading.seen import SeenByCell, told
from reports.render.text.leaderboard_text import (
    NOTHING,
    PUBLISHED_TITLE,
    ScoreText,
    condition_title,
    plural,
    rank_text,
    same_seeds,
    score_text,
)

BOARD_METRICS = ("dice", "iou", "map50", "accuracy", "kappa")  # in the order of their boards
ALL = "all"
PUBLISHED = Condition("published", "paper", 1.0, "published", RELEASE)


@dataclass(frozen=True)
class BoardRow:
    """A backbone in a group.

    Attributes
    ----------
    backbone, architecture, corpus : str
        Name of the backbone, and what it is.
    rank : float
        Mean rank over the group's tasks; NaN: none.
    place : str
        The mean rank in words, or why there is none.
    normalised : float
        Mean normalised score, in [0, 1]; NaN: none.
    tasks : int
        Number of tasks on which the backbone was run.
    cells : list of ScoreText or None
        A score per column of the board; None: not run.
    values : list of float or None
        The scores as fractions, for sorting.
    """

    backbone: str
    architecture: str
    corpus: str
    rank: float
    place: str
    normalised: float
    tasks: int
    cells: list[ScoreText | None]
    values: list[float | None]


@dataclass(frozen=True)
class BoardGroup:
    """Rows that can be compared with each other: of one condition, and of one protocol.

    Attributes
    ----------
    caption : str
        Condition and protocol in words, and the number of tasks that the ranks are taken over.
    condition : Condition
        Condition of all scores; the data source of published ones is 'published'.
    protocol : str
        'finetune', ..., or 'all'.
    rows : list of BoardRow
        Rows, the best rank first.
    """

    caption: str
    condition: Condition
    protocol: str
    rows: list[BoardRow]


@dataclass(frozen=True)
class Board:
    """A table of the index; its columns are `tasks`, none in the board over all tasks."""

    name: str
    anchor: str
    tasks: list[str]
    groups: list[BoardGroup]


def metric_boards(
    records: Sequence[StoredRecord], seen: SeenByCell
) -> tuple[list[Board], list[str]]:
    """The board over all tasks, then one per metric, with what the paper published.

    Parameters
    ----------
    seen : mapping of Cell to Seen
        What `reports.reading.seen.find_seen` found.

    Returns
    -------
    (list of Board, list of str)
        The boards, and a sentence for each metric of a record that is undefined.
    """
    known = {name for record in records for name in record.metrics}
    others = {record.metric for record in records} - set(BOARD_METRICS)
    marked = told(seen.values())
    boards = [Board("Overall", "overall", [], _groups(records, [], seen, marked, pooled=True))]
    problems = []
    for metric in [*filter(known.__contains__, BOARD_METRICS), *sorted(others)]:
        having, undefined = in_metric(records, metric)
        problems += undefined
        if having:
            columns = sorted({(r.kind, r.task, r.protocol) for r in having}, key=column_order)
            tasks = list(dict.fromkeys(task for _, task, _ in columns))
            groups = [*_groups(having, tasks, seen, marked), *_published_groups(having, tasks)]
            boards.append(Board(metric_name(metric), f"board-{len(boards)}", tasks, groups))
    return boards, problems


def _groups(
    records: Sequence[StoredRecord],
    tasks: Sequence[str],
    seen: SeenByCell,
    marked: bool,
    pooled: bool = False,
) -> list[BoardGroup]:
    """The groups of a board in the order of their conditions; its columns are `tasks`, `marked` as in `score_text`.

    If `pooled`, a condition with several protocols has a group over all of them first.
    """
    groups: list[BoardGroup] = []
    for _, of_condition in by_condition(records):
        by_protocol = group_by(of_condition, lambda r: r.protocol)
        if pooled and len(by_protocol) > 1:
            groups.append(_group(leaderboard(of_condition, seen=seen), ALL, tasks, marked))
        for runs in sorted(by_protocol, key=lambda runs: runs[0].protocol):
            groups.append(_group(leaderboard(runs, seen=seen), runs[0].protocol, tasks, marked))
    return groups


def _group(board: Leaderboard, protocol: str, tasks: Sequence[str], marked: bool) -> BoardGroup:
    """The group of a leaderboard."""
    uniform = same_seeds(board.cells)
    cells = dict(list(board.cells.groupby("backbone", sort=False)))
    rows = []
    for name, rank in board.mean_rank.items():
        ranks = (rank, rank_text(board, str(name)), board.score[name])
        rows.append(_row(cells[name], ranks, tasks, uniform, marked))
    used = "all protocols" if protocol == ALL else protocol
    caption = f"{condition_title(board.condition)}, {used}: {plural(board.ranked, 'task')}"
    return BoardGroup(caption, board.condition, protocol, rows)


def _row(
    cells: pd.DataFrame,
    ranks: tuple[float, str, float],
    tasks: Sequence[str],
    uniform: bool,
    marked: bool = False,
) -> BoardRow:
    """The row of a backbone's cells; `ranks`: mean rank, the same in words, and mean normalised score."""
    by_task: dict[str, Any] = {cell.task: cell for cell in cells.itertuples()}
    first = cells.iloc[0]
    scores = {task: score_text(cell, uniform, marked) for task, cell in by_task.items()}
    values = [by_task[task].mean if task in by_task else None for task in tasks]
    return BoardRow(
        first.backbone, first.architecture or NOTHING, first.get("corpus", NOTHING), *ranks,
        len(cells), [scores.get(task) for task in tasks], values,
    )  # fmt: skip


def _published_groups(
    records: Sequence[StoredRecord], tasks: Sequence[str]
) -> Iterator[BoardGroup]:
    """What the paper published of these tasks, a group per protocol; without ranks, since few rows have the same tasks.

    Parameters
    ----------
    records : sequence of StoredRecord
        Records whose headline is the board's metric.
    """
    cells = with_best(published_cells(published.read(), records))
    unranked = (math.nan, NOTHING, math.nan)
    for protocol, group in cells.groupby("protocol", sort=True):
        by_backbone = group.groupby("backbone", sort=False)
        rows = [_row(of_backbone, unranked, tasks, uniform=True) for _, of_backbone in by_backbone]
        number = plural(group["task"].nunique(), "task")
        caption = f"{PUBLISHED_TITLE}, {protocol}, not ranked: {number}"
        yield BoardGroup(caption, PUBLISHED, str(protocol), rows)
