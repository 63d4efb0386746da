"""Test images that are training or valid images, too, as `corpus audit` finds them: byte for byte, or to the eye."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from lvmmed_backbones.corpus.hashes import CORRELATION, HASH_DISTANCE, perceptual_hash, thumbnail
from lvmmed_backbones.evaluation.data import TEST, DenseImages, LabelledImages
from lvmmed_backbones.evaluation.store import FeatureStore


def copied(data: LabelledImages | DenseImages, cache: Path) -> NDArray[np.bool_]:
    """Return for each image, (N,), whether it is a test image that another part has, too.

    Two images are the same if their content is, or if their perceptual hashes differ in at most `HASH_DISTANCE` bits
    and their correlation at 64 x 64 pixels is at least `CORRELATION`. All slices of a volume are copies if more than
    half of them are: black ones are alike in all volumes.

    Parameters
    ----------
    data : LabelledImages or DenseImages
        N images.
    cache : Path
        The folder of all stores; hashes are kept there.
    """
    keys = list(zip(data.keys, data.parts, strict=True))
    others = {key for key, part in keys if part != TEST}
    result = np.array([part == TEST and key in others for key, part in keys])
    hashes = _hashes(data, cache)
    elsewhere = np.flatnonzero(data.parts != TEST)
    for place in data.of(TEST)[~result[data.of(TEST)]]:
        distance = np.bitwise_count(hashes[elsewhere] ^ hashes[place])
        close = elsewhere[distance <= HASH_DISTANCE]
        if len(close):
            own = thumbnail(data.pixels(place))
            result[place] = any(
                own @ thumbnail(data.pixels(other)) >= CORRELATION for other in close
            )
    cases = [f"{part}/{case}" for part, case in zip(data.parts, data.cases, strict=True)]
    _, numbers = np.unique(cases, return_inverse=True)
    shares = np.bincount(numbers, result) / np.bincount(numbers)
    return (shares > 0.5)[numbers] & (data.parts == TEST)


def _hashes(data: LabelledImages | DenseImages, cache: Path) -> NDArray[np.uint64]:
    """The perceptual hash of each image, computed once."""
    store = FeatureStore(cache / "perceptual_hashes", (1,), "uint64")
    with store.locked():
        if store.read_meta() is None:
            store.begin({})
        known = store.keys()
        missing = {key: place for place, key in enumerate(data.keys) if key not in known}
        if missing:
            rows = [
                perceptual_hash(data.pixels(place))
                for place in tqdm(missing.values(), "looking for copies", leave=False, delay=1)
            ]
            store.append(list(missing), np.array(rows, dtype=np.uint64)[:, None])
            known = store.keys()
    return store.rows([known[key] for key in data.keys])[:, 0]
