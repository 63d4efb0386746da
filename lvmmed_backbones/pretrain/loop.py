"""The corpus, epoch by epoch: an epoch can begin in its middle, and nothing is read again that was trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from mmcv.transforms import Compose
from mmengine.dist import get_rank, get_world_size
from mmengine.registry import DATA_SAMPLERS, DATASETS, FUNCTIONS, LOOPS
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch.utils.data import DataLoader, Dataset, Sampler

from lvmmed_backbones.corpus import CorpusDataset
from lvmmed_backbones.pretrain.origin import Progress
from lvmmed_backbones.stopping import die_with_parent


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


@FUNCTIONS.register_module()
def end_with_run(worker_id: int) -> None:
    """In a process of a loader: end when the process that trains does, however that ends."""
    die_with_parent()


@DATA_SAMPLERS.register_module()
class ResumableSampler(Sampler):
    """The corpus in an order that the seed and the epoch decide, dealt out to the processes.

    The first images of the order are the first that are trained on, however many processes share them. Gives pairs
    (index, epoch): the views that a corpus cuts depend on both.

    Parameters
    ----------
    dataset : Dataset
        The corpus.
    seed : int, optional
        Of the run.
    """

    def __init__(self, dataset: Dataset, seed: int | None = None) -> None:
        self.size = len(dataset)  # type: ignore[arg-type]
        self.seed = seed or 0
        self.epoch = 0
        self.start = 0  # images of the order to leave out, once

    def set_epoch(self, epoch: int) -> None:
        """mmengine's DistSamplerSeedHook calls it."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.size // get_world_size()

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.size)[self.start :]
        mine = order[get_rank() :: get_world_size()][: len(order) // get_world_size()]
        self.start = 0
        for index in mine:
            yield int(index), self.epoch


@LOOPS.register_module()
class ResumableEpochLoop(EpochBasedTrainLoop):
    """mmengine's loop over epochs, but it counts images, and goes on where it was within an epoch.

    What a step was before, with another batch or number of processes, does not matter: the rest of an epoch are the
    images that it has not trained on.

    Attributes
    ----------
    images
        Of this epoch, that all processes have trained on.
    images_seen
        Of all epochs.
    """

    def __init__(self, runner: Runner, dataloader: DataLoader | dict, max_epochs: int) -> None:
        super().__init__(runner, dataloader, max_epochs)
        self.images = self.images_seen = 0

    @property
    def progress(self) -> Progress:
        """Within or after a step: how far the run has come with it."""
        return Progress(self._iter + 1, self._epoch, self.images, self.images_seen)

    def go_on(self, progress: Progress) -> None:
        """Take up a run, before its rest is trained."""
        self._iter, self._epoch = progress.steps, progress.epoch
        self.images, self.images_seen = progress.images, progress.images_seen
        left = self.max_epochs * len(self.dataloader) - self.place
        self._max_iters = progress.steps + left

    @property
    def place(self) -> int:
        """The step of a run that had today's batch from its beginning, and has come as far as this one."""
        left = steps(self.size - self.images, self.dataloader)
        return (self._epoch + 1) * len(self.dataloader) - left

    @property
    def size(self) -> int:
        """Images of the corpus."""
        return len(self.dataloader.dataset)

    def run_epoch(self) -> None:
        """One epoch, or what is left of it."""
        self.runner.call_hook("before_train_epoch")
        self.runner.model.train()
        self.dataloader.sampler.start = self.images
        first = self.place - self._epoch * len(self.dataloader)
        for index, batch in enumerate(self.dataloader, start=first):
            self.images += (seen := len(batch["data_samples"]) * get_world_size())
            self.images_seen += seen
            self.run_iter(index, batch)
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1
        self.images = 0


def steps(images: int, loader: DataLoader) -> int:
    """How many steps so many images of the corpus are enough for."""
    each = images // get_world_size()
    return each // loader.batch_size if loader.drop_last else -(-each // loader.batch_size)
