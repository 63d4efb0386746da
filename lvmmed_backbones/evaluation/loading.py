"""Images to encode: what a set of images must offer, and batches of transformed ones, loaded by other processes."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from lvmmed_backbones.evaluation.encoders import Resize, Transform

SMALL = 256  # images: fewer are loaded by the process itself


class Images(Protocol):
    """N images to encode, whatever they are for."""

    @property
    def name(self) -> str:
        """Of the data set."""

    @property
    def names(self) -> Sequence[str]:
        """What errors call each image."""

    @property
    def keys(self) -> list[bytes]:
        """16 bytes for each image, a checksum of its content: equal keys, equal images."""

    def __len__(self) -> int:
        """N."""

    def pixels(self, place: int) -> NDArray[np.uint8]:
        """An image, (H, W, 3) RGB."""


def transformed(transform: Transform, image: NDArray[np.uint8], name: str) -> Tensor:
    """The tensor of an image; `finished` makes what an encoder takes of a batch of them.

    Of `Resize` it is (h, w, 3) uint8, a quarter of the bytes that another process must send.

    Raises
    ------
    ValueError
        That names the image if the transform, a user's own code, gives no tensor (3, h, w).
    """
    try:
        if isinstance(transform, Resize):
            return torch.from_numpy(transform.resized(image))
        tensor = transform(image)
    except Exception as error:
        raise ValueError(
            f"{name}: the transform raised {type(error).__name__}: {error}. The image has shape {image.shape}"
        ) from error
    if not isinstance(tensor, Tensor) or tensor.ndim != 3:
        what = f"a tensor {tuple(tensor.shape)}" if isinstance(tensor, Tensor) else type(tensor)
        raise ValueError(f"{name}: the transform returned {what}, not a tensor (3, h, w)")
    return tensor


def finished(transform: Transform, batch: Tensor) -> Tensor:
    """The batch (B, 3, h, w) of stacked tensors that `transformed` gave."""
    return transform.normalised(batch) if isinstance(transform, Resize) else batch


class _Chosen(Dataset):
    """Images at some places, transformed."""

    def __init__(self, images: Images, places: Sequence[int], transform: Transform) -> None:
        self.images, self.places, self.transform = images, places, transform

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, number: int) -> tuple[str, Tensor | Exception]:
        place = self.places[number]
        name = self.images.names[place]
        try:
            return name, transformed(self.transform, self.images.pixels(place), name)
        except Exception as error:  # torch would put a traceback into its message
            return name, error


def batches(
    images: Images,
    places: Sequence[int],
    transform: Transform,
    batch_size: int,
    workers: int,
    pinned: bool,
) -> Generator[Tensor, None, None]:
    """Stacked tensors of the images at some places, in order, loaded ahead by `workers` processes, or by a thread.

    Raises
    ------
    Exception
        Whatever reading an image raises; ValueError as `transformed`, or if the tensors of a batch have unlike shapes.
    """
    loader: DataLoader = DataLoader(
        _Chosen(images, places, transform),
        batch_size,
        num_workers=workers if len(places) > SMALL else 0,
        worker_init_fn=_begin_worker,
        collate_fn=_stacked,
        pin_memory=pinned,
    )
    # Closed here: a thread that waits for another one must not be ended by the garbage collector, wherever that runs.
    with nullcontext(loader) if loader.num_workers else closing(_by_a_thread(loader)) as found:
        for batch in found:
            if isinstance(batch, Exception):
                raise batch
            yield batch


def _by_a_thread(loader: DataLoader) -> Generator[Tensor | Exception, None, None]:
    """The batches of a loader without processes, one ahead.

    torch shares no work of this thread out to others: they would wait for cores that encode.
    """
    batches = iter(loader)
    with ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,)) as thread:
        following = thread.submit(next, batches, None)
        while (batch := following.result()) is not None:
            following = thread.submit(next, batches, None)
            yield batch


def _begin_worker(_: int) -> None:
    cv2.setNumThreads(0)  # its threads do not outlive a fork


def _stacked(loaded: Sequence[tuple[str, Tensor | Exception]]) -> Tensor | Exception:
    """The tensors of a batch as one, or what went wrong."""
    tensors: list[Tensor] = []
    for name, tensor in loaded:
        if isinstance(tensor, Exception):
            return tensor
        if tensors and tensor.shape != tensors[0].shape:
            return ValueError(
                f"{name}: the transform returned a tensor {tuple(tensor.shape)}, and {tuple(tensors[0].shape)} for "
                f"{loaded[0][0]}. Let it resize to one size"
            )
        tensors.append(tensor)
    return torch.stack(tensors)
