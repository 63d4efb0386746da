"""Records that contradict each other are left out and named: no table may choose between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple, TypeVar

from lvmmed_backbones.records import StoredRecord
from lvmmed_backbones.records.folder import listed

T = TypeVar("T")


class Condition(NamedTuple):
    """What all figures of a table have in common; figures that differ in it are never mixed."""

    data_source: str
    profile: str
    label_fraction: float
    split: str


def condition_of(record: StoredRecord) -> Condition:
    """The condition that a record belongs to."""
    return Condition(record.data_source, record.profile, record.label_fraction, record.split)


def consistent_records(records: Sequence[StoredRecord]) -> tuple[list[StoredRecord], list[str]]:
    """The records that can stand in one set of tables, each run once.

    They are of the newest version of their task. Two records of the same run must have the same headline;
    the records of a column must agree on the metric, the data and the number of threads, those of a row on
    the weights: one file, or one of each pretraining seed.

    Returns
    -------
    (list of StoredRecord, list of str)
        The records left, and a sentence for each older version of a task and each contradiction.
    """
    latest, problems = keep_newest_versions(records)
    once, found = merge_copies(latest)
    problems += found
    for one, words, of, remedy in (
        (column_key, column_name, lambda r: f"{r.metric} ({r.kind})", "headline metrics"),
        (column_key, column_name, lambda r: r.data.fingerprint, "versions of its data"),
        (column_key, column_name, lambda r: str(r.threads), "numbers of threads"),
        (row_key, lambda r: r.backbone.name, kind_of_weights, "kinds of weights"),
        (weights_key, pretraining_name, lambda r: r.backbone.weights_sha256, "weights files"),
    ):
        once, found = keep_consistent(once, one, words, of, remedy)
        problems += found
    return once, problems


def column_key(record: StoredRecord) -> Hashable:
    """What the figures of a column share, beside the version of the task, which is the newest."""
    return condition_of(record), record.task, record.protocol


def row_key(record: StoredRecord) -> Hashable:
    """What the figures of a row share."""
    return condition_of(record), record.backbone.name


def weights_key(record: StoredRecord) -> Hashable:
    """What figures from the same weights share."""
    return row_key(record), record.backbone.pretraining_seed


def column_name(record: StoredRecord) -> str:
    """A column in words."""
    return f"{record.task} ({record.protocol})"


def pretraining_name(record: StoredRecord) -> str:
    """A backbone, and of which pretraining seed if it has several, in words."""
    if record.backbone.pretraining_seed is None:
        return record.backbone.name
    return f"{record.backbone.name}, pretraining seed {record.backbone.pretraining_seed}"


def kind_of_weights(record: StoredRecord) -> str:
    """Whether all seeds of the backbone have the same weights, in words."""
    if record.backbone.pretraining_seed is None:
        return "the same for every seed"
    return "of several pretraining seeds"


def run_key(record: StoredRecord) -> Hashable:
    """What identifies a run to a reader of tables; other threads are no copy of it."""
    return column_key(record), record.backbone.name, record.seed, record.threads


def version_key(record: StoredRecord) -> Hashable:
    """What the figures that have one version of a task share: tables may span splits and shares of the labels."""
    return record.data_source, record.profile, record.task


def keep_newest_versions(records: Sequence[StoredRecord]) -> tuple[list[StoredRecord], list[str]]:
    """The records of the newest version of each task, and a sentence for each older version."""
    latest: dict[Hashable, int] = defaultdict(int)
    for record in records:
        latest[version_key(record)] = max(latest[version_key(record)], record.task_version)
    older = [r for r in records if r.task_version < latest[version_key(r)]]
    problems = [
        f"{list_paths(same)}: version {same[0].task_version} of {same[0].task}, left out of the {same[0].data_source} "
        f"figures of profile {same[0].profile}, which are of version {latest[version_key(same[0])]}: "
        f"{len(same)} of its records. Run them again, or move them to a folder of their own."
        for same in group_by(older, lambda r: (version_key(r), r.task_version))
    ]
    return [r for r in records if r.task_version == latest[version_key(r)]], problems


def merge_copies(records: Sequence[StoredRecord]) -> tuple[list[StoredRecord], list[str]]:
    """Each run once: equal copies are merged, contradicting ones all left out."""
    kept, problems = [], []
    for same in group_by(records, run_key):
        apart = [words for words, fact in FACTS.items() if len(set(map(fact, same))) > 1]
        if not apart:
            kept.append(same[0])
            continue
        one = same[0]
        problems.append(
            f"{list_paths(same)}: {len(same)} records that disagree on {one.task} ({one.protocol}), "
            f"{one.backbone.name}, seed {one.seed}, in {' and '.join(apart)} ({list_values(same)}), left out. "
            "Delete the folders of all but one."
        )
    return kept, problems


# In what copies of a run can disagree.
FACTS: dict[str, Callable[[StoredRecord], Hashable]] = {
    "its figure": lambda r: (r.metric, r.value),
    "the data": lambda r: r.data.fingerprint,
    "the weights": lambda r: (r.backbone.weights_sha256, r.backbone.pretraining_seed),
}


def keep_consistent(
    records: Sequence[StoredRecord],
    key: Callable[[StoredRecord], Hashable],
    words: Callable[[StoredRecord], str],
    fact: Callable[[StoredRecord], str | None],
    facts: str,
) -> tuple[list[StoredRecord], list[str]]:
    """The records of the groups (by `key`) whose members all state the same `fact`.

    Parameters
    ----------
    words : callable
        A group's name, given one of its records.
    facts : str
        What the fact is, in the plural.
    """
    kept, problems = [], []
    for group in group_by(records, key):
        by_fact = group_by(group, fact)
        if len(by_fact) == 1:
            kept += group
            continue
        stated = "; ".join(f"{fact(same[0])}: {list_paths(same)}" for same in by_fact)
        problems.append(
            f"{words(group[0])}, profile {group[0].profile}: {len(by_fact)} {facts}, "
            f"left out ({stated}). Delete the folders of all but one of them."
        )
    return kept, problems


def group_by(records: Sequence[T], key: Callable[[T], Hashable]) -> list[list[T]]:
    """Records, or what else has a key, by their key, in order of first appearance."""
    groups: dict[Hashable, list[T]] = defaultdict(list)
    for record in records:
        groups[key(record)].append(record)
    return list(groups.values())


def list_paths(records: Sequence[StoredRecord]) -> str:
    """Their files, the first few of them."""
    return listed([record.path for record in records])


def list_values(records: Sequence[StoredRecord]) -> str:
    """The headlines, with as many digits as it takes to tell them apart, four at least."""
    figures = {record.value for record in records}
    digits = next(
        n for n in range(4, 18) if n == 17 or len({f"{v:.{n}f}" for v in figures}) == len(figures)
    )
    return ", ".join(f"{record.metric} {record.value:.{digits}f}" for record in records)
