"""What makes a run the one that it is: two runs with the same identity have the same result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass

from mmengine.config import Config


@dataclass(frozen=True)
class Identity:
    """Everything that decides a run's result; not when, where and at what cost it is computed.

    Attributes:
        task, task_version: of the task config.
        backbone, weights_sha256: its name in the catalogue, and its file's checksum, None for random weights.
        profile, protocol, split, seed: as planned.
        label_fraction: None for all training images, else a checksum of which ones: equal subsets are one run.
        data_fingerprint: of the prepared data set.
        config_sha256: of the composed config, without this machine's folders.
        threads: of a run on CPUs; they change the last bits.
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


def checksum(content: object) -> str:
    """SHA-256, in hex digits, of plain data."""
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def config_checksum(config: Config) -> str:
    """Of a composed config: the same on every machine, wherever the weights lie."""
    portable = deepcopy(config)
    if portable.model.backbone.get("weights"):
        portable.model.backbone.weights.pop("file")
    return checksum(portable.to_dict())


def subset_checksum(indices: Sequence[int] | None) -> str | None:
    """Of the training images that a label fraction takes; None: all."""
    return None if indices is None else checksum(list(indices))
