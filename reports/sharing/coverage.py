"""Which cells of task and backbone a results repository has, and which seeds are missing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from lvmmed_backbones.records import StoredRecord
from reports.reading.consistency import Condition, by_condition
from reports.reading.selection import Filters, select_records
from reports.sharing.download import read_source


@dataclass(frozen=True)
class Covered:
    """What there is of a backbone on a task.

    Attributes
    ----------
    condition : Condition
        The source of the data, profile, share of the labels, split and recipe.
    task, protocol, backbone : str
        As in the records.
    task_version : int
        Version of the task.
    seeds : tuple of int
        Those that there are, in ascending order; empty if there is no run.
    missing : tuple of int
        Those that another backbone has on this task.
    """

    condition: Condition
    task: str
    task_version: int
    protocol: str
    backbone: str
    seeds: tuple[int, ...]
    missing: tuple[int, ...]


@dataclass(frozen=True)
class Coverage:
    """What `coverage` found.

    Attributes
    ----------
    cells : list of Covered
        Of each condition, each task and each backbone that has a run under the condition.
    problems : list of str
        A sentence for each record that cannot be used.
    """

    cells: list[Covered]
    problems: list[str]


def coverage(source: str | Path, **filters: Unpack[Filters]) -> Coverage:
    """Show which tasks and backbones a results repository has, and which seeds are missing.

    There is a table for each condition: source of the data, profile, recipe, share of the labels, split. A seed is
    missing if another backbone has it on the same task under this condition.

    Parameters
    ----------
    source : str or Path
        A folder, or the URL of a git repository, by https, ssh or file; its newest commit is fetched.
    filters : Unpack[Filters]
        Which records count (`reports.reading.selection.Filters`).

    Raises
    ------
    FileNotFoundError
        If there is no such folder, no record in it, or no git.
    Refused
        If the URL cannot be fetched, or is too large.
    ValueError
        If no record passes the filters.
    """
    records, problems = read_source(source)
    return Coverage(covered(select_records(records, filters) if records else []), problems)


def covered(records: list[StoredRecord]) -> list[Covered]:
    """Return what there is of each backbone on each task, condition by condition."""
    cells = []
    for condition, runs in by_condition(records):
        backbones = sorted({run.backbone.name for run in runs})
        seeds: dict[tuple[str, int, str], dict[str, set[int]]] = {}
        for run in runs:
            task = run.task, run.task_version, run.protocol
            of_task = seeds.setdefault(task, {name: set() for name in backbones})
            of_task[run.backbone.name].add(run.seed)
        for (name, version, protocol), of_task in sorted(seeds.items()):
            every = set().union(*of_task.values())
            cells += [
                Covered(
                    condition=condition,
                    task=name,
                    task_version=version,
                    protocol=protocol,
                    backbone=backbone,
                    seeds=tuple(sorted(here)),
                    missing=tuple(sorted(every - here)),
                )
                for backbone, here in of_task.items()
            ]
    return cells
