"""Features of all images by an encoder: those in the cache are read, the others computed and added."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from lvmmed_backbones.evaluation.encoders import Encoder
from lvmmed_backbones.evaluation.loading import Images, batches, transformed
from lvmmed_backbones.evaluation.replicas import (
    Output,
    Precision,
    Replica,
    devices_of,
    encoded,
    precision_of,
    replicas_of,
)
from lvmmed_backbones.evaluation.store import FeatureStore, StoredRows

# Relative: the same code on another machine or another number of threads.
CLOSE = {"float32": 1e-3, "bfloat16": 3e-2}
MOST_WORKERS = 8
NOISE = (96, 128)
DTYPES = {"vector": "float32", "maps": "float16"}


@dataclass(frozen=True)
class Features:
    """The features of a data set.

    Attributes
    ----------
    values : ndarray of shape (N, D), or StoredRows of shape (N, C, h, w)
        In the order of the data set. Vectors are float32, in memory; maps are float16 and stay on the disk: indexing
        reads the rows that are asked for.
    computed : int
        Images that were not in the cache.
    seconds : float
        That these took.
    """

    values: Any
    computed: int
    seconds: float


def extract(
    encoder: Encoder,
    images: Images,
    cache: Path,
    *,
    output: Output = "vector",
    batch_size: int = 64,
    workers: int | None = None,
    device: str | Sequence[str] | None = None,
    precision: Precision = "auto",
) -> Features:
    """The features of a data set's images, each computed once for an encoder, whatever data set it is in.

    Parameters
    ----------
    encoder : Encoder
        Of the images.
    images : Images
        N of them.
    cache : Path
        The folder of all stores.
    output : {"vector", "maps"}
        One vector for each image, by `Encoder.encode`; or its maps, by `Encoder.maps`.
    batch_size : int
        Images that a device has at a time.
    workers : int, optional
        Processes that load images; 0: this process, which does it while the encoder works. None: 0 where the encoder
        is on the CPU, whose cores loaders would take away from it; elsewhere as many as cores, but one, and at most 8.
    device : str or sequence of str, optional
        Such as "cuda:1", or several, to which the batches are dealt out; None: all GPUs, or the CPU.
    precision : {"auto", "float32", "bfloat16"}
        Of products and convolutions. "auto" is bfloat16 on GPUs that compute with it, float32 elsewhere. Features of
        each are kept apart.

    Raises
    ------
    ValueError
        If an image has features that are no numbers, or all images have the same; if the transform or the encoder
        does not give what it must. What was computed before stays in the cache.
    Refused
        If the cache has no room for the features, which is seen before the first is computed.
    DiskFull
        If it fills up meanwhile.
    """
    devices = devices_of(device)
    if workers is None:
        gpu = devices[0].type != "cpu"
        workers = min(MOST_WORKERS, max(1, (os.cpu_count() or 1) - 1)) if gpu else 0
    precision = precision_of(precision, devices)
    replicas, probe, shape = _begun(encoder, images, devices, output, precision)
    if not np.isfinite(probe).all():
        raise ValueError(
            f"{encoder.name} gives NaN or infinity for an image of noise: see its weights and its transform"
        )
    store = FeatureStore(
        cache / _name(encoder, output, precision, probe, shape), probe.shape, DTYPES[output]
    )
    summary = probe.reshape(len(probe), -1).mean(1).tolist()
    close = CLOSE[precision]
    began = time.monotonic()
    with store.locked():
        meta = store.read_meta()
        if meta is None or not np.allclose(meta["probe"], summary, rtol=close, atol=close):
            # Nothing yet, or weights of the same values behind other code, or another transform.
            if meta is not None:
                tqdm.write(
                    f"{store.folder}: has features of other weights, or by other code, than {encoder.name} has now. "
                    "They are not used: all are computed again",
                    sys.stderr,
                )
            store.begin({"encoder": encoder.name, "probe": summary})
        known = store.keys()
        missing = {key: place for place, key in enumerate(images.keys) if key not in known}
        store.check_room(len(missing))
        _add(
            store,
            replicas,
            images,
            missing,
            max(1, batch_size // replicas.count(replicas[0])),
            workers,
        )
        known = store.keys()
    seconds = time.monotonic() - began if missing else 0.0
    rows = store.stored([known[key] for key in images.keys])
    if len(known.keys() & set(images.keys)) > 1 and _all_equal(rows):
        raise ValueError(
            f"{encoder.name} gives all {len(images)} images of {images.name} the same features: "
            "see that its weights are loaded and its transform keeps the images apart"
        )
    return Features(rows[:] if output == "vector" else rows, len(missing), seconds)


def _all_equal(rows: StoredRows) -> bool:
    """Whether all rows have the same values; reads no more rows than it needs."""
    return all((rows[place] == rows[0]).all() for place in range(1, len(rows)))


def _begun(
    encoder: Encoder,
    images: Images,
    devices: Sequence[torch.device],
    output: Output,
    precision: Precision,
) -> tuple[list[Replica], NDArray[np.float32], tuple[int, ...]]:
    """Replicas, and the features of a fixed image: they tell whether the code behind the weights has changed.

    The image has 96 x 128 pixels; if the transform or the module takes no such image, as many as the first of the
    data set. The shape is returned, too.
    """
    shapes = (NOISE, images.pixels(0).shape[:2])
    for shape in shapes:
        noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
        try:
            tensor = transformed(encoder.transform, noise, f"an image of noise of {shape} pixels")
            example = tensor.unsqueeze(0)
            replicas = replicas_of(encoder, devices, output, precision, example)
            return replicas, next(encoded(replicas, [example]))[0], shape
        except ValueError:
            if shape == shapes[-1]:
                raise
    raise AssertionError("not reached")


def _name(
    encoder: Encoder,
    output: Output,
    precision: Precision,
    probe: NDArray[np.float32],
    shape: tuple[int, ...],
) -> str:
    """The folder of an encoder's features."""
    transform = re.sub(r" at 0x[0-9a-f]+", "", repr(encoder.transform))  # of a function: its place
    text = (
        f"{encoder.architecture} {encoder.weights} {encoder.layers} {transform} {output} {precision} "
        f"{probe.shape} {shape}"
    )
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


def _add(
    store: FeatureStore,
    replicas: Sequence[Replica],
    images: Images,
    missing: dict[bytes, int],
    batch_size: int,
    workers: int,
) -> None:
    """Compute the missing features, and add them batch by batch."""
    keys, places = list(missing), list(missing.values())
    encoder = replicas[0].encoder
    pinned = replicas[0].device.type == "cuda"
    bar = tqdm(total=len(places), desc=f"features of {encoder.name}", unit="image", delay=1)
    start = 0  # not the bar's own count, which stands still where TQDM_DISABLE is set
    with (
        bar,
        closing(batches(images, places, encoder.transform, batch_size, workers, pinned)) as loader,
        closing(encoded(replicas, loader)) as features,
    ):
        for rows in features:
            done = slice(start, start + len(rows))
            start = done.stop
            _check(rows, encoder, store, [images.names[place] for place in places[done]])
            store.append(keys[done], rows)
            bar.update(len(rows))


def _check(
    rows: NDArray[np.float32], encoder: Encoder, store: FeatureStore, names: Sequence[str]
) -> None:
    """Raise ValueError that names the first image whose features are no numbers of the store."""
    whole = np.isfinite(rows).reshape(len(rows), -1).all(1)
    if not whole.all():
        raise ValueError(
            f"{encoder.name} gives NaN or infinity for {names[int(whole.argmin())]}: "
            "see its weights and its transform"
        )
    most = np.finfo(store.dtype).max
    fits = (np.abs(rows) <= most).reshape(len(rows), -1).all(1)
    if not fits.all():
        raise ValueError(
            f"{encoder.name} gives values above {most:.0f} for {names[int(fits.argmin())]}, which "
            f"{store.dtype} does not hold: scale its output"
        )
