"""Filters that all verbs share: only the records that were asked for."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from operator import attrgetter

from lvmmed_backbones.records import StoredRecord, nfc

FILTERS = {
    "profile": "of these profiles",
    "task": "of these tasks",
    "architecture": "of backbones of these architectures",
    "corpus": "of backbones pretrained on these corpora",
    "protocol": "of these protocols",
    "label_fraction": "with these shares of the labels, in (0, 1]",
}
PLACES = {"architecture": "backbone.architecture", "corpus": "backbone.corpus"}  # in a record


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Add an option for each filter; several values of one are alternatives."""
    group = parser.add_argument_group("filters", "all of them hold at once")
    for name, which in FILTERS.items():
        group.add_argument(
            option(name),
            nargs="+",
            metavar=name[0].upper(),
            type=float if name == "label_fraction" else nfc,
            help=f"only runs {which}",
        )


def selected(records: Sequence[StoredRecord], options: argparse.Namespace) -> list[StoredRecord]:
    """The records that pass every filter in `options`; a filter of None passes all.

    Raises:
        ValueError: if a value is no record's, or no record passes all filters at once.
    """
    wanted = {name: getattr(options, name) for name in FILTERS if getattr(options, name)}
    found = list(records)
    for name, values in wanted.items():
        value_of = attrgetter(PLACES.get(name, name))
        there = set(map(value_of, records))
        for value in values:
            if value not in there:
                choice = ", ".join(map(str, sorted(there)))
                raise ValueError(f"{option(name)} {value}: no record has it. Choose from {choice}.")
        found = [record for record in found if value_of(record) in values]
    if not found:
        all_of_them = " and ".join(
            f"{option(name)} {' or '.join(map(str, values))}" for name, values in wanted.items()
        )
        raise ValueError(f"no record has {all_of_them} at once. Leave out one of them.")
    return found


def option(name: str) -> str:
    """The option of a filter, as it is typed."""
    return f"--{name.replace('_', '-')}"
