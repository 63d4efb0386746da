"""Corpora of unlabelled images: built from folders, audited against test splits, read in random order.

Modules are imported when they are used, so that files can be read without torch.
"""

from __future__ import annotations

from lvmmed_backbones import data_sets
from lvmmed_backbones.importing import on_first_use

__all__ = ["CorpusDataset", "audit", "build", "list_data_sets"]

FACTS = ("name", "modality", "organ", "page", "licence", "images")

__getattr__, __dir__ = on_first_use(
    __name__,
    {"CorpusDataset": "dataset", "audit": "auditing", "build": "building"},
    extra="corpus",
)


def list_data_sets() -> list[dict[str, str]]:
    """Return a row for each data set of LVM-Med's corpus: name, modality, organ, page, licence, images.

    A cell is empty where the fact is not known.
    """
    return [
        {name: getattr(data_set, name) for name in FACTS}
        for data_set in data_sets.listed()
        if data_set.lvmmed
    ]


def facts_of(name: str) -> tuple[str, str]:
    """Return modality and organ of a data set, whose name may be in any case; empty if it is not in the list."""
    found = data_sets.find(name)
    return (found.modality, found.organ) if found else ("", "")
