"""A corpus as the configs of pretraining name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmcv.transforms import Compose
from mmengine.registry import DATASETS

from lvmmed_backbones.corpus import CorpusDataset


@DATASETS.register_module(name="CorpusDataset")
def corpus_dataset(root: str, pipeline: Sequence[Mapping] = (), seed: int = 0) -> CorpusDataset:
    """A `CorpusDataset` whose transform is a pipeline of mmcv's registry.

    Parameters
    ----------
    root, seed : str
        As of `CorpusDataset`.
    pipeline : sequence of mapping
        Transforms of `results["img"]` (H, W, 3) uint8, blue first.
    """
    return CorpusDataset(root, Compose(list(pipeline)), seed)
