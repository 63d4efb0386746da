"""Which records belong together. Records that contradict each other are left out and named: no table may choose."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple, TypeVar

from lvmmed_backbones.records import (
    DATA_SOURCES,
    RECIPES,
    SUITE,
    Backbone,
    Recipe,
    StoredRecord,
    overrides_text,
)
from lvmmed_backbones.records.folder import listed
from reports.reading.metrics import describe_metric

T = TypeVar("T")
PROFILES = ("paper", "small", "mini")


class Condition(NamedTuple):
    """What must be equal for runs to be compared; scores of different conditions are never mixed."""

    data_source: str
    profile: str
    label_fraction: float
    split: str
    recipe: Recipe = SUITE
    overrides: str = ""


def condition_of(record: StoredRecord) -> Condition:
    """The condition of a record."""
    return Condition(
        record.data_source,
        record.profile,
        record.label_fraction,
        record.split,
        record.recipe,
        overrides_text(record.overrides),
    )


def condition_order(condition: Condition) -> tuple:
    """Sort key of conditions: measured before phantom, larger profiles first, the suite's recipe first."""
    return (
        DATA_SOURCES.index(condition.data_source),
        known_first(condition.profile, PROFILES),
        RECIPES.index(condition.recipe),
        -condition.label_fraction,
        condition.split != "published",
        condition.overrides,
    )


def known_first(name: str, known: Sequence[str]) -> tuple[int, str]:
    """Sort key of names: the known ones in their order, then the others by the alphabet."""
    return (known.index(name) if name in known else len(known)), name


def by_condition(
    records: Sequence[StoredRecord], key: Callable[[StoredRecord], Condition] = condition_of
) -> list[tuple[Condition, list[StoredRecord]]]:
    """The conditions in their order, each with its records."""
    groups = [(key(group[0]), group) for group in group_by(records, key)]
    return sorted(groups, key=lambda pair: condition_order(pair[0]))


def group_by(items: Iterable[T], key: Callable[[T], Hashable]) -> list[list[T]]:
    """The items in groups of equal key, in the order of first appearance."""
    groups: dict[Hashable, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return list(groups.values())


def consistent_records(records: Sequence[StoredRecord]) -> tuple[list[StoredRecord], list[str]]:
    """The records that can stand in one set of tables, each run once.

    More of their headline is better. They are of the newest version of their task. Two records of the same run must
    have the same headline. The records of a column must have the same metric, data and number of threads. The records
    of a row must have the same weights: one file, or one file for each pretraining seed.

    Returns
    -------
    (list of StoredRecord, list of str)
        The records left, and a sentence for each headline of which less is better, each older version of a task and
        each contradiction.
    """
    scored, problems = _keep_scores(records)
    newest, older = _keep_newest_versions(scored)
    kept, contradictions = merge_copies(newest, _run_key)
    problems += [*older, *contradictions]
    for key, name, fact, facts in (
        (column_key, _column_name, lambda r: f"{r.metric} ({r.kind})", "headline metrics"),
        (column_key, _column_name, lambda r: r.data.fingerprint, "versions of its data"),
        (column_key, _column_name, lambda r: str(r.threads), "numbers of threads"),
        (_row_key, lambda r: r.backbone.name, _kind_of_weights, "kinds of weights"),
        (_weights_key, _weights_name, lambda r: r.backbone.weights_sha256, "weights files"),
    ):
        kept, contradictions = _keep_consistent(kept, key, name, fact, facts)
        problems += contradictions
    return kept, problems


def single_networks(records: Iterable[StoredRecord]) -> list[str]:
    """The pretrained backbones of which there is one network, whatever the seed: their scores say nothing of others."""
    backbones = (record.backbone for record in records)
    return sorted({b.name for b in backbones if b.pretraining_seed is None and not is_random(b)})


def is_random(backbone: Backbone) -> bool:
    """Whether a backbone has random weights; a network of a user's own has no checksum either."""
    return backbone.weights_sha256 is None and backbone.method == "random"


def column_key(record: StoredRecord) -> Hashable:
    """What the records of a column have in common, beside the newest version of the task."""
    return condition_of(record), record.task, record.protocol


def _row_key(record: StoredRecord) -> Hashable:
    return condition_of(record), record.backbone.name


def _weights_key(record: StoredRecord) -> Hashable:
    return _row_key(record), record.backbone.pretraining_seed


def _run_key(record: StoredRecord) -> Hashable:
    """What identifies a run to a reader of tables; a run with other threads is another run."""
    return column_key(record), record.backbone.name, record.seed, record.threads


def _version_key(record: StoredRecord) -> Hashable:
    """What records with one version of a task have in common: tables may span splits and shares of the labels."""
    return record.data_source, record.profile, record.recipe, record.task


def _column_name(record: StoredRecord) -> str:
    return f"{record.task} ({record.protocol})"


def _weights_name(record: StoredRecord) -> str:
    if record.backbone.pretraining_seed is None:
        return record.backbone.name
    return f"{record.backbone.name}, pretraining seed {record.backbone.pretraining_seed}"


def _kind_of_weights(record: StoredRecord) -> str:
    if record.backbone.pretraining_seed is None:
        return "the same for every seed"
    return "of several pretraining seeds"


def _keep_scores(records: Sequence[StoredRecord]) -> tuple[list[StoredRecord], list[str]]:
    """The records whose headline is a score, shown in percent, of which more is better: all statistics expect it."""
    kept, problems = [], []
    for same in group_by(records, lambda r: (column_key(r), r.metric)):
        metric = describe_metric(same[0].metric)
        if metric.percent and not metric.less_is_better:
            kept += same
            continue
        why = "less of it is better" if metric.less_is_better else "it is no share"
        problems.append(
            f"{list_paths(same)}: the headline of {_column_name(same[0])} is {same[0].metric}, left out: {why}. "
            "Make a score the headline of which more is better, such as accuracy; the other may stay a metric."
        )
    return kept, problems


def _keep_newest_versions(records: Sequence[StoredRecord]) -> tuple[list[StoredRecord], list[str]]:
    """The records of the newest version of each task, and a sentence for each older version."""
    newest: dict[Hashable, int] = defaultdict(int)
    for record in records:
        newest[_version_key(record)] = max(newest[_version_key(record)], record.task_version)
    older = [r for r in records if r.task_version < newest[_version_key(r)]]
    problems = [
        f"{list_paths(same)}: version {same[0].task_version} of {same[0].task}, left out of the {same[0].data_source} "
        f"figures of profile {same[0].profile}, which are of version {newest[_version_key(same[0])]}: "
        f"{len(same)} of its records. Run them again, or move them to a folder of their own."
        for same in group_by(older, lambda r: (_version_key(r), r.task_version))
    ]
    return [r for r in records if r.task_version == newest[_version_key(r)]], problems


def merge_copies(
    records: Sequence[StoredRecord], key: Callable[[StoredRecord], Hashable] = attrgetter("run")
) -> tuple[list[StoredRecord], list[str]]:
    """Each run once: equal copies are merged, contradicting copies are all left out.

    Parameters
    ----------
    key : callable
        What identifies a run; its identity, if nothing else is given.

    Returns
    -------
    (list of StoredRecord, list of str)
        The records left, and a sentence for each contradiction.
    """
    facts: dict[str, Callable[[StoredRecord], Hashable]] = {
        "what was run": lambda r: (_run_key(r), r.task_version),
        "its figure": lambda r: (r.metric, r.value),
        "the data": lambda r: r.data.fingerprint,
        "the weights": lambda r: (r.backbone.weights_sha256, r.backbone.pretraining_seed),
    }
    kept, problems = [], []
    for copies in group_by(records, key):
        run = copies[0]
        apart = [name for name, fact in facts.items() if len(set(map(fact, copies))) > 1]
        if not apart:
            kept.append(run)
            continue
        problems.append(
            f"{list_paths(copies)}: {len(copies)} records that disagree on {_column_name(run)}, "
            f"{run.backbone.name}, seed {run.seed}, in {' and '.join(apart)} ({_list_values(copies)}), left out. "
            "Delete the folders of all but one."
        )
    return kept, problems


def _keep_consistent(
    records: Sequence[StoredRecord],
    key: Callable[[StoredRecord], Hashable],
    name: Callable[[StoredRecord], str],
    fact: Callable[[StoredRecord], str | None],
    facts: str,
) -> tuple[list[StoredRecord], list[str]]:
    """The records of the groups (by `key`) whose members all state the same `fact`.

    Parameters
    ----------
    name : callable
        Gives the name of a group, from one of its records.
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
            f"{name(group[0])}, profile {group[0].profile}: {len(by_fact)} {facts}, "
            f"left out ({stated}). Delete the folders of all but one of them."
        )
    return kept, problems


def list_paths(records: Sequence[StoredRecord]) -> str:
    """The paths of the first few records."""
    return listed([record.path for record in records])


def _list_values(records: Sequence[StoredRecord]) -> str:
    """The headlines, with as many digits as tell them apart, at least four."""
    values = {record.value for record in records}
    digits = next(
        n for n in range(4, 18) if n == 17 or len({f"{v:.{n}f}" for v in values}) == len(values)
    )
    return ", ".join(f"{record.metric} {record.value:.{digits}f}" for record in records)
