"""Corpora of unlabelled images: built from folders, audited against test splits, read in random order."""

from lvmmed_backbones.corpus.dataset import CorpusDataset

__all__ = ["CorpusDataset"]
