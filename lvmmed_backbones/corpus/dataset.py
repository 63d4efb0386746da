"""A corpus as a data set of torch: any image by its number, from a disk or from object storage."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow.compute as pc
import torch
from torch.utils.data import Dataset

from lvmmed_backbones.corpus.manifest import Shards, read_corpus
from lvmmed_backbones.data_sets import MOST_NAMES, is_name
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.images.photos import decode

REMEDY = "Is it cut off? Remove it and its part in parts/, and build the corpus again, which makes what is missing"


class CorpusDataset(Dataset):
    """The images of a corpus, read by their place in the shards.

    An item is an index or a pair (index, epoch); what the transform draws depends on seed, epoch and index alone, so it
    is the same in any worker, and again after a resumption.

    Parameters
    ----------
    root : str
        Folder, or URL that fsspec knows: `s3://bucket/corpus`, or, kept on this machine after the first reading,
        `simplecache::s3://bucket/corpus`.
    transform : callable, optional
        Makes an item of a dict with `img` (H, W, 3) uint8, blue first, its `img_shape` and `sample_idx`; None: the dict
        is the item. `lvmmed_backbones.openmmlab` builds it from a pipeline of a config.
    seed : int
        Seed of what the transform draws.

    Raises
    ------
    FileNotFoundError
        If there is no corpus at `root`.
    Refused
        If fsspec does not know the URL's protocol, or lacks a package for it; if what lies at `root` is no whole
        corpus, declares too much or names shards outside of it; if its manifest and its fingerprint do not fit, as
        after a build or an audit that was killed.
    """

    def __init__(
        self, root: str, transform: Callable[[dict], Any] | None = None, seed: int = 0
    ) -> None:
        self.root = str(root).rstrip("/")
        self.seed = seed
        self.transform = transform
        columns = ("shard", "offset", "length", "crc32", "data_set")
        table, summary = read_corpus(self.root, columns)
        self.files = Shards(self.root)
        shards = table["shard"].combine_chunks()
        self.shards: list[str] = shards.dictionary.to_pylist()
        # Arrays, not a million objects: forked workers share them.
        self.shard = shards.indices.to_numpy().astype(np.int32)
        self.offset = table["offset"].to_numpy()
        self.length = table["length"].to_numpy().astype(np.int32)
        self.crc32 = table["crc32"].to_numpy()
        self.metainfo: dict[str, Any] = dict(
            name=summary.name,
            images=summary.images,
            fingerprint=summary.fingerprint,
            data_sets=_declared(pc.unique(table["data_set"]).to_pylist()),
        )

    def __len__(self) -> int:
        return len(self.shard)

    def __getitem__(self, item: int | tuple[int, int]) -> Any:
        index, epoch = item if isinstance(item, tuple) else (item, 0)
        image = self.read(index)
        shape = image.shape[:2]
        results = dict(img=image, img_shape=shape, ori_shape=shape, sample_idx=index)
        with _seeded(self.seed, epoch, index):
            return results if self.transform is None else self.transform(results)

    def read(self, index: int) -> np.ndarray:
        """Return an image (H, W, 3), uint8, blue first.

        Raises
        ------
        Refused
            Naming the shard, if it is absent, or its bytes are damaged.
        """
        name = self.shards[self.shard[index]]
        start, length = int(self.offset[index]), int(self.length[index])
        shard = f"{self.root}/{name}"
        try:
            content = self.files.read(name, start, length)
        except FileNotFoundError:
            raise Refused(shard, "is named by the manifest and is not there", REMEDY) from None
        if len(content) < length or zlib.crc32(content) != self.crc32[index]:
            reason = f"has other bytes from {start:,} to {start + length:,} than when it was built"
            raise Refused(shard, reason, REMEDY)
        return decode(shard, content, REMEDY, f"has no image at byte {start}")


def _declared(names: list[str]) -> list[str] | None:
    """The data sets of a corpus for the facts of a backbone; None if they are too many, or one has no sound name."""
    return sorted(names) if len(names) <= MOST_NAMES and all(map(is_name, names)) else None


@contextmanager
def _seeded(*numbers: int) -> Iterator[None]:
    """Seed the global generators of python, numpy and torch within, and restore their states afterwards."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    python_seed, numpy_seed, torch_seed = (
        int(s) for s in np.random.SeedSequence(numbers).generate_state(3)
    )
    random.seed(python_seed)
    np.random.seed(numpy_seed)
    torch.default_generator.manual_seed(torch_seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
