"""Profiles: the size of an experiment. Each is one file, here or in a plugin.

`paper` runs the task configs as they are, the others make them smaller.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lvmmed_backbones.importing import import_added
from lvmmed_backbones.plugins import load_installed
from lvmmed_backbones.records import RELEASE


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a profile changes in a task, or in the tasks of one kind.

    Attributes
    ----------
    image_size : int
        Side in pixels of what the model sees.
    batch_size : int
        Images per training step.
    iterations : int
        Training steps.
    optimizer : mapping
        The optimizer dict of mmengine; the learning rate falls to 0 along a cosine.
    validations : int
        How often the valid split is scored, the last time at the end; 0: never, the last weights are tested.
    seconds : float
        What one run took on 2 cores, for the estimate.
    overrides : mapping
        Further config entries, by dotted name, for the suite's heads; a release's config has its own, `narrow`.
    resize : int or None
        Side in pixels to which images are resized; training then sees crops of `image_size`, testing tiles of that
        size. None: images are resized to what the task's pipelines need for `image_size`.

    Raises
    ------
    ValueError
        If a number of images, pixels or steps is below 1, or there are more validations than steps.
    """

    image_size: int
    batch_size: int
    iterations: int
    optimizer: Mapping
    validations: int
    seconds: float
    overrides: Mapping = field(default_factory=dict)
    resize: int | None = None

    def __post_init__(self) -> None:
        for name in ("image_size", "batch_size", "iterations"):
            if type(value := getattr(self, name)) is not int or value < 1:
                raise ValueError(f"Budget: {name}={value!r}: give a whole number >= 1")
        if not 0 <= self.validations <= self.iterations:
            raise ValueError(
                f"Budget: validations={self.validations!r}: give 0 to {self.iterations}, the iterations"
            )


@dataclass(frozen=True, kw_only=True)
class ProbeBudget:
    """A run on frozen features: the backbone is not trained, a probe is, to its end.

    Attributes
    ----------
    image_size : int or None
        Side in pixels of the whole image that the backbone sees; None: as large as in the task config.
    seconds : float
        What one run took on 2 cores, for the estimate; the features that runs share are a part of it.
    settings : tuple of float or None
        What the valid images choose from: penalties of a linear or dense probe, numbers of neighbours. None: those of
        `lvmmed evaluate`.
    """

    image_size: int | None
    seconds: float
    settings: tuple[float, ...] | None = None


NEIGHBOURS = ProbeBudget(image_size=None, seconds=20)


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """A backbone that a profile or a study pretrains, on the training images of its tasks.

    Attributes
    ----------
    config : str
        One of lvmmed_backbones/pretrain/configs, or a file.
    epochs : int or None
        Over these images; None: the config's.
    seconds : float
        What it took on 2 cores, for the estimate; 0: unknown.
    seeds : tuple of int
        Of several pretrainings, one for each seed of the runs; empty: one, with the config's seed, for all runs.
    overrides : mapping of str to any
        What is changed in the config, by dotted name.
    """

    config: str
    epochs: int | None = None
    seconds: float = 0.0
    seeds: tuple[int, ...] = ()
    overrides: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The size of an experiment.

    Attributes
    ----------
    name : str
        Its name for --profile.
    backbones : tuple of str
        The default of --backbones.
    seeds : tuple of int
        The default of --seeds.
    tasks : mapping of str to tuple of int
        The default of --tasks, and the seeds of each. Empty: all but the open tasks, with `seeds`.
    budgets : mapping of str to Budget or ProbeBudget, or None
        One for each kind (segmentation, volumes, detection), in classification for each protocol (knn, linear,
        finetune), for linear evaluation of maps (dense), and for box prompts (prompt); one for a task by its name goes
        before these in the suite's recipe. None: every task config stays as it is.
    workers : int or None
        Data loading processes per run; None: as many as the task config has.
    threads : int
        Threads of a run on CPUs. They change the last bits of its figures, so the machine does not decide them.
    pretrained : mapping of str to Pretraining
        The backbones, by name, that are pretrained before the grid runs.
    """

    name: str
    backbones: tuple[str, ...]
    seeds: tuple[int, ...]
    budgets: Mapping[str, Budget | ProbeBudget] | None
    workers: int | None
    threads: int
    tasks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    pretrained: Mapping[str, Pretraining] = field(default_factory=dict)

    def budget(self, task: Mapping) -> Budget | ProbeBudget | None:
        """Return the budget of a task; None: its config stays as it is.

        No profile trains nearest neighbours: where it has no budget for them, it is `NEIGHBOURS`.

        Parameters
        ----------
        task : mapping
            The entry `task` of the task config.

        Raises
        ------
        ValueError
            If the profile has none.
        """
        size = size_of(task)
        if self.budgets is None:
            return NEIGHBOURS if size == "knn" else None
        budgets = {"knn": NEIGHBOURS, **self.budgets}
        if not is_release(task) and task["name"] in budgets:
            return budgets[task["name"]]
        if size not in budgets:
            raise ValueError(
                f"profile {self.name} does not say how large {task['name']} ({size}) is. Take --profile paper or mini"
            )
        return budgets[size]


def size_of(task: Mapping) -> str:
    """Return the name of what a profile sizes alike: a protocol of classification, 'dense', or another kind of task.

    The release trains the layer on a frozen backbone by steps, as it fine-tunes: it has no probes.
    """
    if task["protocol"] in ("prompt", "zero_shot"):
        return "prompt"
    if task["kind"] == "classification":
        return "finetune" if is_release(task) else task["protocol"]
    return "dense" if task["protocol"] == "linear" else task["kind"]


def is_release(task: Mapping) -> bool:
    """Whether the entry `task` of a config is of a released protocol."""
    return task.get("recipe") == RELEASE


_registered: dict[str, Profile] = {}


def register(profile: Profile) -> None:
    """Add a profile.

    Raises
    ------
    ValueError
        If another one has the name.
    """
    if profile.name in shipped() or _registered.get(profile.name, profile) != profile:
        raise ValueError(f"there is another profile called {profile.name}. Rename it")
    _registered[profile.name] = profile


def shipped() -> set[str]:
    """Return the profiles that are files beside this one."""
    return {module.name for module in pkgutil.iter_modules(__path__)}


def names() -> list[str]:
    """Return the names of all profiles, sorted."""
    load_installed()
    return sorted(shipped() | set(_registered))


def get(name: str) -> Profile:
    """Return the profile called `name`.

    Raises
    ------
    ValueError
        If there is none, and the message names those that there are; as `import_added`.
    """
    if name not in names():
        raise ValueError(f"no profile {name!r}: choose from {', '.join(names())}")
    if name in _registered:
        return _registered[name]
    return import_added(__name__, name, "PROFILE", Profile)
