"""What `python -m benchmarks` does, as functions: a grid is run, planned, looked at.

`run` starts processes of its own, each of which imports the main module: in a script, call it under
`if __name__ == "__main__":`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import grid, profiles
from tasks import registry

if TYPE_CHECKING:
    from benchmarks.driver import Plan
    from benchmarks.results import Status
    from benchmarks.scheduler.local import Ending


def run(
    *,
    profile: str = "mini",
    data: str | Path | None = None,
    tasks: Sequence[str] | None = None,
    backbones: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    label_fractions: Sequence[float] = (1.0,),
    split: str = "published",
    results: str | Path = Path("results"),
    work: str | Path = Path("work"),
    jobs: int | None = None,
    keep_checkpoints: bool = False,
) -> list[Ending]:
    """Carry out every run of a grid that has no record yet: `python -m benchmarks run`.

    Each leaves RESULTS/runs/ID/record.json. Called again after a stop, it does what is left; several processes, on
    one machine or many, may work on the same folder of results. Progress is said on stderr.

    Parameters
    ----------
    profile : str
        Size of the experiment, one of `benchmarks.profiles.names()`.
    data : str, Path, optional
        Folder of downloads; None: every data set is a phantom.
    tasks : sequence of str, optional
        Names of task configs; None: all whose data is there.
    backbones : sequence of str, optional
        Names of the catalogue; None: the profile's.
    seeds : sequence of int, optional
        In [0, 2**32); None: the profile's.
    label_fractions : sequence of float
        Shares of the training images, in (0, 1].
    split : str
        'published', or 'clean' where the published valid split is the test split (FGADR).
    results : str or Path
        Folder of the records.
    work : str or Path
        Folder of phantoms, prepared data sets and backbones that the profile pretrains.
    jobs : int, optional
        Runs at a time; None: one per GPU that is visible, without GPUs what the cores can bear.
    keep_checkpoints : bool
        All of a finished run, not only the best on the valid split.

    Returns
    -------
    list of Ending
        How each run of the grid ended, those done before too; `failure` is empty where there is a record.

    Raises
    ------
    ValueError, FileNotFoundError
        Naming the word, and what there is instead; nothing was run.
    RuntimeError
        If a backbone that the profile pretrains cannot be made.
    """
    specs = _specs(profile, tasks, backbones, seeds, label_fractions, split)
    folder = _downloads(data)
    from benchmarks import driver  # imports torch and OpenMMLab: wrong words are told before that

    planned = driver.make_plan(
        specs,
        downloads=folder,
        results=Path(results),
        work=Path(work),
        jobs=jobs,
        keep_checkpoints=keep_checkpoints,
        chosen=bool(tasks),
        pretrain=True,
    )
    return driver.carry_out_plan(planned)


def plan(
    *,
    profile: str = "mini",
    data: str | Path | None = None,
    tasks: Sequence[str] | None = None,
    backbones: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    label_fractions: Sequence[float] = (1.0,),
    split: str = "published",
    results: str | Path = Path("results"),
    work: str | Path = Path("work"),
    jobs: int | None = None,
    keep_checkpoints: bool = False,
) -> Plan:
    """What `run` would do with the same arguments, and what of it is done: `python -m benchmarks plan`.

    Data sets are prepared and weights fetched; no run begins, and no backbone is pretrained.

    Parameters
    ----------
    profile, data, tasks, backbones, seeds, label_fractions, split, results, work, jobs, keep_checkpoints : str
        As of `run`.

    Raises
    ------
    ValueError, FileNotFoundError
        As `run`.
    """
    specs = _specs(profile, tasks, backbones, seeds, label_fractions, split)
    folder = _downloads(data)
    from benchmarks import driver

    return driver.make_plan(
        specs,
        downloads=folder,
        results=Path(results),
        work=Path(work),
        jobs=jobs,
        keep_checkpoints=keep_checkpoints,
        chosen=bool(tasks),
        pretrain=False,
    )


def status(*, results: str | Path = Path("results")) -> Status:
    """What a folder of results holds, runs done, going on, failed, interrupted: `python -m benchmarks status`.

    Nothing is configured or prepared.

    Parameters
    ----------
    results : str or Path
        Folder of the records.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    from benchmarks.results import status_of

    return status_of(Path(results))


def _specs(
    profile: str,
    tasks: Sequence[str] | None,
    backbones: Sequence[str] | None,
    seeds: Sequence[int] | None,
    label_fractions: Sequence[float],
    split: str,
) -> list[grid.RunSpec]:
    """The grid that the words name. Raises ValueError as `grid.combinations`, or if there is no such profile."""
    chosen = profiles.get(profile)
    return grid.combinations(
        tasks or registry.names(),
        backbones or chosen.backbones,
        profile,
        seeds or chosen.seeds,
        label_fractions,
        split,
    )


def _downloads(data: str | Path | None) -> Path | None:
    """The folder of downloads. Raises FileNotFoundError if it is named and not there."""
    if data is None:
        return None
    folder = Path(data)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"--data {folder}: no such folder. Name the folder that holds the downloads."
        )
    return folder
