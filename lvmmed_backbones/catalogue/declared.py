"""What backbones of the catalogue, and files of weights, declare of their pretraining."""

from __future__ import annotations

from pathlib import Path

from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.catalogue.exported import files_by_seed, is_exported, read_entry
from lvmmed_backbones.records import Pretraining
from lvmmed_backbones.weights.checksums import file_sha256


def pretraining(entry: Entry) -> Pretraining | None:
    """Return what a backbone has seen, in its own pretraining and in those of the backbones that it was started from.

    Returns
    -------
    Pretraining or None
        None if one of these backbones declares nothing, or is not in the catalogue.

    Raises
    ------
    ValueError
        If a backbone was started from itself, by way of others; if one of them is damaged.
    """
    data_sets: list[str] = []
    started_from: list[str] = []
    corpora: list[str] = []
    while entry.data_sets is not None:
        data_sets += entry.data_sets
        if entry.corpus_id is not None:
            corpora.append(entry.corpus_id)
        name = entry.started_from
        if name is None:
            return Pretraining(
                list(dict.fromkeys(data_sets)), started_from, list(dict.fromkeys(corpora))
            )
        if name in started_from:
            circle = " from ".join([*started_from[started_from.index(name) :], name])
            raise ValueError(
                f"the catalogue says that {circle} was started: add one of them again, with another --started-from"
            )
        started_from.append(name)
        if name not in catalogue.names():
            return None
        entry = catalogue.get(name, *catalogue.seeds(name)[:1])
    return None


def pretraining_of_file(file: Path) -> Pretraining | None:
    """Return what the backbone in a file of weights has seen; None if neither the file nor the catalogue tells.

    Raises
    ------
    FileNotFoundError, Refused
        If the file, or one of the catalogue, cannot be read.
    """
    if is_exported(file):
        return pretraining(read_entry(file))
    name = name_of_file(file)
    return pretraining(catalogue.get(name)) if name else None


def name_of_file(file: Path) -> str | None:
    """Return the name of the backbone of the catalogue whose weights a file holds, by its checksum; None: of none.

    Raises
    ------
    FileNotFoundError, Refused
        If the file, or one of the catalogue, cannot be read.
    """
    checksum = file_sha256(file)
    exported = catalogue.exported()
    for name in catalogue.names():
        if path := exported.get(name):
            files = files_by_seed(path).values() or [path]
            known = [file_sha256(each) for each in files]
        else:
            weights = catalogue.get(name).weights
            known = [weights.sha256] if weights and weights.sha256 else []
        if any(checksum.startswith(each) for each in known):
            return name
    return None
