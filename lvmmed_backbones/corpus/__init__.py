"""Corpora of unlabelled images: built from folders, audited against test splits, read in random order.

Modules are imported when they are used, so that files can be read without torch.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from lvmmed_backbones.importing import on_first_use

__all__ = ["CorpusDataset", "audit", "build", "list_data_sets"]

__getattr__, __dir__ = on_first_use(
    __name__,
    {"CorpusDataset": "dataset", "audit": "auditing", "build": "building"},
    extra="corpus",
)


@cache
def list_data_sets() -> list[dict[str, str]]:
    """Return a row for each data set of LVM-Med's corpus: name, modality, organ, page, licence, images.

    A cell is empty where the fact is not known.
    """
    text = (files(__name__) / "datasets.csv").read_text()
    return list(csv.DictReader(text.splitlines()))


def facts_of(name: str) -> tuple[str, str]:
    """Return modality and organ of a data set, whose name may be in any case; empty if it is not in the list."""
    for row in list_data_sets():
        if row["name"].lower() == name.lower():
            return row["modality"], row["organ"]
    return "", ""
