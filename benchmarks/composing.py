"""From planned runs to runs: look up their names, compose their configs, prepare their data, identify them.

A process on another machine that is given a planned run composes the same run, so that plans travel as plain data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from tqdm import tqdm

from benchmarks import preparation
from benchmarks.config import configure
from benchmarks.grid import RunSpec
from benchmarks.resolve import Resolved, build_released, open_weights, resolve
from benchmarks.runs import Run, prepare_run
from benchmarks.terminal import say
from lvmmed_backbones.catalogue.architectures import check_widths
from lvmmed_backbones.revision import git_revision


@dataclass(frozen=True)
class Places:
    """The folders of a grid.

    Attributes
    ----------
    downloads : Path or None
        Folder of downloads; None: phantoms, and what ships with the suite.
    results : Path
        Folder of the records.
    work : Path
        Folder of phantoms, prepared data sets and backbones that are pretrained.
    keep_checkpoints : bool
        Keep all checkpoints of finished runs.
    """

    downloads: Path | None
    results: Path
    work: Path
    keep_checkpoints: bool = False


Configured = Mapping[RunSpec, tuple[Resolved, Config]]


def configure_all(specs: Iterable[RunSpec]) -> Configured:
    """Look up and configure planned runs, and open the weights: wrong words end here, before anything long.

    Raises
    ------
    ValueError, FileNotFoundError, RuntimeError
        As `resolve`, `check_widths`, `configure`, `build_released` and `open_weights`.
    """
    configured, checked = {}, set()
    for spec in tqdm(list(specs), "configuring", unit="run", leave=False):
        resolved = resolve(spec)
        if spec.backbone not in checked:
            check_widths(spec.backbone, resolved.backbone)
            checked.add(spec.backbone)
        configured[spec] = resolved, configure(resolved)
    build_released(config for _, config in configured.values())
    open_weights(config for _, config in configured.values())
    return configured


def compose(configured: Configured, places: Places) -> list[Run]:
    """Prepare the data sets of configured runs, and identify the runs; each once.

    Raises
    ------
    ValueError, FileNotFoundError
        As `preparation.prepare` and `runs.prepare_run`.
    """
    names = dict.fromkeys(config.task.dataset for _, config in configured.values())
    prepared = preparation.prepare(names, places.downloads, places.work)
    revision = git_revision()
    return without_repeats(
        prepare_run(
            resolved,
            config,
            prepared[config.task.dataset],
            places.results,
            revision,
            places.keep_checkpoints,
        )
        for resolved, config in configured.values()
    )


def compose_one(spec: RunSpec, places: Places) -> Run:
    """Return the run of a plan, composed on this machine.

    Raises
    ------
    ValueError, FileNotFoundError, RuntimeError
        As `configure_all` and `compose`.
    """
    preparation.add_backbones(places.work)
    (run,) = compose(configure_all([spec]), places)
    return run


def without_repeats(runs: Iterable[Run]) -> list[Run]:
    """Return each run once: two label fractions that take the same images are one run."""
    by_folder: dict[Path, Run] = {}
    for run in runs:
        first = by_folder.setdefault(run.folder, run)
        if first is not run:
            say(f"{run.spec} takes the same training images as {first.spec}: one run")
    return list(by_folder.values())
