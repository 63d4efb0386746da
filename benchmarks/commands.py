"""What `python -m benchmarks` does, as functions: a study is planned, checked, run, resumed; its runs are looked at.

`run` starts processes of its own, each of which imports the main module: in a script, call it under
`if __name__ == "__main__":`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from benchmarks.study import Study, load_study
from lvmmed_backbones.records import Override, Recipe

if TYPE_CHECKING:
    from benchmarks.driver import Plan
    from benchmarks.planning import Outlook
    from benchmarks.results import Status
    from benchmarks.scheduler.local import Ending

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
    from benchmarks import driver  # imports torch and OpenMMLab: wrong words are told before that

    places = driver.Places(downloads, Path(results), Path(work), keep_checkpoints)
    where = driver.Where(jobs, slurm, ray)
    planned = driver.make_plan(found, places, where, chosen=bool(grid.get("tasks")), pretrain=True)
    endings = driver.carry_out_plan(planned, places, where)
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


def plan(
    study: str | Path | None = None,
    *,
    data: str | Path | None = None,
    results: str | Path = Path("results"),
    **grid: Unpack[GridOptions],
) -> Outlook:
    """Return the runs of a study, which are done, and what the others will cost: `python -m benchmarks plan`.

    Nothing is fetched, prepared or composed: a run counts as done if there is a record of its task, of its newest
    version, its backbone, seed and so on. `check` and `run` look closer, at the weights and the data.

    Parameters
    ----------
    study, data, results, **grid
        As of `run`.

    Raises
    ------
    ValueError, FileNotFoundError
        As `run`.
    """
    found, downloads = _look_up(study, data, grid)
    from benchmarks.planning import look_ahead

    return look_ahead(found, downloads, Path(results))


def check(
    study: str | Path | None = None,
    *,
    data: str | Path | None = None,
    results: str | Path = Path("results"),
    work: str | Path = Path("work"),
    **grid: Unpack[GridOptions],
) -> Plan:
    """Compose every run of a study as `run` does first, and say what of it is done: `python -m benchmarks check`.

    Data sets are prepared, weights fetched and opened. No run begins, and no backbone is pretrained.

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
    from benchmarks import driver

    places = driver.Places(downloads, Path(results), Path(work))
    chosen = bool(grid.get("tasks"))
    return driver.make_plan(found, places, driver.Where(), chosen=chosen, pretrain=False)


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
    study: str | Path | None, data: str | Path | None, grid: GridOptions
) -> tuple[Study, Path | None]:
    """Return a study, all of whose names are known, and the folder of downloads.

    Raises
    ------
    ValueError, FileNotFoundError
        As `load_study` and `Study.cells`, or if there is no such folder.
    """
    found = load_study(study, **grid)
    found.cells()
    if data is not None and not Path(data).is_dir():
        raise FileNotFoundError(
            f"--data {data}: no such folder. Name the folder that holds the downloads."
        )
    return found, None if data is None else Path(data)
