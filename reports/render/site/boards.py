"""The leaderboards of the index: over all tasks, and per headline metric; figures that differ in kind stand apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lvmmed_backbones.records import StoredRecord
from reports import published
from reports.agreement import condition_of, group_by
from reports.analysis.leaderboard import (
    Leaderboard,
    column_order,
    condition_order,
    in_metric,
    leaderboard,
)
from reports.metrics import metric_name
from reports.published.board import PUBLISHED_TITLE, published_cells
from reports.published.board import published_score as published_cell
from reports.wording import NOTHING, ScoreText, condition_title, plural, rank_text, score_text

BOARD_METRICS = ("dice", "iou", "map50", "accuracy", "kappa")  # in the order of their boards
ALL = "all"


@dataclass(frozen=True)
class BoardRow:
    """A backbone in a group.

    Attributes
    ----------
    backbone, architecture, method, corpus : str
        Which, and what it is.
    rank : float
        Mean rank over the group's tasks, NaN: none.
    place : str
        The same in words, or why there is none.
    normalised : float
        Mean normalised score, in [0, 1], NaN: none.
    tasks : int
        On how many tasks it was run.
    cells : list of Cell or None
        A figure per column of the board, None: not run.
    values : list of float or None
        The same as fractions, for sorting.
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
    """Lines that can be compared with each other: of one condition, used in one way.

    Attributes
    ----------
    number : int
        Place among the groups of the board.
    title : str
        What the figures have in common.
    data_source : str
        'measured', 'phantom' or 'published'.
    protocol : str
        'finetune', ..., or 'all'.
    labels : float
        The share of the labels.
    ranked : int
        Over how many tasks the ranks are.
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
        """Title and over how many tasks the ranks are."""
        return f"{self.title}: {plural(self.ranked, 'task')}"


@dataclass(frozen=True)
class Board:
    """A table of the index; `tasks` are its columns, none in the one over all tasks."""

    name: str
    anchor: str
    tasks: list[str]
    groups: list[BoardGroup]


def metric_boards(records: Sequence[StoredRecord]) -> tuple[list[Board], list[str]]:
    """The board over all tasks, then one per metric, of the runs that have it, with what the paper published.

    Returns
    -------
    (list of Board, list of str)
        The boards, and a sentence for each metric of a record that is undefined.
    """
    there = {name for record in records for name in record.metrics}
    headlines = {record.metric for record in records}
    found = [Board("Overall", "overall", [], board_groups(records, [], pooled=True))]
    problems = []
    for metric in [*filter(there.__contains__, BOARD_METRICS), *sorted(headlines - set(BOARD_METRICS))]:
        having, undefined = in_metric(records, metric)
        problems += undefined
        if not having:
            continue
        columns = sorted({(r.kind, r.task, r.protocol) for r in having}, key=column_order)
        tasks = list(dict.fromkeys(task for _, task, _ in columns))
        shown = board_groups(having, tasks)
        shown += published_groups(having, tasks, len(shown))
        found.append(Board(metric_name(metric), f"board-{len(found)}", tasks, shown))
    return found, problems


def board_groups(
    records: Sequence[StoredRecord], tasks: Sequence[str], pooled: bool = False
) -> list[BoardGroup]:
    """The groups of a board, the most telling one first.

    Parameters
    ----------
    tasks : sequence of str
        The columns.
    pooled : bool
        Whether a condition of several protocols has a group over all of them first.
    """
    found: list[BoardGroup] = []
    for of_condition in sorted(
        group_by(records, condition_of), key=lambda some: condition_order(condition_of(some[0]))
    ):
        by_protocol = sorted(
            group_by(of_condition, lambda r: r.protocol), key=lambda some: some[0].protocol
        )
        if pooled and len(by_protocol) > 1:
            found.append(board_group(len(found), leaderboard(of_condition), ALL, tasks))
        for some in by_protocol:
            found.append(board_group(len(found), leaderboard(some), some[0].protocol, tasks))
    return found


def board_group(number: int, board: Leaderboard, protocol: str, tasks: Sequence[str]) -> BoardGroup:
    """The group of a leaderboard's figures."""
    cells = board.cells
    uniform = cells["seeds"].nunique() == 1
    of_backbone = {name: rows for name, rows in cells.groupby("backbone", sort=False)}
    lines = []
    for name, rank in board.mean_rank.items():
        rows = list(of_backbone[name].itertuples())
        by_task = {row.task: row for row in rows}
        lines.append(
            BoardRow(
                name, rows[0].architecture, rows[0].method, rows[0].corpus,
                rank, rank_text(board, name, rank), board.score[name], len(rows),
                [score_text(by_task.get(task), uniform) for task in tasks],
                [by_task[task].mean if task in by_task else None for task in tasks],
            )
        )  # fmt: skip
    one = board.condition
    used = "all protocols" if protocol == ALL else protocol
    return BoardGroup(
        number, f"{condition_title(one)}, {used}", one.data_source, one.profile, protocol, one.label_fraction,
        board.ranked, lines,
    )  # fmt: skip


def published_groups(
    records: Sequence[StoredRecord], tasks: Sequence[str], first: int
) -> list[BoardGroup]:
    """What the paper published of these tasks, by protocol; without ranks, for few of its rows have the same tasks.

    Parameters
    ----------
    records : sequence of StoredRecord
        Whose metric is the board's.
    first : int
        Number of the first group.
    """
    cells = published_cells(published.read(), records)
    found: list[BoardGroup] = []
    for protocol, rows in cells.groupby("protocol", sort=True):
        means = rows.groupby("task")["mean"]
        best = means.max().where(means.max() > means.min())
        lines = []
        for name, some in rows.groupby("backbone", sort=False):
            by_task = {row.task: row for row in some.itertuples()}
            one = some.iloc[0]
            lines.append(
                BoardRow(
                    name, one.architecture or NOTHING, one.method, NOTHING,
                    math.nan, NOTHING, math.nan, len(some),
                    [published_cell(by_task.get(task), best.get(task)) for task in tasks],
                    [by_task[task].mean if task in by_task else None for task in tasks],
                )
            )  # fmt: skip
        title = f"{PUBLISHED_TITLE}, {protocol}, not ranked"
        found.append(
            BoardGroup(first + len(found), title, "published", "paper", str(protocol), 1.0, rows["task"].nunique(), lines)
        )  # fmt: skip
    return found
