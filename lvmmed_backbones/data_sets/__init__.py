"""The public data sets that backbones are pretrained on and that tasks are made of, and which share images.

The list, data_sets.csv, has a row for each data set. It needs the standard library alone.
"""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

# A name that begins with it is declared to share images with no public data set.
PRIVATE = "private:"
MOST_NAMES = 500  # that a backbone declares; LVM-Med's corpus has 55
LONGEST = 200  # characters of a name
# The same images with other sides, as pneumoniamnist_224.
MEDMNIST_SIZE = re.compile(r"(.+mnist(?:3d)?)_\d+")


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
        Whether it is part of LVM-Med's corpus (table 13 of its paper, arXiv 2306.11925).
    unlisted : bool
        Whether nobody can tell what its images are, as those of the web: `shares` names some, there may be others.
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
    unlisted: bool


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
                unlisted=row["unlisted"] == "yes",
            )
        )
        for row in csv.DictReader(text.splitlines())
    )


def of_lvmmed() -> tuple[str, ...]:
    """Return the names of the data sets of LVM-Med's corpus."""
    return tuple(data_set.name for data_set in listed() if data_set.lvmmed)


def find(name: str) -> DataSet | None:
    """Return the data set of a name, its own or that of a prepared one, in any case; None if it is not listed."""
    name = name.casefold()
    resized = MEDMNIST_SIZE.fullmatch(name)
    return _by_name().get(resized[1] if resized else name)


def is_name(text: str) -> bool:
    """Whether a text can be the name of a data set, or of a backbone: a printable line of at most `LONGEST`."""
    return text.isprintable() and bool(text.strip()) and len(text) <= LONGEST


def similar(name: str) -> list[str]:
    """Return up to three names of the list that are like a name."""
    near = difflib.get_close_matches(name.casefold(), _by_name(), n=3, cutoff=0.6)
    return list(dict.fromkeys(_by_name()[each].name for each in near))


def share_images(one: DataSet, other: DataSet) -> bool:
    """Whether two data sets are the same, or have images in common as far as the list knows."""
    return one == other or other.name in one.shares or one.name in other.shares


def verdict(declared: Sequence[str] | None, dataset: str) -> Literal["shared", "clean", "unknown"]:
    """Tell whether a backbone has seen images of a task's data set, from what is declared of its pretraining.

    Parameters
    ----------
    declared : sequence of str or None
        Data sets of the pretraining: names of the list, others' own, or such as begin with `PRIVATE`. Empty: it saw no
        image. None: nobody declared it.
    dataset : str
        Name of the task's data set, prepared or not.

    Returns
    -------
    {"shared", "clean", "unknown"}
        "shared" if one of the declared data sets has images of the task's, by the list or by its name. Else "unknown"
        if nothing is declared, if the task's data set is not listed though something was seen, or if one of the
        declared data sets is neither listed nor private, or is listed as one whose images nobody can tell.
    """
    if declared is None:
        return "unknown"
    task = find(dataset)
    known = True
    for name in declared:
        seen = find(name)
        if name.casefold() == dataset.casefold() or (seen and task and share_images(seen, task)):
            return "shared"
        known &= not seen.unlisted if seen else name.startswith(PRIVATE)
    return "clean" if not declared or (known and task) else "unknown"


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
