"""Corpora of unlabelled images: built from folders, audited against test splits, read in random order.

Nothing is imported before it is used, so that files can be read without torch.
"""

from __future__ import annotations

from lvmmed_backbones.importing import on_first_use

__all__ = ["CorpusDataset", "audit", "build", "list_data_sets"]

__getattr__, __dir__ = on_first_use(
    __name__,
    {
        "CorpusDataset": "dataset",
        "audit": "auditing",
        "build": "building",
        "list_data_sets": "facts",
    },
    extra="corpus",
)
