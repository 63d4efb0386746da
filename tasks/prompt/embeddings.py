"""The embeddings of a frozen encoder: computed once for each image and kept on the disk, or computed each time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from lvmmed_backbones.evaluation.encoders import Encoder
from lvmmed_backbones.evaluation.extraction import extract
from lvmmed_backbones.evaluation.loading import batches, transformed
from lvmmed_backbones.evaluation.replicas import (
    Precision,
    Replica,
    devices_of,
    encoded,
    replicas_of,
)
from lvmmed_backbones.evaluation.store import StoredRows
from lvmmed_backbones.openmmlab.finite import unwrapped
from tasks.metrics import case_name
from tasks.prompt.images import ImageFiles

GB = 1e9
PRECISION: Precision = "float32"
DTYPE = np.dtype("float16")  # of an embedding, kept or not


class Embeddings:
    """The embeddings of images by a frozen encoder, in half precision.

    Those in a cache are the same, bit for bit, as those that are computed anew: an image goes through the encoder by
    itself, and the result is rounded to float16. The cache knows the encoder by a checksum of its weights; embeddings
    of other weights lie in other folders.

    Parameters
    ----------
    encoder : Encoder
        Its `maps` are the embeddings.
    shape : (int, int, int)
        Of an embedding: C, h, w.

    Attributes
    ----------
    encoded : int
        Images that went through the encoder so far, but those whose embeddings were added to a cache.
    added : int
        Images whose embeddings were added to a cache.
    """

    def __init__(self, encoder: Encoder, shape: tuple[int, int, int]) -> None:
        self.encoder, self.shape = encoder, shape
        self.encoded = self.added = 0
        self._kept: dict[str, tuple[StoredRows, int]] = {}
        self._replicas: list[Replica] | None = None

    def bytes_of(self, images: int) -> int:
        """Return the bytes that the embeddings of so many images take."""
        return images * int(np.prod(self.shape)) * DTYPE.itemsize

    def keep(self, files: Sequence[str], cache: Path, name: str) -> None:
        """Compute the embeddings that are not in a cache, add them to it, and read from it from now on.

        Parameters
        ----------
        files : sequence of str
            Images of a prepared data set.
        cache : Path
            The folder of all stores of features.
        name : str
            Of the data set.

        Raises
        ------
        ValueError, FileNotFoundError, Refused, DiskFull
            As `lvmmed_backbones.evaluation.extraction.extract`.
        """
        missing = [file for file in dict.fromkeys(files) if file not in self._kept]
        if not missing:
            return
        images = ImageFiles(name, [Path(file) for file in missing], [*map(case_name, missing)])
        with _all_cores():
            features = extract(
                self.encoder, images, cache, output="maps", batch_size=1, precision=PRECISION
            )
        self.added += features.computed
        self._kept |= {file: (features.values, row) for row, file in enumerate(missing)}

    def of(self, files: Sequence[str]) -> Tensor:
        """Return the embeddings (N, C, h, w) of images, float32 with the values of float16, on the CPU.

        Raises
        ------
        FileNotFoundError, Refused, ValueError
            If an image that is not in the cache cannot be read, or an embedding in it is damaged.
        """
        computed = self._computed([file for file in dict.fromkeys(files) if file not in self._kept])
        rows = [computed[file] if file in computed else self._read(file) for file in files]
        return torch.from_numpy(np.stack(rows)).float()

    def _read(self, file: str) -> NDArray[np.float16]:
        rows, place = self._kept[file]
        return rows[place]

    def _computed(self, files: Sequence[str]) -> dict[str, NDArray[np.float16]]:
        """The embeddings of images, of which the next is read while one is encoded."""
        if not files:
            return {}
        images = ImageFiles("images", [Path(file) for file in files], files)
        if self._replicas is None:
            example = transformed(self.encoder.transform, images.pixels(0), files[0]).unsqueeze(0)
            self._replicas = replicas_of(self.encoder, devices_of(None), "maps", PRECISION, example)
        pinned = self._replicas[0].device.type == "cuda"
        places = range(len(files))
        with (
            closing(batches(images, places, self.encoder.transform, 1, 0, pinned)) as loader,
            closing(encoded(self._replicas, loader)) as embeddings,
        ):
            computed = {
                file: rows[0].astype(DTYPE) for file, rows in zip(files, embeddings, strict=True)
            }
        self.encoded += len(computed)
        return computed


@contextmanager
def _all_cores() -> Iterator[None]:
    """Lend torch all cores: runs that wait for these embeddings use none."""
    threads = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@HOOKS.register_module()
class EmbeddingHook(Hook):
    """Keeps the embeddings of a run's images before the first step, unless they need more room than there may be.

    The config's entry `embeddings` has the `limit` in GB for all images of the run, and the folder `cache`; None: in
    the run's own. Where the disk has less than twice as much free, half of what is free is the limit. Beyond it an
    image is encoded each time that it is seen; the figures are the same.
    """

    def __init__(self) -> None:
        self.keeps: bool | None = None  # not decided yet

    def before_train_epoch(self, runner: Runner) -> None:
        """See to the images to train on, and count from here those that have a prompt; a run of no steps needs none."""
        if runner.max_iters:
            unwrapped(runner).prompted = 0
            self._keep(runner, runner.train_dataloader)

    def after_train_epoch(self, runner: Runner) -> None:
        """Raise ValueError if no image of an epoch had a structure to prompt for."""
        if runner.max_iters and not unwrapped(runner).prompted:
            raise ValueError(
                f"none of the images to train on has a structure, so no box can prompt: {runner.work_dir}. "
                "See the masks, or take more labels by --label-fractions"
            )

    def before_val_epoch(self, runner: Runner) -> None:
        """See to the images to validate on."""
        self._keep(runner, runner.val_dataloader)

    def before_test_epoch(self, runner: Runner) -> None:
        """See to the images to test on."""
        self._keep(runner, runner.test_dataloader)

    def _keep(self, runner: Runner, loader: DataLoader) -> None:
        embeddings, options = unwrapped(runner).embeddings, runner.cfg.get("embeddings") or {}
        cache = Path(options.get("cache") or Path(runner.work_dir) / "embeddings")
        if self.keeps is None:
            self.keeps = _fits(runner, embeddings, cache, options.get("limit"))
        if self.keeps:
            embeddings.keep(_files(loader), cache, runner.cfg.task.dataset)


def _files(loader: DataLoader) -> list[str]:
    data = loader.dataset
    return [data.get_data_info(place)["img_path"] for place in range(len(data))]


def _fits(runner: Runner, embeddings: Embeddings, cache: Path, limit: float | None) -> bool:
    """Say in the log how much room the embeddings of a run take, and whether they may."""
    loops = [runner.test_loop]
    if runner.max_iters:
        loops += [runner.train_loop, *filter(None, [runner.val_loop])]
    count = len({file for loop in loops for file in _files(loop.dataloader)})
    need = embeddings.bytes_of(count) / GB
    cache.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache).free / GB
    most = min(free / 2, limit if limit is not None else free)
    fits = need <= most
    runner.logger.info(
        f"embeddings: {count} images of {embeddings.bytes_of(1) / 1e6:.3g} MB need {need:.3g} GB, and may have "
        f"{most:.3g} GB. They are {f'kept in {cache}' if fits else 'computed each time'}"
    )
    return fits
