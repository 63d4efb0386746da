"""The public data sets that backbones are pretrained on and that tasks are made of, and which share images.

The list, data_sets.csv, has a row for each data set. It needs the standard library alone.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

PRIVATE = "private:"  # a name that begins with it is declared to share images with no public data set


@dataclass(frozen=True)
class DataSet:
    """A public data set.

    Attributes
    ----------
    name : str
        Its name in this list.
    prepared : tuple of str
        Names of the suite's prepared data sets, and of other tools' copies, that are made of it.
    shares : tuple of str
        Names of other data sets of the list that have some of its images, in either direction.
    modality, organ, page, licence, images : str
        Facts; empty where they are not known.
    lvmmed : bool
        Whether it is part of LVM-Med's corpus.
    """

    name: str
    prepared: tuple[str, ...]
    shares: tuple[str, ...]
    modality: str
    organ: str
    page: str
    licence: str
    images: str
    lvmmed: bool


@cache
def listed() -> tuple[DataSet, ...]:
    """Return the data sets in the order of the list."""
    text = (files(__name__) / "data_sets.csv").read_text()
    return tuple(
        DataSet(
            **row
            | dict(
                prepared=_several(row["prepared"]),
                shares=_several(row["shares"]),
                lvmmed=row["lvmmed"] == "yes",
            )
        )
        for row in csv.DictReader(text.splitlines())
    )


def find(name: str) -> DataSet | None:
    """Return the data set of a name, its own or that of a prepared one, in any case; None if it is not listed."""
    return _by_name().get(name.casefold())


def share_images(one: DataSet, other: DataSet) -> bool:
    """Whether two data sets are the same, or have images in common as far as the list knows."""
    return one == other or other.name in one.shares or one.name in other.shares


@cache
def _by_name() -> dict[str, DataSet]:
    return {
        name.casefold(): data_set
        for data_set in listed()
        for name in (data_set.name, *data_set.prepared)
    }


def _several(cell: str) -> tuple[str, ...]:
    """The names in a cell: semicolons separate them."""
    return tuple(name.strip() for name in cell.split(";") if name.strip())
