"""Features of all images by an encoder: those in the cache are read, the others computed and added."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from lvmmed_backbones.evaluation.data import LabelledImages
from lvmmed_backbones.evaluation.encoder import Encoder, Transform
from lvmmed_backbones.evaluation.store import FeatureStore

CLOSE = 1e-3  # relative: the same code on another machine or another number of threads
SMALL = 256  # images: fewer are loaded by the process itself


@dataclass(frozen=True)
class Features:
    """The features of a data set.

    Attributes
    ----------
    values : ndarray of shape (N, D)
        In the order of the data set.
    computed : int
        Images that were not in the cache.
    seconds : float
        That these took.
    """

    values: NDArray[np.float32]
    computed: int
    seconds: float


class _Missing(Dataset):
    """The images that are to be encoded, transformed."""

    def __init__(self, data: LabelledImages, places: Sequence[int], encoder: Encoder) -> None:
        self.data, self.places = data, places
        self.transform = encoder.transform  # alone: a process of the loader needs no network

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, number: int) -> Tensor:
        place = self.places[number]
        return _transformed(self.transform, self.data.pixels(place), self.data.names[place])


def _transformed(transform: Transform, image: NDArray[np.uint8], name: str) -> Tensor:
    """The tensor of an image; ValueError that names it if the transform, a user's own code, gives none."""
    try:
        tensor = transform(image)
    except Exception as error:
        raise ValueError(
            f"{name}: the transform raised {type(error).__name__}: {error}. The image has shape {image.shape}"
        ) from error
    if not isinstance(tensor, Tensor) or tensor.ndim != 3:
        raise ValueError(
            f"{name}: the transform returned {type(tensor).__name__}, not a tensor (3, h, w)"
        )
    return tensor


def extract(
    encoder: Encoder,
    data: LabelledImages,
    cache: Path,
    *,
    batch_size: int = 64,
    workers: int = 1,
    device: str = "cpu",
) -> Features:
    """The features of a data set's images, each computed once for an encoder, whatever data set it is in.

    Parameters
    ----------
    encoder : Encoder
        Of the images.
    data : LabelledImages
        N of them.
    cache : Path
        The folder of all stores.
    batch_size : int
        Images at a time.
    workers : int
        Processes that load images while the encoder works.
    device : str
        Of the encoder.

    Raises
    ------
    ValueError
        If an image has features that are no numbers, or all images have the same; if the transform or the encoder
        does not give what it must. What was computed before stays in the cache.
    DiskFull
        If the cache has no room.
    """
    probe = _probe(encoder, device)
    store = FeatureStore(cache / _name(encoder, probe), probe.shape)
    began = time.monotonic()
    with store.locked():
        meta = store.read_meta()
        if meta is None or not np.allclose(meta["probe"], probe, rtol=CLOSE, atol=CLOSE):
            # Nothing yet, or weights of the same values behind other code, or another transform.
            store.begin({"encoder": encoder.name, "probe": [float(x) for x in probe]})
        known = store.keys()
        missing = {key: place for place, key in enumerate(data.keys) if key not in known}
        _add(store, encoder, data, missing, batch_size, workers, device)
        known = store.keys()
    seconds = time.monotonic() - began if missing else 0.0
    values = store.rows([known[key] for key in data.keys])
    if (values == values[0]).all():
        raise ValueError(
            f"{encoder.name} gives all {len(data)} images of {data.name} the same features: "
            "see that its weights are loaded and its transform keeps the images apart"
        )
    return Features(values, len(missing), seconds)


def _probe(encoder: Encoder, device: str) -> NDArray[np.float32]:
    """The features of one fixed image: they tell whether the code behind the weights has changed."""
    image = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    tensor = _transformed(encoder.transform, image, "an image of noise")
    encoder.module.to(device)
    with torch.inference_mode():
        return encoder.encode(tensor.unsqueeze(0).to(device))[0].float().cpu().numpy()


def _name(encoder: Encoder, probe: NDArray[np.float32]) -> str:
    """The folder of an encoder's features."""
    text = f"{encoder.architecture} {encoder.weights} {encoder.transform!r} {probe.shape}"
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


def _add(
    store: FeatureStore,
    encoder: Encoder,
    data: LabelledImages,
    missing: dict[bytes, int],
    batch_size: int,
    workers: int,
    device: str,
) -> None:
    """Compute the missing features, and add them batch by batch."""
    places = list(missing.values())
    keys = list(missing)
    loader = DataLoader(
        _Missing(data, places, encoder),
        batch_size,
        num_workers=workers if len(places) > SMALL else 0,
        pin_memory=device != "cpu",
    )
    with tqdm(total=len(places), desc=f"features of {encoder.name}", unit="image", delay=1) as bar:
        for number, rows in enumerate(_encoded(encoder, loader, device)):
            start = number * batch_size
            some = keys[start : start + len(rows)]
            wrong = np.flatnonzero(~np.isfinite(rows).all(1))
            if len(wrong):
                raise ValueError(
                    f"{encoder.name} gives NaN or infinity for {data.names[places[start + wrong[0]]]}: "
                    "see its weights and its transform"
                )
            store.append(some, rows)
            bar.update(len(rows))


def _encoded(encoder: Encoder, loader: DataLoader, device: str) -> Iterator[NDArray[np.float32]]:
    """Rows of features, a batch at a time; the next images are loaded meanwhile."""
    for images in loader:
        with torch.inference_mode():
            yield encoder.encode(images.to(device, non_blocking=True)).float().cpu().numpy()
