"""Runs for tests, by the steps that the driver takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from benchmarks.config import configure, place
from benchmarks.data import PreparedData
from benchmarks.grid import RunSpec
from benchmarks.labels import label_subset
from benchmarks.resolve import resolve
from benchmarks.runs import Run, prepare_run


def configured(spec: RunSpec) -> Config:
    """The config of a run, without this machine's folders."""
    return configure(resolve(spec))


def placed(spec: RunSpec, prepared: Path, run_dir: Path) -> Config:
    """The config of a run on prepared data sets."""
    config = configured(spec)
    data = prepared / config.task.dataset
    training = label_subset(config, data, spec.label_fraction, spec.seed)
    return place(config, data, training, run_dir)


def prepared_run(
    spec: RunSpec, data: Mapping[str, PreparedData], results: Path, **task: Any
) -> Run:
    """A run in a folder of results; facts of its task may be others."""
    resolved = resolve(spec)
    config = configure(resolved)
    config.task.update(task)
    return prepare_run(resolved, config, data[config.task.dataset], results)
