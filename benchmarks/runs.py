"""One run: its identity, and what its process needs. Two runs with the same identity have the same result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mmengine.config import Config

from benchmarks.config import place
from benchmarks.data import PreparedData
from benchmarks.grid import RunSpec
from benchmarks.labels import label_subset
from benchmarks.record import LEASE
from benchmarks.resolve import Resolved
from benchmarks.results import RUNS
from lvmmed_backbones.catalogue import Entry


@dataclass(frozen=True)
class Identity:
    """Everything that decides a run's result; not when, where and at what cost it is computed.

    Attributes
    ----------
    task, task_version : str
        Of the task config.
    backbone, weights_sha256 : str
        Its name in the catalogue, and its file's checksum, None for random weights.
    profile, protocol, split, seed : str
        As planned.
    label_fraction : str or None
        None for all training images, else a checksum of which ones: equal subsets are one run.
    data_fingerprint : str
        Of the prepared data set.
    config_sha256 : str
        Of the config, without this machine's folders.
    threads : int
        Of a run on CPUs; they change the last bits.
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

    @property
    def run_id(self) -> str:
        """16 hex digits."""
        return checksum(asdict(self))[:16]


@dataclass(frozen=True)
class Run:
    """A run that can be carried out: identified, and placed in its folder.

    Attributes
    ----------
    identity : Identity
        What the run is; its checksum names the folder.
    folder : Path
        Of the run.
    config : Config
        With this machine's folders; its text lies in the folder for people, and is not read again.
    spec : RunSpec
        What was planned.
    backbone : Entry
        What the catalogue knows of it, for the record.
    complete, phantom : bool
        Of the prepared data set, from its meta.json.
    git_revision : str or None
        Of the code, when the driver began, which imported it then.
    keep : bool
        The checkpoints, all of them; else a finished run keeps its best one alone.
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

    @property
    def lease(self) -> Path:
        """The name of its lease."""
        return self.folder / LEASE


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
    config : Config
        As `benchmarks.config.configure` gives it.
    data : PreparedData
        Of the task's data set.
    git_revision, keep : str, optional
        As `Run` has them.

    Raises
    ------
    FileNotFoundError, Refused
        As `benchmarks.labels.label_subset`.
    """
    spec = resolved.spec
    training = label_subset(config, data.folder, spec.label_fraction, spec.seed)
    identity = identify(resolved, config, data.fingerprint, training)
    folder = results / RUNS / identity.run_id
    return Run(
        identity=identity,
        folder=folder,
        config=place(config, data.folder, training, folder),
        spec=spec,
        backbone=resolved.backbone,
        complete=data.complete,
        phantom=data.phantom,
        git_revision=git_revision,
        keep=keep,
    )


def identify(
    resolved: Resolved, config: Config, fingerprint: str, training: Sequence[int] | None
) -> Identity:
    """The identity of a run.

    Parameters
    ----------
    config : Config
        As `benchmarks.config.configure` gives it.
    fingerprint : str
        Of the prepared data set.
    training : sequence of int or None
        Places of the training images that a label fraction takes; None: all.
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
        config_sha256=config_checksum(config),
        threads=resolved.profile.threads,
    )


def config_checksum(config: Config) -> str:
    """Of a config as `configure` gives it: the same on every machine, wherever the weights lie."""
    portable = deepcopy(config)
    if portable.model.backbone.get("weights"):
        portable.model.backbone.weights.pop("file")
    return checksum(portable.to_dict())


def checksum(content: object) -> str:
    """SHA-256, in hex digits, of plain data."""
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
