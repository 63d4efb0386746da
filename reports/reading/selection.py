"""Filters that all reports share: only the records that were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, TypedDict

from lvmmed_backbones.records import StoredRecord, nfc

RECORD_FIELDS = {
    "architecture": "backbone.architecture",
    "corpus": "backbone.corpus",
}  # in a record


class Filters(TypedDict, total=False):
    """Only these records. All filters hold at once; several values of one are alternatives; None passes all.

    Attributes
    ----------
    profile : sequence of str or None
        Names of profiles.
    task : sequence of str or None
        Names of tasks.
    architecture : sequence of str or None
        Of backbones.
    corpus : sequence of str or None
        That backbones were pretrained on.
    protocol : sequence of str or None
        Names of protocols.
    label_fraction : sequence of float or None
        Shares of the labels, in (0, 1].
    """

    profile: Sequence[str] | None
    task: Sequence[str] | None
    architecture: Sequence[str] | None
    corpus: Sequence[str] | None
    protocol: Sequence[str] | None
    label_fraction: Sequence[float] | None


def select_records(records: Sequence[StoredRecord], filters: Filters) -> list[StoredRecord]:
    """The records that pass every filter.

    Raises
    ------
    TypeError
        If there is no such filter.
    ValueError
        If a value is no record's, or no record passes all filters at once.
    """
    if unknown := filters.keys() - Filters.__annotations__.keys():
        known = ", ".join(Filters.__annotations__)
        raise TypeError(f"no filter {min(unknown)!r}: choose from {known}")
    given: dict[str, Any] = {**filters}
    chosen = {
        name: [nfc(value) if isinstance(value, str) else value for value in given[name]]
        for name in Filters.__annotations__
        if given.get(name)
    }
    found = list(records)
    for name, values in chosen.items():
        value_of = attrgetter(RECORD_FIELDS.get(name, name))
        there = set(map(value_of, records))
        for value in values:
            if value not in there:
                choice = ", ".join(map(str, sorted(there)))
                raise ValueError(
                    f"{option_name(name)} {value}: no record has it. Choose from {choice}."
                )
        found = [record for record in found if value_of(record) in values]
    if not found:
        all_of_them = " and ".join(
            f"{option_name(name)} {' or '.join(map(str, values))}"
            for name, values in chosen.items()
        )
        raise ValueError(f"no record has {all_of_them} at once. Leave out one of them.")
    return found


def option_name(name: str) -> str:
    """The option of a filter, as it is typed."""
    return f"--{name.replace('_', '-')}"
