"""The record of a run: its fields, their types and ranges."""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import msgspec

from lvmmed_backbones.files.outside import MIB
from lvmmed_backbones.records.checked import (
    Amount,
    CheckedStruct,
    Count,
    Fraction,
    Positive,
    check_fields,
    fault,
)

RUNS = "runs"  # in a folder of results: a folder for each run
FILE = "record.json"
# In the folder of a run, beside its record:
IDENTITY = "identity.json"  # what the run is
CONFIG = "config.py"
MOST = 64 * MIB  # bytes of a record: one of 100,000 cases with ten scores each has a third of it
SCHEMA = 3
DataSource = Literal["measured", "phantom"]
DATA_SOURCES: tuple[str, ...] = get_args(DataSource)
Recipe = Literal["suite", "release"]
SUITE: Recipe = "suite"
RELEASE: Recipe = "release"
RECIPES: tuple[Recipe, ...] = (SUITE, RELEASE)
Case = dict[str, str | float | None]
Override = int | float | bool | None | list[int | float]


class Pretraining(CheckedStruct):
    """What a backbone has seen before the task, as those who made it declare.

    Attributes
    ----------
    data_sets : list of str
        Data sets of its pretraining, and of the backbones that it was started from: names of
        `lvmmed_backbones.data_sets`, or others' own. Empty: it saw no image.
    started_from : list of str
        The backbones that it was started from, the nearest first.
    corpora : list of str
        By what audits know the images: fingerprints of corpora that `corpus build` made, and names of corpora that
        others published, such as LVM-Med; its own, and those of the backbones that it was started from.
    """

    data_sets: list[str]
    started_from: list[str] = msgspec.field(default_factory=list)
    corpora: list[str] = msgspec.field(default_factory=list)


class Backbone(CheckedStruct):
    """The backbone of a run.

    Attributes
    ----------
    name : str
        Its name in the catalogue.
    architecture, method, corpus : str
        These facts in words.
    parameters : Count
        Their number.
    weights_sha256 : str or None
        Checksum of the weights' file, None for random weights.
    pretraining_seed : Count or None
        Seed of the weights' pretraining, where the backbone has several; None: all runs have the same weights.
    pretraining : Pretraining or None
        What it has seen; None: nobody declared it.
    """

    name: str
    architecture: str
    method: str
    corpus: str
    parameters: Count
    weights_sha256: str | None
    pretraining_seed: Count | None = None
    pretraining: Pretraining | None = None


class Data(CheckedStruct):
    """The data of a run: its identity, whether all of it is there, the number of images by split."""

    fingerprint: str
    complete: bool
    counts: dict[str, Count]


class Provenance(CheckedStruct):
    """Where and when a score was made.

    Attributes
    ----------
    versions : dict of str to str
        Versions of Python and packages.
    machine : dict
        Facts of the machine, in words and numbers.
    git_revision : str or None
        Commit of the code, None: unknown.
    started : str
        Date and time.
    config_sha256 : str or None
        Checksum of the config beside the record.
    """

    versions: dict[str, str]
    machine: dict[str, Any]
    git_revision: str | None
    started: str
    config_sha256: str | None = None


class Record(CheckedStruct, tag_field="schema", tag=SCHEMA):
    """The record of a run without the scores of its cases.

    Attributes
    ----------
    run : str
        Identity of the run: a hash of its config, data and weights.
    task, task_version, dataset, kind, protocol : str
        What the task config says.
    backbone : Backbone
        What was run.
    label_fraction : Fraction
        Share of the training images that was used, in (0, 1].
    seed, profile, threads : Count
        What the plan of the run says.
    data_source : DataSource
        'measured' on real images, or 'phantom'.
    metric : str
        Name of the headline metric.
    metrics : dict of str to float or None
        All metrics, None (or NaN, where something else than this suite wrote the file): undefined.
    data, provenance : Data
        The run's data, and where and when its score was made.
    cost : dict of str to Amount
        train_seconds, test_seconds, peak_memory_mb.
    split : str
        'published', or 'clean' where the published one leaks.
    recipe : Recipe
        'suite', or 'release': the protocol as the authors of LVM-Med released it.
    mask_decoder : str or None
        Of a prompted run: the SHA-256 of the file that SAM's mask decoder began with, or 'random', by the seed.
    overrides : dict of str to Override
        What the run changed in the task's config, by dotted name: a study's own choice, or half the batch in two steps
        where the whole one found no memory.
    """

    run: str
    task: str
    task_version: Positive
    dataset: str
    kind: str
    backbone: Backbone
    protocol: str
    label_fraction: Fraction
    seed: Count
    profile: str
    threads: Positive
    data_source: DataSource
    metric: str
    metrics: dict[str, float | None]
    data: Data
    provenance: Provenance
    cost: dict[str, Amount]
    split: str = "published"
    recipe: Recipe = SUITE
    mask_decoder: str | None = None
    overrides: dict[str, Override] = msgspec.field(default_factory=dict)


def overrides_text(overrides: Mapping[str, Override]) -> str:
    """Return overrides in words, sorted: a.b=1, c=[2, 3]; empty if there are none."""
    return ", ".join(f"{name}={json.dumps(value)}" for name, value in sorted(overrides.items()))


def finite(metrics: Mapping[str, float]) -> dict[str, float | None]:
    """Return metrics as a file can hold them: an undefined one (NaN) is None."""
    return {name: float(v) if math.isfinite(v) else None for name, v in metrics.items()}


class WholeRecord(Record, tag=SCHEMA, kw_only=True):
    """The record of a run as it is written.

    Attributes
    ----------
    cases : list of Case
        A row per test case: `case`, its name, and its scores, None: undefined.
    """

    cases: list[Case]

    def __post_init__(self) -> None:
        check_fields(self, Record.__struct_fields__)
        _check_cases(self.cases)


class WholeRecordOfSchema2(WholeRecord, tag=2, kw_only=True):
    """A record of schema 2, whose file calls its data source `figure`."""

    data_source: DataSource = msgspec.field(name="figure")


class Cases(msgspec.Struct):
    """The scores of the cases of a record of any schema."""

    cases: list[Case]

    def __post_init__(self) -> None:
        _check_cases(self.cases)


def _check_cases(cases: Sequence[Case]) -> None:
    """Refuse cases that do not have one text, their name, or whose scores have names that no report can show.

    Raises
    ------
    ValueError
        Naming the first such case or score.
    """
    for row in cases:
        texts = {name: value for name, value in row.items() if isinstance(value, str)}
        if list(texts) != ["case"] or not texts["case"].isprintable():
            raise ValueError(
                f"cases has {reprlib.repr(row)}, not a printable name 'case' and numbers"
            )
    for name in set().union(*cases):
        if wrong := fault(name):
            raise ValueError(f"cases has a score {reprlib.repr(name)}, {wrong}")
