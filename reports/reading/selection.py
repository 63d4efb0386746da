"""The filters that all reports share: they choose among the records."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, TypedDict

from lvmmed_backbones.records import StoredRecord, nfc

BACKBONE_FIELDS = ["architecture", "method", "corpus", "parameters", "weights_sha256"]
# Where in a record those columns and filters are that are no field of the record itself.
RECORD_FIELDS = {
    "backbone": "backbone.name",
    "fingerprint": "data.fingerprint",
    "complete": "data.complete",
} | {name: f"backbone.{name}" for name in BACKBONE_FIELDS}


class Filters(TypedDict, total=False):
    """Which records to use. All filters hold at once; several values of one filter are alternatives; None passes all.

    Attributes
    ----------
    profile : sequence of str or None
        Names of profiles.
    task : sequence of str or None
        Names of tasks.
    architecture : sequence of str or None
        Architectures of backbones.
    corpus : sequence of str or None
        Corpora that backbones were pretrained on.
    protocol : sequence of str or None
        Names of protocols.
    recipe : sequence of str or None
        'suite', 'release' or both.
    label_fraction : sequence of float or None
        Shares of the labels, in (0, 1].
    """

    profile: Sequence[str] | None
    task: Sequence[str] | None
    architecture: Sequence[str] | None
    corpus: Sequence[str] | None
    protocol: Sequence[str] | None
    recipe: Sequence[str] | None
    label_fraction: Sequence[float] | None


def select_records(records: Sequence[StoredRecord], filters: Filters) -> list[StoredRecord]:
    """The records that pass every filter.

    Raises
    ------
    TypeError
        If there is no such filter.
    ValueError
        If no record has a value, or no record passes all filters at once.
    """
    if unknown := filters.keys() - Filters.__annotations__.keys():
        names = ", ".join(Filters.__annotations__)
        raise TypeError(f"no filter {min(unknown)!r}: choose from {names}")
    given: dict[str, Any] = {**filters}
    chosen = {
        name: [nfc(value) if isinstance(value, str) else value for value in given[name]]
        for name in Filters.__annotations__
        if given.get(name)
    }
    selected = list(records)
    for name, values in chosen.items():
        value_of = attrgetter(RECORD_FIELDS.get(name, name))
        known = set(map(value_of, records))
        for value in values:
            if value not in known:
                choice = ", ".join(map(str, sorted(known)))
                option = f"{option_name(name)} {value}"
                raise ValueError(f"{option}: no record has it. Choose from {choice}.")
        selected = [record for record in selected if value_of(record) in values]
    if not selected:
        options = (f"{option_name(n)} {' or '.join(map(str, vs))}" for n, vs in chosen.items())
        raise ValueError(f"no record has {' and '.join(options)} at once. Leave out one of them.")
    return selected


def option_name(name: str) -> str:
    """The option of a filter on the command line."""
    return f"--{name.replace('_', '-')}"
