"""The leaderboards of the index: over all tasks, and per metric; groups of different conditions stand apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lvmmed_backbones.records import StoredRecord
from reports import published
from reports.analysis.leaderboard import (
    Leaderboard,
    column_order,
    in_metric,
    leaderboard,
    published_cells,
    with_best,
)
from reports.reading.consistency import by_condition, group_by
from reports.reading.scores import metric_name
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


@dataclass(frozen=True)
class BoardRow:
    """A backbone in a group.

    Attributes
    ----------
    backbone, architecture, method, corpus : str
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
    method: str
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
    number : int
        Place among the groups of the board.
    title : str
        Condition and protocol in words.
    data_source : str
        'measured', 'phantom' or 'published'.
    protocol : str
        'finetune', ..., or 'all'.
    labels : float
        Share of the labels.
    ranked : int
        Number of tasks that the ranks are taken over.
    """

    number: int
    title: str
    data_source: str
    profile: str
    protocol: str
    labels: float
    ranked: int
    lines: list[BoardRow]

    @property
    def caption(self) -> str:
        """The title, and the number of ranked tasks."""
        return f"{self.title}: {plural(self.ranked, 'task')}"


@dataclass(frozen=True)
class Board:
    """A table of the index; its columns are `tasks`, none in the board over all tasks."""

    name: str
    anchor: str
    tasks: list[str]
    groups: list[BoardGroup]


def metric_boards(records: Sequence[StoredRecord]) -> tuple[list[Board], list[str]]:
    """The board over all tasks, then one per metric, with what the paper published.

    Returns
    -------
    (list of Board, list of str)
        The boards, and a sentence for each metric of a record that is undefined.
    """
    known = {name for record in records for name in record.metrics}
    others = {record.metric for record in records} - set(BOARD_METRICS)
    boards = [Board("Overall", "overall", [], _groups(records, [], pooled=True))]
    problems = []
    for metric in [*filter(known.__contains__, BOARD_METRICS), *sorted(others)]:
        having, undefined = in_metric(records, metric)
        problems += undefined
        if having:
            columns = sorted({(r.kind, r.task, r.protocol) for r in having}, key=column_order)
            tasks = list(dict.fromkeys(task for _, task, _ in columns))
            groups = _groups(having, tasks)
            groups += _published_groups(having, tasks, len(groups))
            boards.append(Board(metric_name(metric), f"board-{len(boards)}", tasks, groups))
    return boards, problems


def _groups(
    records: Sequence[StoredRecord], tasks: Sequence[str], pooled: bool = False
) -> list[BoardGroup]:
    """The groups of a board in the order of their conditions; its columns are `tasks`.

    If `pooled`, a condition with several protocols has a group over all of them first.
    """
    groups: list[BoardGroup] = []
    for _, of_condition in by_condition(records):
        by_protocol = group_by(of_condition, lambda r: r.protocol)
        if pooled and len(by_protocol) > 1:
            groups.append(_group(len(groups), leaderboard(of_condition), ALL, tasks))
        for runs in sorted(by_protocol, key=lambda runs: runs[0].protocol):
            groups.append(_group(len(groups), leaderboard(runs), runs[0].protocol, tasks))
    return groups


def _group(number: int, board: Leaderboard, protocol: str, tasks: Sequence[str]) -> BoardGroup:
    """The group of a leaderboard."""
    condition, uniform = board.condition, same_seeds(board.cells)
    cells = dict(list(board.cells.groupby("backbone", sort=False)))
    rows = []
    for name, rank in board.mean_rank.items():
        corpus = cells[name]["corpus"].iloc[0]
        ranks = (rank, rank_text(board, str(name)), board.score[name])
        rows.append(_row(cells[name], corpus, ranks, tasks, uniform))
    used = "all protocols" if protocol == ALL else protocol
    return BoardGroup(
        number=number,
        title=f"{condition_title(condition)}, {used}",
        data_source=condition.data_source,
        profile=condition.profile,
        protocol=protocol,
        labels=condition.label_fraction,
        ranked=board.ranked,
        lines=rows,
    )


def _row(
    cells: pd.DataFrame,
    corpus: str,
    ranks: tuple[float, str, float],
    tasks: Sequence[str],
    uniform: bool,
) -> BoardRow:
    """The row of a backbone's cells; `ranks`: mean rank, the same in words, and mean normalised score."""
    by_task: dict[str, Any] = {cell.task: cell for cell in cells.itertuples()}
    first = cells.iloc[0]
    scores = {task: score_text(cell, uniform) for task, cell in by_task.items()}
    values = [by_task[task].mean if task in by_task else None for task in tasks]
    return BoardRow(
        first.backbone, first.architecture or NOTHING, first.method, corpus, *ranks,
        len(cells), [scores.get(task) for task in tasks], values,
    )  # fmt: skip


def _published_groups(
    records: Sequence[StoredRecord], tasks: Sequence[str], first: int
) -> list[BoardGroup]:
    """What the paper published of these tasks, a group per protocol; without ranks, since few rows have the same tasks.

    Parameters
    ----------
    records : sequence of StoredRecord
        Records whose headline is the board's metric.
    first : int
        Number of the first group.
    """
    cells = with_best(published_cells(published.read(), records))
    unranked = (math.nan, NOTHING, math.nan)
    return [
        BoardGroup(
            number=number,
            title=f"{PUBLISHED_TITLE}, {protocol}, not ranked",
            data_source="published",
            profile="paper",
            protocol=str(protocol),
            labels=1.0,
            ranked=group["task"].nunique(),
            lines=[
                _row(of_backbone, NOTHING, unranked, tasks, uniform=True)
                for _, of_backbone in group.groupby("backbone", sort=False)
            ],
        )
        for number, (protocol, group) in enumerate(cells.groupby("protocol", sort=True), first)
    ]
