"""Planned runs as plain data, for processes on other machines: each composes the run that it is given, and does it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.composing import Places, compose_one
from benchmarks.grid import RunSpec
from benchmarks.overrides import as_dict, checked
from benchmarks.runs import Run
from benchmarks.scheduler import local
from benchmarks.scheduler.local import Ending
from lvmmed_backbones import plugins
from lvmmed_backbones.files.outside import Refused, read_bytes
from lvmmed_backbones.files.writing import write_bytes
from lvmmed_backbones.records import Override, Recipe


class Job(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A planned run (`grid.RunSpec`), and the identity that it has where it was planned."""

    task: str
    backbone: str
    profile: str
    seed: int
    label_fraction: float
    split: str
    recipe: Recipe
    overrides: dict[str, Override]
    run: str

    @classmethod
    def of(cls, run: Run) -> Job:
        """Return the job of a run."""
        return cls(
            **{**vars(run.spec), "overrides": as_dict(run.spec.overrides)}, run=run.identity.run_id
        )

    @property
    def spec(self) -> RunSpec:
        """The planned run."""
        fields = {name: getattr(self, name) for name in RunSpec.__dataclass_fields__}
        return RunSpec(**{**fields, "overrides": checked(self.overrides)})


class Jobs(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Jobs, and the folders that they read and write, as every machine sees them.

    Attributes
    ----------
    data : str or None
        Folder of downloads; None: phantoms, and what ships with the suite.
    results, work : str
        Folders of records, and of prepared data.
    keep_checkpoints : bool
        Keep all checkpoints of finished runs.
    plugins : tuple of str
        Python files that are loaded first.
    jobs : tuple of Job
        The jobs.
    """

    data: str | None
    results: str
    work: str
    keep_checkpoints: bool
    plugins: tuple[str, ...]
    jobs: tuple[Job, ...]

    @classmethod
    def of(cls, runs: Sequence[Run], places: Places) -> Jobs:
        """Return the jobs of runs."""
        return cls(
            data=str(places.downloads.resolve()) if places.downloads else None,
            results=str(places.results.resolve()),
            work=str(places.work.resolve()),
            keep_checkpoints=places.keep_checkpoints,
            plugins=tuple(map(str, plugins.loaded())),
            jobs=tuple(map(Job.of, runs)),
        )

    @property
    def places(self) -> Places:
        """The folders."""
        data = Path(self.data) if self.data else None
        return Places(data, Path(self.results), Path(self.work), self.keep_checkpoints)


def write(jobs: Jobs, file: Path) -> None:
    """Write jobs as JSON, whole or not at all."""
    write_bytes(file, msgspec.json.encode(jobs))


def read(file: Path) -> Jobs:
    """Return what `write` wrote.

    Raises
    ------
    FileNotFoundError, Refused
        If there is no such file, or it holds no jobs.
    """
    try:
        return msgspec.json.decode(read_bytes(file), type=Jobs)
    except msgspec.DecodeError as error:
        raise Refused(file, f"holds no jobs: {error}", "Start `lvmmed run` again") from error


def carry_out(jobs: Jobs, number: int, gpu: str | None = None) -> Ending:
    """Compose a job's run on this machine, and carry it out in a process of its own.

    Parameters
    ----------
    jobs : Jobs
        Of one plan.
    number : int
        Which of them, from 0.
    gpu : str, optional
        The only GPU that it may see; None: all that there are.

    Raises
    ------
    ValueError, FileNotFoundError, RuntimeError
        As `compose_one`; if another run comes of it than was planned.
    """
    plugins.load(jobs.plugins)
    job = jobs.jobs[number]
    run = compose_one(job.spec, jobs.places)
    if run.identity.run_id != job.run:
        raise RuntimeError(
            f"{run.spec} is another run here ({run.identity.run_id}) than where it was planned ({job.run}): "
            "its code, weights, data or versions differ. Make them the same on all machines"
        )
    (ending,) = local.carry_out([run], [gpu])
    return ending
