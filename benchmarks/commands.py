"""What `python -m benchmarks` does, as functions: a grid is run, planned, looked at.

`run` starts processes of its own, each of which imports the main module: in a script, call it under
`if __name__ == "__main__":`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import grid, profiles
from lvmmed_backbones.records import RELEASE, SUITE, Recipe
from tasks import registry

if TYPE_CHECKING:
    from benchmarks.driver import Plan
    from benchmarks.results import Status
    from benchmarks.scheduler.local import Ending

DEFAULT_PROFILE = "open"
SMOKE_BACKBONE = "imagenet_efficientnet_lite0"


def run(
    *,
    profile: str = DEFAULT_PROFILE,
    data: str | Path | None = None,
    tasks: Sequence[str] | None = None,
    backbones: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    label_fractions: Sequence[float] = (1.0,),
    split: str = "published",
    recipe: Recipe = SUITE,
    results: str | Path = Path("results"),
    work: str | Path = Path("work"),
    jobs: int | None = None,
    keep_checkpoints: bool = False,
    smoke: bool = False,
) -> list[Ending]:
    """Carry out every run of a grid that has no record yet: `python -m benchmarks run`.

    Each run leaves RESULTS/runs/ID/record.json. Call it again after a stop: it does what is left. Several processes, on
    one machine or many, may work on the same folder of results. Progress is shown on stderr.

    Parameters
    ----------
    profile : str, default 'open'
        Size of the experiment, one of `benchmarks.profiles.names()`.
    data : str or Path, optional
        Folder of downloads; None: the data sets that ship with the suite are real, all others phantoms.
    tasks : sequence of str, optional
        Names of task configs; None: the profile's, as far as their data is there.
    backbones : sequence of str, optional
        Names of the catalogue; None: the profile's.
    seeds : sequence of int, optional
        In [0, 2**32); None: the profile's.
    label_fractions : sequence of float, default (1.0,)
        Shares of the training images, in (0, 1].
    split : {'published', 'clean'}, default 'published'
        'clean': where the published valid split is the test split (FGADR), a valid split is carved from train.
    recipe : {'suite', 'release'}
        The suite's protocols, or those that the authors of LVM-Med released, of the tasks that have one.
    results : str or Path, default 'results'
        Folder of the records.
    work : str or Path, default 'work'
        Folder of phantoms, prepared data sets and backbones that the profile pretrains.
    jobs : int, optional
        Runs at a time; None: one per visible GPU, without GPUs as many as the cores can bear.
    keep_checkpoints : bool, default False
        Keep all checkpoints of a finished run, not only the one that is best on the valid split.
    smoke : bool, default False
        Then run one backbone through the paper's tasks on phantoms, into RESULTS-smoke: it shows that every task
        runs on this machine, and ranks nothing.

    Returns
    -------
    list of Ending
        How each run of the grid ended, also those that were done before; `failure` is empty where there is a record.

    Raises
    ------
    ValueError, FileNotFoundError
        If an argument names what does not exist; the message says what there is instead. Nothing was run.
    RuntimeError
        If a backbone that the profile pretrains cannot be made.
    """
    specs, downloads = _look_up(
        profile, data, tasks, backbones, seeds, label_fractions, split, recipe
    )
    from benchmarks import driver  # imports torch and OpenMMLab: wrong words are told before that

    folders = Path(results), Path(work)
    planned = driver.make_plan(
        specs, downloads, *folders, jobs, keep_checkpoints, chosen=bool(tasks), pretrain=True
    )
    endings = driver.carry_out_plan(planned)
    if smoke:
        beside = Path(f"{results}-smoke")  # reports read every record below RESULTS
        endings += run(
            profile="mini", backbones=[SMOKE_BACKBONE], results=beside, work=work, jobs=jobs
        )
    return endings


def plan(
    *,
    profile: str = DEFAULT_PROFILE,
    data: str | Path | None = None,
    tasks: Sequence[str] | None = None,
    backbones: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    label_fractions: Sequence[float] = (1.0,),
    split: str = "published",
    recipe: Recipe = SUITE,
    results: str | Path = Path("results"),
    work: str | Path = Path("work"),
    jobs: int | None = None,
    keep_checkpoints: bool = False,
) -> Plan:
    """Return what `run` would do with the same arguments, and what of it is done: `python -m benchmarks plan`.

    Data sets are prepared and weights fetched. No run begins, and no backbone is pretrained.

    Parameters
    ----------
    profile, data, tasks, backbones, seeds, label_fractions, split, recipe, results, work, jobs, keep_checkpoints
        As of `run`.

    Raises
    ------
    ValueError, FileNotFoundError
        As `run`.
    """
    specs, downloads = _look_up(
        profile, data, tasks, backbones, seeds, label_fractions, split, recipe
    )
    from benchmarks import driver

    folders = Path(results), Path(work)
    return driver.make_plan(
        specs, downloads, *folders, jobs, keep_checkpoints, chosen=bool(tasks), pretrain=False
    )


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
    profile: str,
    data: str | Path | None,
    tasks: Sequence[str] | None,
    backbones: Sequence[str] | None,
    seeds: Sequence[int] | None,
    label_fractions: Sequence[float],
    split: str,
    recipe: Recipe,
) -> tuple[list[grid.RunSpec], Path | None]:
    """Return the runs of a grid, and the folder of downloads.

    Raises
    ------
    ValueError
        As `grid.combinations`, or if there is no such profile, or none of its tasks has the recipe.
    FileNotFoundError
        If there is no such folder.
    """
    chosen = profiles.get(profile)
    specs = grid.combinations(
        tasks or _tasks_of(chosen, recipe),
        backbones or chosen.backbones,
        profile,
        seeds or chosen.seeds,
        label_fractions,
        split,
        {} if seeds else chosen.tasks,
        recipe,
    )
    if data is not None and not Path(data).is_dir():
        raise FileNotFoundError(
            f"--data {data}: no such folder. Name the folder that holds the downloads."
        )
    return specs, None if data is None else Path(data)


def _tasks_of(profile: profiles.Profile, recipe: str) -> list[str]:
    """Return a profile's own tasks, or all of the paper's, that have a recipe.

    Raises
    ------
    ValueError
        If none has it.
    """
    tasks = [*profile.tasks] or registry.paper_names()
    if recipe != RELEASE:  # `grid.combinations` refuses what is no recipe
        return tasks
    released = [task for task in tasks if task in registry.release_names()]
    if not released:
        raise ValueError(
            f"--recipe release: no task of profile {profile.name} has a released protocol. "
            f"Add --profile paper, or --tasks with some of {', '.join(registry.release_names())}"
        )
    return released
