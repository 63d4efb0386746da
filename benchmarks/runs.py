"""One run: its identity, and what its process needs. Runs with the same identity have the same result."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from benchmarks.config import place, place_run
from benchmarks.grid import RunSpec
from benchmarks.labels import label_subset
from benchmarks.overrides import ACCUMULATED, Overrides, apply, as_dict, checked, halved
from benchmarks.preparation import PreparedData
from benchmarks.resolve import Resolved
from benchmarks.results import LEASE, NO_MEMORY
from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue import Entry
from lvmmed_backbones.records import RUNS, SUITE, Pretraining
from lvmmed_backbones.records.identity import checksum, run_id


@dataclass(frozen=True)
class Identity:
    """Everything that decides a run's result. Time, machine and cost do not.

    Attributes
    ----------
    task : str
        Name of the task config.
    task_version : int
        Version of the task.
    backbone : str
        Name in the catalogue.
    weights_sha256 : str or None
        Checksum of the file of weights; None for random weights.
    profile : str
        Name of the profile.
    protocol : str
        The task config's protocol.
    label_fraction : str or None
        Checksum of which training images are taken, so that equal subsets are one run; None for all.
    split : str
        'published' or 'clean'.
    seed : int
        Seed of the run.
    data_fingerprint : str
        Fingerprint of the prepared data set.
    config_sha256 : str
        Checksum of the config without this machine's folders.
    threads : int
        Threads of a run on CPUs; they change the last bits.
    recipe : str
        'suite' or 'release'.
    overrides : tuple of (str, Override)
        What the run changes in the config of `config_sha256`.
    """

    task: str
    task_version: int
    backbone: str
    weights_sha256: str | None
    profile: str
    protocol: str
    label_fraction: str | None
    split: str
    seed: int
    data_fingerprint: str
    config_sha256: str
    threads: int
    recipe: str = SUITE
    overrides: Overrides = ()

    @property
    def run_id(self) -> str:
        """Checksum of the identity: 16 hex digits."""
        return run_id(self.facts())

    def facts(self) -> dict[str, Any]:
        """Return what identity.json holds: what is as it was before there was a choice is left out."""
        facts = asdict(self) | {"overrides": as_dict(self.overrides)}
        if self.recipe == SUITE:
            del facts["recipe"]
        if not self.overrides:
            del facts["overrides"]
        return facts


@dataclass(frozen=True)
class Run:
    """A run that can be carried out: identified, and placed in its folder.

    Attributes
    ----------
    identity : Identity
        What the run is; its checksum names the folder.
    folder : Path
        Folder of the run.
    config : Config
        Config with this machine's folders. Its text lies in the folder for people, and is not read again.
    spec : RunSpec
        The planned run.
    backbone : Entry
        What the catalogue knows of the backbone, for the record.
    complete : bool
        Whether all of the data set was there, from its meta.json.
    phantom : bool
        Whether the data set was generated, from its meta.json.
    git_revision : str or None
        Revision of the code when the driver began, and imported it.
    keep : bool
        Keep all checkpoints of the finished run, not only the best one.
    pretraining : Pretraining or None
        What the backbone has seen, as far as it is declared.
    """

    identity: Identity
    folder: Path
    config: Config = field(compare=False)
    spec: RunSpec
    backbone: Entry = field(compare=False)
    complete: bool
    phantom: bool
    git_revision: str | None = None
    keep: bool = False
    pretraining: Pretraining | None = field(default=None, compare=False)

    @property
    def lease(self) -> Path:
        """Name of the lease of this run."""
        return self.folder / LEASE

    def with_half_the_batch(self) -> Run | None:
        """Return the run that takes its place where memory is short (`overrides.halved`); None if there is none."""
        changes = halved(self.config)
        if changes is None or self.is_halved:
            return None
        identity = replace(
            self.identity, overrides=checked(dict(self.identity.overrides + changes))
        )
        folder = self.folder.with_name(identity.run_id)
        config = place_run(self.config, folder)
        apply(config, changes)
        spec = replace(self.spec, overrides=identity.overrides)
        return replace(self, identity=identity, folder=folder, config=config, spec=spec)

    @property
    def found_no_memory(self) -> bool:
        """Whether its last process ended since there was no memory left."""
        return (self.folder / NO_MEMORY).exists()

    @property
    def is_halved(self) -> bool:
        """Whether each step of the optimizer takes more than one batch."""
        return ACCUMULATED in dict(self.identity.overrides)


def prepare_run(
    resolved: Resolved,
    config: Config,
    data: PreparedData,
    results: Path,
    git_revision: str | None = None,
    keep: bool = False,
) -> Run:
    """Choose the run's training images, identify it and place it in a folder of results; nothing is written.

    Parameters
    ----------
    resolved : Resolved
        The planned run.
    config : Config
        As `benchmarks.config.configure` returns it.
    data : PreparedData
        The task's data set.
    results : Path
        Folder of results.
    git_revision : str, optional
        As of `Run`.
    keep : bool, default False
        As of `Run`.

    Raises
    ------
    FileNotFoundError, Refused
        As `benchmarks.labels.label_subset`.
    ValueError
        As `catalogue.pretraining` and `overrides.apply`.
    """
    spec = resolved.spec
    training = label_subset(config, data.folder, spec.label_fraction, spec.seed)
    identity = identify(resolved, config, data.fingerprint, training)
    folder = results / RUNS / identity.run_id
    placed = place(config, data.folder, training, folder, data.features)
    apply(placed, spec.overrides)
    return Run(
        identity=identity,
        folder=folder,
        config=placed,
        spec=spec,
        backbone=resolved.backbone,
        complete=data.complete,
        phantom=data.phantom,
        git_revision=git_revision,
        keep=keep,
        pretraining=catalogue.pretraining(resolved.backbone),
    )


def identify(
    resolved: Resolved, config: Config, fingerprint: str, training: Sequence[int] | None
) -> Identity:
    """Return the identity of a run.

    Parameters
    ----------
    resolved : Resolved
        The planned run.
    config : Config
        As `benchmarks.config.configure` returns it.
    fingerprint : str
        Fingerprint of the prepared data set.
    training : sequence of int or None
        Positions of the training images that a label fraction takes; None: all.
    """
    spec = resolved.spec
    return Identity(
        task=spec.task,
        task_version=config.task.version,
        backbone=spec.backbone,
        weights_sha256=resolved.weights_sha256,
        profile=spec.profile,
        protocol=config.task.protocol,
        label_fraction=None if training is None else checksum(list(training)),
        split=spec.split,
        seed=spec.seed,
        data_fingerprint=fingerprint,
        config_sha256=_config_checksum(config),
        threads=resolved.profile.threads,
        recipe=spec.recipe,
        overrides=spec.overrides,
    )


def _config_checksum(config: Config) -> str:
    """Return the checksum of a config without the path of the weights: the same on every machine."""
    portable = deepcopy(config)
    for weights in (portable.model.backbone.get("weights"), portable.model.get("sam_decoder")):
        if weights:
            weights.pop("file")
    return checksum(portable.to_dict())
