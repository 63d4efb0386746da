"""What `python -m benchmarks` does, as functions: a study is planned, checked, run, resumed; its runs are looked at.

`run` starts processes of its own, each of which imports the main module: in a script, call it under
`if __name__ == "__main__":`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from benchmarks.begun import Begun, read_begun, remember
from benchmarks.study import Study, load_study
from lvmmed_backbones.records import Override, Recipe

if TYPE_CHECKING:
    from benchmarks.driver import Plan
    from benchmarks.planning import Outlook
    from benchmarks.results import Status
    from benchmarks.scheduler.local import Ending
    from benchmarks.showing import Shown
    from benchmarks.verifying import Verified

SMOKE_BACKBONE = "imagenet_efficientnet_lite0"


class GridOptions(TypedDict, total=False):
    """What replaces a study's own choice in each of its grids; left out or None: the study's, or else the profile's.

    Attributes
    ----------
    profile : str
        Size of the experiment, one of `benchmarks.profiles.names()`; 'open' where no study says.
    tasks : sequence of str
        Names of task configs.
    protocols : sequence of str
        Only the tasks with one of these protocols.
    backbones : sequence of str
        Names of the catalogue.
    seeds : sequence of int
        In [0, 2**32).
    label_fractions : sequence of float
        Shares of the training images, in (0, 1]; where no study says, all of them.
    split : str
        'published', or 'clean': where the published valid split is the test split (FGADR), a valid split is carved from
        train.
    recipe : str
        'suite', the suite's protocols, or 'release', those that the authors of LVM-Med released, of the tasks that have
        one.
    overrides : mapping of str to Override
        Numbers that each run changes in its task's config, by dotted name, such as optim_wrapper.optimizer.lr.
    """

    profile: str | None
    tasks: Sequence[str] | None
    protocols: Sequence[str] | None
    backbones: Sequence[str] | None
    seeds: Sequence[int] | None
    label_fractions: Sequence[float] | None
    split: str | None
    recipe: Recipe | None
    overrides: Mapping[str, Override] | None


def run(
    study: str | Path | None = None,
    *,
    data: str | Path | None = None,
    results: str | Path = Path("results"),
    work: str | Path = Path("work"),
    jobs: int | None = None,
    slurm: Sequence[str] | None = None,
    ray: str | None = None,
    keep_checkpoints: bool = False,
    smoke: bool = False,
    **grid: Unpack[GridOptions],
) -> list[Ending]:
    """Carry out every run of a study that has no record yet: `python -m benchmarks run`.

    Each run leaves RESULTS/runs/ID/record.json. Call it again after a stop: it does what is left. Several processes, on
    one machine or many, may work on the same folder of results. Progress is shown on stderr.

    Parameters
    ----------
    study : str or Path, optional
        Name of a study that comes with the suite, or its file; None: the grid that `grid` describes.
    data : str or Path, optional
        Folder of downloads; None: the data sets that ship with the suite are real, all others phantoms.
    results : str or Path, default 'results'
        Folder of the records.
    work : str or Path, default 'work'
        Folder of phantoms, prepared data sets and backbones that the study pretrains.
    jobs : int, optional
        Runs at a time; None: one per visible GPU, without GPUs as many as the cores can bear. On Slurm and Ray: the
        most at a time; None: as many as there is room for.
    slurm : sequence of str, optional
        Carry out the runs as job arrays of Slurm, with these further options of sbatch, such as 'partition=gpu'.
    ray : str, optional
        Carry them out on a Ray cluster: its address, or 'auto'.
    keep_checkpoints : bool, default False
        Keep all checkpoints of a finished run, not only the one that is best on the valid split.
    smoke : bool, default False
        Then run one backbone through the paper's tasks on phantoms, into RESULTS-smoke: it shows that every task
        runs on this machine, and ranks nothing.
    **grid
        As in `GridOptions`.

    Returns
    -------
    list of Ending
        How each run of the study ended, also those that were done before; `failure` is empty where there is a record.

    Raises
    ------
    ValueError, FileNotFoundError
        If an argument names what does not exist; the message says what there is instead. Nothing was run.
    RuntimeError
        If a backbone that the study pretrains cannot be made.
    """
    if slurm is not None and ray is not None:
        raise ValueError("--slurm and --ray: give one of them, for a run goes on in one place")
    found, downloads = _look_up(study, data, grid)
    begun = Begun(
        study=None if study is None else str(study),
        data=None if data is None else str(data),
        work=str(work),
        jobs=jobs,
        slurm=None if slurm is None else tuple(slurm),
        ray=ray,
        keep_checkpoints=keep_checkpoints,
        grid={name: value for name, value in grid.items() if value is not None},
    )
    endings = _carry_out(found, downloads, Path(results), begun)
    if smoke:
        beside = Path(f"{results}-smoke")  # reports read every record below RESULTS
        endings += run(
            profile="mini",
            backbones=[SMOKE_BACKBONE],
            results=beside,
            work=work,
            jobs=jobs,
            slurm=slurm,
            ray=ray,
        )
    return endings


def _carry_out(found: Study, downloads: Path | None, results: Path, begun: Begun) -> list[Ending]:
    """Carry out what is left of a study, whose names are looked up; return how each run ended."""
    from benchmarks import driver  # imports torch and OpenMMLab: wrong words are told before that

    places = driver.Places(downloads, results, Path(begun.work), begun.keep_checkpoints)
    where = driver.Where(begun.jobs, begun.slurm, begun.ray)
    chosen = bool(begun.grid.get("tasks"))
    planned = driver.make_plan(found, places, where, chosen=chosen, pretrain=True)
    remember(begun, found.name, results)
    return driver.carry_out_plan(planned, places, where)


def resume(*, results: str | Path = Path("results")) -> list[Ending]:
    """Go on with all that `run` began in a folder of results: `python -m benchmarks resume`.

    It is called in the folder in which `run` was called, if that was given paths from there.

    Parameters
    ----------
    results : str or Path, default 'results'
        Folder of the records.

    Returns
    -------
    list of Ending
        As of `run`.

    Raises
    ------
    FileNotFoundError, ValueError, RuntimeError
        As `run`; if nothing was begun, or a study brings Python files.
    """
    endings = []
    for begun in read_begun(Path(results)):
        found, downloads = _look_up(begun.study, begun.data, begun.grid, code=False)  # type: ignore[arg-type]
        endings += _carry_out(found, downloads, Path(results), begun)
    return endings


def show(run: str, *, results: str | Path = Path("results")) -> Shown:
    """Return all that a folder of results tells of one run: `python -m benchmarks show`.

    Parameters
    ----------
    run : str
        The first letters of its identity, as the name of its folder has it, or the folder.
    results : str or Path, default 'results'
        Folder of the records.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such run, or several begin so.
    """
    from benchmarks.showing import show_run

    return show_run(run, Path(results))


def verify(
    record: str | Path,
    *,
    data: str | Path | None = None,
    work: str | Path = Path("work"),
    within: float = 1.0,
) -> Verified:
    """Measure a record again, from this suite's own files, and compare: `python -m benchmarks verify`.

    The run is composed from what the record says that it is; its config is not read, and nothing of it is executed.
    If data, weights, versions or the config differ from what the record says, they are named, and nothing is run.

    Parameters
    ----------
    record : str or Path
        A record.json, or the folder of its run.
    data, work
        As of `run`.
    within : float, default 1.0
        Points, hundredths of a share, by which the headline metric may differ for it to count as reproduced.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such record, it is none, or it names what this suite does not have.
    """
    from benchmarks.verifying import verify_record

    return verify_record(Path(record), _downloads(data), Path(work), within)


def plan(
    study: str | Path | None = None,
    *,
    data: str | Path | None = None,
    results: str | Path = Path("results"),
    work: str | Path = Path("work"),
    **grid: Unpack[GridOptions],
) -> Outlook:
    """Return the runs of a study, which are done, and what the others will cost: `python -m benchmarks plan`.

    Nothing is fetched, prepared or composed: a run counts as done if there is a record of its task, of its newest
    version, its backbone, seed and so on. `check` and `run` look closer, at the weights and the data.

    Parameters
    ----------
    study, data, results, work, **grid
        As of `run`.

    Raises
    ------
    ValueError, FileNotFoundError
        As `run`.
    """
    found, downloads = _look_up(study, data, grid)
    from benchmarks.planning import look_ahead

    return look_ahead(found, downloads, Path(results), Path(work))


def check(
    study: str | Path | None = None,
    *,
    data: str | Path | None = None,
    results: str | Path = Path("results"),
    work: str | Path = Path("work"),
    jobs: int | None = None,
    **grid: Unpack[GridOptions],
) -> Plan:
    """Compose every run of a study as `run` does first, and say what of it is done: `python -m benchmarks check`.

    Data sets are prepared, weights fetched and opened. No run begins, and no backbone is pretrained.

    Parameters
    ----------
    study, data, results, work, jobs, **grid
        As of `run`.

    Raises
    ------
    ValueError, FileNotFoundError
        As `run`.
    """
    found, downloads = _look_up(study, data, grid)
    from benchmarks import driver

    places = driver.Places(downloads, Path(results), Path(work))
    chosen = bool(grid.get("tasks"))
    return driver.make_plan(found, places, driver.Where(jobs), chosen=chosen, pretrain=False)


def job(jobs: str | Path, number: int) -> Ending:
    """Carry out one of the runs that a driver planned for other machines: `python -m benchmarks job`.

    Parameters
    ----------
    jobs : str or Path
        The file of planned runs, RESULTS/slurm/ID/jobs.json.
    number : int
        Which of them, from 0.

    Returns
    -------
    Ending
        How it ended.

    Raises
    ------
    ValueError, FileNotFoundError, RuntimeError
        As `benchmarks.jobs.carry_out`; if there is no such file or no such run.
    """
    from benchmarks import jobs as plain_jobs

    planned = plain_jobs.read(Path(jobs))
    if not 0 <= number < len(planned.jobs):
        raise ValueError(f"{jobs}: no run {number}: it has {len(planned.jobs)}, from 0")
    return plain_jobs.carry_out(planned, number)


def status(*, results: str | Path = Path("results")) -> Status:
    """Return which runs of a folder of results are done, going on, failed, interrupted: `python -m benchmarks status`.

    Nothing is configured or prepared.

    Parameters
    ----------
    results : str or Path, default 'results'
        Folder of the records.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    from benchmarks.results import status_of

    return status_of(Path(results))


def _look_up(
    study: str | Path | None, data: str | Path | None, grid: GridOptions, *, code: bool = True
) -> tuple[Study, Path | None]:
    """Return a study, all of whose names are known, and the folder of downloads.

    Raises
    ------
    ValueError, FileNotFoundError
        As `load_study` and `Study.cells`, or if there is no such folder.
    """
    if unknown := {*grid} - {*GridOptions.__annotations__}:
        raise TypeError(f"no argument {', '.join(sorted(unknown))}")
    found = load_study(study, code=code, **grid)
    found.cells()
    return found, _downloads(data)


def _downloads(data: str | Path | None) -> Path | None:
    """Return the folder of downloads.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    if data is not None and not Path(data).is_dir():
        raise FileNotFoundError(
            f"--data {data}: no such folder. Name the folder that holds the downloads."
        )
    return None if data is None else Path(data)
