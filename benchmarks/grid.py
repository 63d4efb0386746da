"""The grid of an experiment: the runs that it asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType

from benchmarks.overrides import Overrides, checked
from lvmmed_backbones.records import SUITE, Override, Recipe, overrides_text
from tasks import registry


@dataclass(frozen=True)
class RunSpec:
    """One planned run: task x recipe x backbone x label fraction x split x profile x seed.

    The protocol (finetune, linear, ...) is the task config's.

    Attributes
    ----------
    task : str
        Name of a task config.
    backbone : str
        Name in the catalogue.
    profile : str
        Name of a profile.
    seed : int
        Seed of every random choice; of the pretraining too, where the backbone has several pretraining seeds.
    label_fraction : float
        Share of the training images that is used, in (0, 1].
    split : str
        'published', or 'clean' where the published valid split is the test split (FGADR).
    recipe : str
        'suite', or 'release': the protocol as the authors of LVM-Med released it.
    overrides : tuple of (str, Override)
        What the run changes in the task's config, as `benchmarks.overrides.checked` returns it.
    """

    task: str
    backbone: str
    profile: str
    seed: int
    label_fraction: float = 1.0
    split: str = "published"
    recipe: Recipe = SUITE
    overrides: Overrides = ()

    def __str__(self) -> str:
        fraction = f" {self.label_fraction:.0%}" if self.label_fraction < 1 else ""
        task = registry.label(self.task, self.recipe)
        changed = f" with {overrides_text(dict(self.overrides))}" if self.overrides else ""
        return f"{task} {self.backbone}{fraction} seed {self.seed}{changed}"


def combinations(
    tasks: Sequence[str],
    backbones: Sequence[str],
    profile: str,
    seeds: Sequence[int],
    label_fractions: Sequence[float] = (1.0,),
    split: str = "published",
    seeds_of_tasks: Mapping[str, Sequence[int]] = MappingProxyType({}),
    recipe: Recipe = SUITE,
    overrides: Mapping[str, Override] = MappingProxyType({}),
) -> list[RunSpec]:
    """Return every combination, task by task; `seeds_of_tasks` has the tasks with other seeds than `seeds`.

    Raises
    ------
    ValueError
        If a task does not exist or has no such recipe, a label fraction is not in (0, 1], a seed not in [0, 2**32),
        something is named twice, or an override cannot be one.
    """
    for option, values in (
        ("--tasks", tasks),
        ("--backbones", backbones),
        ("--seeds", seeds),
        ("--label-fractions", label_fractions),
    ):
        repeated = [value for value, times in Counter(values).items() if times > 1]
        if repeated:
            raise ValueError(f"{option}: {repeated[0]} is named twice. Name it once")
    for seed in seeds:
        if not 0 <= seed < 2**32:
            raise ValueError(f"seed {seed}: give a whole number from 0 to {2**32 - 1}")
    for task in tasks:
        registry.check(task, recipe)
    for fraction in label_fractions:
        if not 0 < fraction <= 1:
            raise ValueError(
                f"label fraction {fraction}: give a share in (0, 1], such as 0.05 for 5 %"
            )
    changes = checked(overrides)
    return [
        RunSpec(task, backbone, profile, seed, fraction, split, recipe, changes)
        for task in tasks
        for fraction, backbone, seed in product(
            label_fractions, backbones, seeds_of_tasks.get(task, seeds)
        )
    ]
