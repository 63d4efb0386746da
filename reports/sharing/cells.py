"""When two records contradict each other: other scores of one run, or two runs of one cell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from operator import attrgetter
from typing import Any, NamedTuple

from lvmmed_backbones.records import StoredRecord, read_cases
from reports.reading.consistency import Condition, condition_of

MOST_NAMED = 3
# Facts of an identity that are no part of a cell, in words; and where a record has them, too.
FACTS = {
    "data_fingerprint": ("the data", "data.fingerprint"),
    "weights_sha256": ("the weights", "backbone.weights_sha256"),
    "config_sha256": ("the config", None),
    "threads": ("the number of threads", "threads"),
    "label_fraction": ("the training images that the share of labels takes", None),
}
IN_RECORDS = {
    "the pretraining seed": "backbone.pretraining_seed",
    "SAM's mask decoder": "mask_decoder",
}


class Cell(NamedTuple):
    """What a run measures; there is one score of a cell."""

    condition: Condition
    task: str
    task_version: int
    protocol: str
    backbone: str
    seed: int

    def __str__(self) -> str:
        condition = self.condition
        parts = [
            f"{self.task} version {self.task_version} ({self.protocol}), {self.backbone}, seed {self.seed}",
            f"{condition.data_source}, profile {condition.profile}, recipe {condition.recipe}",
            f"labels {condition.label_fraction:g}, split {condition.split}",
        ]
        if condition.overrides:
            parts.append(f"with {condition.overrides}")
        return ", ".join(parts)


def cell_of(record: StoredRecord) -> Cell:
    """Return the cell of a record."""
    return Cell(
        condition_of(record),
        record.task,
        record.task_version,
        record.protocol,
        record.backbone.name,
        record.seed,
    )


def differing_scores(first: StoredRecord, other: StoredRecord) -> str:
    """Say in which scores two records of one run differ, and by how much; empty if in none.

    Raises
    ------
    Refused, ValueError
        If one can no longer be read.
    """
    facts = [
        f"{name} is {one!r} and {two!r}"
        for name, one, two in (
            ("the cell", str(cell_of(first)), str(cell_of(other))),
            ("metric", first.metric, other.metric),
            ("data.fingerprint", first.data.fingerprint, other.data.fingerprint),
        )
        if one != two
    ]
    scores = _differences(
        {f"metrics.{name}": value for name, value in first.metrics.items()},
        {f"metrics.{name}": value for name, value in other.metrics.items()},
    )
    cases = _differences(_cases(first), _cases(other))
    return "; ".join(
        filter(None, [*facts, _listed(scores, "metrics"), _listed(cases, "scores of cases")])
    )


def why_apart(
    first: StoredRecord,
    other: StoredRecord,
    identity: Mapping[str, Any] | None,
    of_other: Mapping[str, Any] | None,
) -> str:
    """Say why two records of one cell are different runs.

    Parameters
    ----------
    identity, of_other : mapping of str to object, or None
        Their identities, where they have some.
    """
    reasons = []
    for name, (words, place) in FACTS.items():
        if identity is not None and of_other is not None:
            differ = identity.get(name) != of_other.get(name)
        else:
            differ = place is not None and attrgetter(place)(first) != attrgetter(place)(other)
        reasons += [words] if differ else []
    for words, place in IN_RECORDS.items():
        reasons += [words] if attrgetter(place)(first) != attrgetter(place)(other) else []
    if reasons:
        return " and ".join(reasons)
    return "what no file tells (the config, or the code: one of them has no identity.json)"


def _cases(record: StoredRecord) -> dict[str, float | None]:
    """The score of each case in each metric."""
    return {
        f"case {row['case']}, {name}": value
        for row in read_cases(record)
        for name, value in row.items()
        if name != "case" and not isinstance(value, str)
    }


def _differences(
    first: Mapping[str, float | None], other: Mapping[str, float | None]
) -> list[tuple[float, str]]:
    """The scores that differ: by how much (infinity: one is undefined or absent), and the words."""
    found = []
    for name in {**first, **other}:
        one, two = (_defined(scores.get(name)) for scores in (first, other))
        if one == two or (one is None and two is None):
            continue
        if one is None or two is None:
            found.append((math.inf, f"{name} is {one} and {two}"))
        else:
            found.append(
                (abs(one - two), f"{name} is {one:g} and {two:g} (by {abs(one - two):.3g})")
            )
    return sorted(found, key=lambda pair: -pair[0])


def _defined(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _listed(differences: list[tuple[float, str]], what: str) -> str:
    """The largest differences in words."""
    words = [text for _, text in differences[:MOST_NAMED]]
    if len(differences) > MOST_NAMED:
        words.append(f"and {len(differences) - MOST_NAMED} more {what}")
    return "; ".join(words)
