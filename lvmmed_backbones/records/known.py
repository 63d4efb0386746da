"""The tasks and data that a results repository knows: `tasks versions` writes the file, `report check` reads it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from lvmmed_backbones.files.outside import MIB, read_bytes, refusing
from lvmmed_backbones.records.checked import CheckedStruct, Positive
from lvmmed_backbones.records.record import Recipe

FILE = "tasks.json"
MOST = 16 * MIB
REMEDY = "Delete it, and write it anew: `lvmmed tasks versions PREPARED... --out tasks.json`"


class KnownTask(CheckedStruct):
    """A task: what its records must say.

    Attributes
    ----------
    name, recipe, version, dataset, kind, protocol, metric : str, Recipe, int
        As in a record.
    """

    name: str
    recipe: Recipe
    version: Positive
    dataset: str
    kind: str
    protocol: str
    metric: str


class KnownData(CheckedStruct):
    """A data set: the fingerprints that it has once it is prepared, on real images, and as a phantom."""

    measured: list[str] = msgspec.field(default_factory=list)
    phantom: list[str] = msgspec.field(default_factory=list)


class Known(CheckedStruct, tag_field="schema", tag=1):
    """Tasks, and data sets by name."""

    tasks: list[KnownTask]
    data: dict[str, KnownData]


def read_known(path: Path) -> Known:
    """Read the file.

    Raises
    ------
    FileNotFoundError
        If there is none.
    Refused
        If it is not as it was written.
    """
    content = read_bytes(path, within=path.parent, most=MOST)
    with refusing(path, REMEDY, "is not as it was written"):
        return msgspec.json.decode(content, type=Known)
