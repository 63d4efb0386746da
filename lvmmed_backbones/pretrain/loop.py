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
    """Build a `CorpusDataset` whose transform is a pipeline of mmcv's registry.

    Parameters
    ----------
    root, seed
        As for `CorpusDataset`.
    pipeline : sequence of mapping
        Transforms of `results["img"]` (H, W, 3) uint8, blue first.
    """
    return CorpusDataset(root, Compose(list(pipeline)), seed)


@FUNCTIONS.register_module()
def end_with_run(worker_id: int) -> None:
    """Let a loader's process end together with the process that trains, whatever ends that process."""
    die_with_parent()


@DATA_SAMPLERS.register_module()
class ResumableSampler(Sampler):
    """Shuffles the corpus by the seed and the epoch, and shares it among the processes.

    Training takes the images in this order for any number of processes. The sampler gives pairs (index, epoch), since
    the views of an image depend on both.

    Parameters
    ----------
    dataset : Dataset
        The corpus.
    seed : int, optional
        Seed of the run.
    """

    def __init__(self, dataset: Dataset, seed: int | None = None) -> None:
        self.size = len(dataset)  # type: ignore[arg-type]
        self.seed = seed or 0
        self.epoch = 0
        self.start = 0  # images that the next iteration leaves out

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; mmengine's DistSamplerSeedHook calls this."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.size // get_world_size()

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.size)[self.start :]
        share = order[get_rank() :: get_world_size()][: len(order) // get_world_size()]
        self.start = 0
        for index in share:
            yield int(index), self.epoch


@LOOPS.register_module()
class ResumableEpochLoop(EpochBasedTrainLoop):
    """mmengine's loop over epochs that counts images and can go on within an epoch.

    The rest of an epoch is the images that it has not trained on, even if the batch or the number of processes was
    different before.

    Attributes
    ----------
    images : int
        Images of this epoch that all processes together have trained on.
    images_seen : int
        The same for all epochs.
    """

    def __init__(self, runner: Runner, dataloader: DataLoader | dict, max_epochs: int) -> None:
        super().__init__(runner, dataloader, max_epochs)
        self.images = self.images_seen = 0

    @property
    def progress(self) -> Progress:
        """How far the run has come with the current step."""
        return Progress(self._iter + 1, self._epoch, self.images, self.images_seen)

    def go_on(self, progress: Progress) -> None:
        """Continue a run from its progress."""
        self._iter, self._epoch = progress.steps, progress.epoch
        self.images, self.images_seen = progress.images, progress.images_seen
        left = self.max_epochs * len(self.dataloader) - self.equivalent_step
        self._max_iters = progress.steps + left

    @property
    def equivalent_step(self) -> int:
        """The step of a run that is as far as this one and always had the present batch."""
        left = steps(len(self.dataloader.dataset) - self.images, self.dataloader)
        return (self._epoch + 1) * len(self.dataloader) - left

    def run_epoch(self) -> None:
        """Train one epoch, or the rest of it."""
        self.runner.call_hook("before_train_epoch")
        self.runner.model.train()
        self.dataloader.sampler.start = self.images
        first = self.equivalent_step - self._epoch * len(self.dataloader)
        for index, batch in enumerate(self.dataloader, start=first):
            images = len(batch["data_samples"]) * get_world_size()
            self.images += images
            self.images_seen += images
            self.run_iter(index, batch)
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1
        self.images = 0


def steps(images: int, loader: DataLoader) -> int:
    """Return the number of steps that a number of images is enough for."""
    each = images // get_world_size()
    return each // loader.batch_size if loader.drop_last else -(-each // loader.batch_size)
