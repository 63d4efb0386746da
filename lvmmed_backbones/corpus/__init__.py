"""Corpora of unlabelled images: built from folders, audited against test splits, read in random order.

`CorpusDataset` is imported when it is used, so that files can be read without torch.
"""

from __future__ import annotations

from typing import Any

from lvmmed_backbones.extras import needing

with needing("corpus"):  # for all modules of this package
    import fsspec  # noqa: F401
    import pyarrow  # noqa: F401

__all__ = ["CorpusDataset"]


def __getattr__(name: str) -> Any:
    if name != "CorpusDataset":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lvmmed_backbones.corpus.dataset import CorpusDataset

    return CorpusDataset
