"""Which backbones have run all tasks of a table, so that they can be ranked over them; the others cannot."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Coverage(NamedTuple):
    """Complete rows.

    Attributes
    ----------
    backbones : list of str
        Those that have all of the tasks, in the order in which they were given.
    tasks : list
        Those that are ranked, in the order in which they were given.
    """

    backbones: list[str]
    tasks: list


def coverage(tasks_of: Mapping[str, Collection[T]]) -> Coverage:
    """The tasks that figures over tasks are taken over, and the backbones that have all of them.

    A task counts if backbones with at least half of all figures have it: one backbone that was run on one task takes no
    other task away, and one that was run on a task of its own takes no other backbone away. No backbone need have all.

    Parameters
    ----------
    tasks_of : mapping of str to collection of T
        The tasks of each backbone.
    """
    sets = {name: set(tasks) for name, tasks in tasks_of.items()}
    figures = sum(map(len, sets.values()))
    there = dict.fromkeys(task for tasks in tasks_of.values() for task in tasks)
    ranked = [
        task
        for task in there
        if 2 * sum(len(tasks) for tasks in sets.values() if task in tasks) >= figures
    ]
    complete = [name for name, tasks in sets.items() if ranked and tasks.issuperset(ranked)]
    return Coverage(complete, ranked)
