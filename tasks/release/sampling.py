"""Which slices of a volume the release trains on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.registry import DATA_SAMPLERS
from torch.utils.data import Sampler

from lvmmed_backbones.layout.reading import read_stored
from tasks.release.loading import union


@DATA_SAMPLERS.register_module()
class LabelledSlices(Sampler):
    """All images whose mask has a class, and as many draws, with replacement, from the others; shuffled each epoch.

    utils/dataset_prepare.py:43-137 and dataloader/dataset_ete.py:26-32. The draw is made once, for a run.

    Parameters
    ----------
    dataset : BaseDataset
        Of mmsegmentation: images with `seg_map_path`.
    label : int or None
        The class. None, as in 2D: background and foreground; of masks that all have both nothing is added.
    seed : int
        Of the draw; mmengine's runner hands in the run's.
    round_up : bool
        For mmengine, whose runner gives it; one process trains.
    one_class : bool
        All structures of a mask are one class, 1, as `LoadUnion` loads them.

    Raises
    ------
    ValueError
        If no mask has the class.
    """

    def __init__(
        self,
        dataset: BaseDataset,
        label: int | None = None,
        seed: int = 0,
        round_up: bool = True,
        one_class: bool = False,
    ) -> None:
        masks = [Path(dataset.get_data_info(n)["seg_map_path"]) for n in range(len(dataset))]
        has_label = np.array([_has(path, label, one_class) for path in masks])
        labelled, others = np.flatnonzero(has_label), np.flatnonzero(~has_label)
        if not len(labelled):
            missing = "both background and foreground" if label is None else f"class {label}"
            raise ValueError(
                f"{masks[0].parent}: no mask of the {len(masks)} training images has {missing}. "
                "Take more of the labels, or prepare the data set again"
            )
        draw = np.random.default_rng(seed)
        added = draw.choice(others, len(labelled)) if len(others) else others
        self.places = np.concatenate([labelled, added])
        self.seed, self.epoch = seed, 0

    def __iter__(self) -> Iterator[int]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.places)
        return iter(order.tolist())

    def __len__(self) -> int:
        return len(self.places)

    def set_epoch(self, epoch: int) -> None:
        """For mmengine's DistSamplerSeedHook: the next epoch has another order."""
        self.epoch = epoch


def _has(path: Path, label: int | None, one_class: bool) -> bool:
    mask = read_stored(path)
    mask = union(mask) if one_class else mask
    return len(np.unique(mask)) == 2 if label is None else bool((mask == label).any())
