"""An epoch that can begin in the middle: exact resumption without reading again what was trained on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from mmengine.dist import get_rank, get_world_size
from mmengine.registry import DATA_SAMPLERS, LOOPS
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch.utils.data import DataLoader, Dataset, Sampler


@DATA_SAMPLERS.register_module()
class ResumableSampler(Sampler):
    """The corpus in an order that the seed and the epoch decide, dealt out to the processes.

    Gives pairs (index, epoch): the views that a corpus cuts depend on both.

    Args:
        dataset: the corpus.
        seed: of the run.
    """

    def __init__(self, dataset: Dataset, seed: int | None = None) -> None:
        self.size = len(dataset)  # type: ignore[arg-type]
        self.seed = seed or 0
        self.epoch = 0
        self.start = 0  # images of this process to leave out, once

    def set_epoch(self, epoch: int) -> None:
        """mmengine's DistSamplerSeedHook calls it."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.size // get_world_size()

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.size)
        mine = order[get_rank() :: get_world_size()][self.start : len(self)]
        self.start = 0
        for index in mine:
            yield int(index), self.epoch


@LOOPS.register_module()
class ResumableEpochLoop(EpochBasedTrainLoop):
    """mmengine's loop over epochs, but one that was resumed within an epoch goes on there.

    Raises:
        ValueError: if the corpus does not fill a batch.
    """

    def __init__(self, runner: Runner, dataloader: DataLoader | dict, max_epochs: int) -> None:
        super().__init__(runner, dataloader, max_epochs)
        if not len(self.dataloader):
            raise ValueError(
                f"a corpus of {len(self.dataloader.dataset)} images does not fill a batch of "
                f"{self.dataloader.batch_size} on {get_world_size()} processes: "
                "set train_dataloader.batch_size lower, or give more images"
            )

    def run_epoch(self) -> None:
        """One epoch, or what is left of it."""
        done = self._iter - self._epoch * len(self.dataloader)
        self.runner.call_hook("before_train_epoch")
        self.runner.model.train()
        self.dataloader.sampler.start = done * self.dataloader.batch_size
        for index, batch in enumerate(self.dataloader, start=done):
            self.run_iter(index, batch)
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1
