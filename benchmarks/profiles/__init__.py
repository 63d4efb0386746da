"""Profiles: the size of the experiment. One file each, here or in a plugin.

`paper` runs the task configs as they are, the others make them smaller.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field

from lvmmed_backbones.plugins import load_installed


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
        Mmengine's optimizer dict; its learning rate falls to 0 along a cosine.
    validations : int
        How often the valid split is scored, the last time at the end; 0 tests the last weights.
    seconds : float
        What one run took on 2 cores, for the estimate.
    overrides : mapping
        Further config entries, by dotted name.
    resize : int or None
        Side in pixels to which images are resized, of which training sees crops and testing tiles of `image_size`;
        None: the images are resized to what the task's pipelines need for `image_size`.
    """

    image_size: int
    batch_size: int
    iterations: int
    optimizer: Mapping
    validations: int
    seconds: float
    overrides: Mapping = field(default_factory=dict)
    resize: int | None = None


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """A backbone that a profile pretrains on phantoms.

    Attributes
    ----------
    config : str
        One of lvmmed_backbones/pretrain/configs.
    epochs : int
        Over the corpus of all phantoms.
    seconds : float
        What it took on 2 cores, for the estimate.
    """

    config: str
    epochs: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The size of an experiment.

    Attributes
    ----------
    name : str
        As given to --profile.
    backbones : tuple of str
        The catalogue names that run unless told.
    seeds : tuple of int
        The seeds that run unless told.
    budgets : mapping of str to Budget or None
        By task, for those whose kind's does not fit, and by kind (segmentation, volumes, detection) or, in
        classification, by protocol (linear, finetune); None leaves every task config as it is.
    workers : int or None
        Data loading processes per run; None leaves the task config's.
    threads : int
        Of a run on CPUs; they change the last bits of its figures, so the machine does not decide them.
    pretrained : mapping of str to Pretraining
        The backbones, by name, that are pretrained on phantoms before the grid runs.
    """

    name: str
    backbones: tuple[str, ...]
    seeds: tuple[int, ...]
    budgets: Mapping[str, Budget] | None
    workers: int | None
    threads: int
    pretrained: Mapping[str, Pretraining] = field(default_factory=dict)

    def budget(self, task: Mapping) -> Budget | None:
        """The budget of a task; None: its config stays as it is.

        Parameters
        ----------
        task : mapping
            What the task config says of itself.
        """
        if self.budgets is None:
            return None
        kind = task["protocol"] if task["kind"] == "classification" else task["kind"]
        return self.budgets.get(task["name"], self.budgets[kind])


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
    """The profiles that are files beside this one."""
    return {module.name for module in pkgutil.iter_modules(__path__)}


def names() -> list[str]:
    """The profiles that there are."""
    load_installed()
    return sorted(shipped() | set(_registered))


def get(name: str) -> Profile:
    """The profile called `name`.

    Raises
    ------
    ValueError
        If there is none, naming those that there are.
    """
    if name not in names():
        raise ValueError(f"no profile {name!r}: choose from {', '.join(names())}")
    if name in _registered:
        return _registered[name]
    return importlib.import_module(f"{__name__}.{name}").PROFILE
