"""Grids whose runs are jobs of a real Slurm: the same results, whatever Slurm, the driver or a user does."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

from benchmarks.composing import Places, compose_one
from benchmarks.grid import RunSpec
from benchmarks.results import NO_MEMORY
from benchmarks.scheduler import local, slurm
from tests.faults.commands import Command
from tests.faults.folders import half_written, records, scores
from tests.faults.grid import RUNS, Grid, Whole, assert_in_order, executions
from tests.slurm.conftest import Cluster

ONE = dict(tasks=("brain_tumor_finetune",), backbones=("random_resnet18_half",))
EPOCHS = dict(ONE, tasks=("brain_tumor_linear",), profile="epochs")
EIGHT = ("--override", "train_cfg.max_epochs=8")


def adding(grid: Grid, *words: str) -> Grid:
    """Return the grid, with more words in its command."""
    return Grid(grid.folder, lambda *others, **more: grid.launch(*others, *words, **more))


def started(grid: Grid, *options: str, **more) -> Command:
    """Start a grid on Slurm."""
    return adding(grid, "--slurm", *options).start(**more)


def arrays(grid: Grid) -> list[list[str]]:
    """Return the runs of each array that was submitted."""
    files = grid.results.glob(f"{slurm.SLURM}/*/{slurm.JOBS}")
    return sorted(
        ([job["run"] for job in json.loads(file.read_bytes())["jobs"]] for file in files), key=len
    )


def assert_as_here(grid: Grid, whole: Whole) -> None:
    """All runs are done, each was begun once, with the results that they have without Slurm."""
    assert scores(grid.results) == whole.scores
    assert half_written(grid.folder) == []
    assert executions(grid) == dict.fromkeys(executions(grid), 1)


def test_the_results_are_those_of_this_machine(cluster: Cluster, grid: Grid, whole: Whole) -> None:
    """Two arrays, as four runs are too many for one; the driver is killed, and started again, while jobs go on."""
    driver = started(grid, "comment=hello there", "time=0:30:00")
    cluster.wait_for(lambda: cluster.tasks("RUNNING"))
    jobs = cluster.ask("scontrol", "show", "job")
    assert jobs.count("Comment=hello there") == jobs.count("TimeLimit=00:30:00") >= 2
    assert "ArrayTaskThrottle=2" in jobs  # --jobs 2
    assert re.search(r"Dependency=afterany:\d+", jobs)  # two arrays together keep to --jobs, too
    cluster.wait_for(lambda: list(grid.results.glob("runs/*/lease*")))
    driver.kill()
    submitted = arrays(grid)
    assert list(map(len, submitted)) == [1, 3]
    again = started(grid, "comment=another")
    cluster.wait_for(lambda: again.ended() or "from an earlier start" in again.said)
    assert_in_order(again, 0)
    assert "4 runs are in Slurm's queue already" in again.said
    assert arrays(grid) == submitted
    assert_as_here(grid, whole)
    once_more = started(grid)
    assert_in_order(once_more, 0)
    assert arrays(grid) == submitted


def test_a_requeued_run_goes_on_from_its_checkpoint(
    cluster: Cluster, grid: Grid, whole: Whole, tmp_path: Path
) -> None:
    """`scontrol requeue` stands for a preemption."""
    shutil.copytree(grid.work, tmp_path / "here" / "work")
    here = Grid(tmp_path / "here", grid.launch)
    assert_in_order(adding(here, *EIGHT).start(**EPOCHS), 0)
    driver = started(adding(grid, *EIGHT), **EPOCHS)
    cluster.wait_for(lambda: driver.ended() or list(grid.results.glob("runs/*/last.pth")))
    (task,) = cluster.tasks("RUNNING")
    cluster.ask("scontrol", "requeue", task)
    assert_in_order(driver, 0)
    (log,) = grid.results.glob("runs/*/run.log")
    assert re.search(r"resumed epoch: [1-9]", log.read_text()), "it began anew, or was at its end"
    assert scores(grid.results) == scores(here.results)
    assert half_written(grid.folder) == []


def test_cancelled_runs_are_named(cluster: Cluster, grid: Grid, whole: Whole) -> None:
    """One is cancelled as it runs, one before it begins; the same command does both."""
    driver = started(grid, jobs=1)
    cluster.wait_for(lambda: list(grid.results.glob("runs/*/lease*")))
    (running,), (waiting, *_) = cluster.tasks("RUNNING"), cluster.tasks("PENDING")
    cluster.ask("scancel", running, waiting)
    assert_in_order(driver, 1)
    assert f"{RUNS - 2} runs done, 0 were done before, 2 failed" in driver.said
    assert re.search(rf"FAILED \S+: Slurm job {running}, CANCELLED: .+", driver.said)
    assert re.search(rf"FAILED \S+: Slurm job {waiting}, gone from the queue", driver.said)
    before = records(grid.results)
    again = started(grid)
    assert_in_order(again, 0)
    assert len(arrays(grid)) == 3  # the third has the two
    assert {run: records(grid.results)[run] for run in before} == before
    assert scores(grid.results) == whole.scores


def test_slurm_may_be_started_again(cluster: Cluster, grid: Grid, whole: Whole) -> None:
    driver = started(grid, **ONE)
    cluster.wait_for(lambda: cluster.tasks("RUNNING"))
    cluster.ask("scontrol", "shutdown", "slurmctld")
    cluster.wait_for(lambda: driver.ended() or "squeue" in driver.said)
    assert not driver.ended(), driver.said
    subprocess.run(["slurmctld"], check=True)
    assert_in_order(driver, 0)
    assert driver.said.count("The runs go on") == 1


def test_a_run_that_fails_is_named(cluster: Cluster, grid: Grid, whole: Whole) -> None:
    """A job whose data is gone says why, in the words of the run."""
    driver = started(grid, "begin=now+6", **ONE)
    cluster.wait_for(lambda: cluster.tasks("PENDING"))
    (data,) = grid.work.glob("prepared/phantoms/*tumor*")
    shutil.rmtree(data / "images")
    assert_in_order(driver, 1)
    assert re.search(r"FAILED \S+: Slurm job \d+_0, FAILED: \S", driver.said), driver.said


def test_what_sbatch_refuses_is_told_in_a_line(cluster: Cluster, grid: Grid) -> None:
    driver = started(grid, "partition=nowhere", **ONE)
    assert_in_order(driver, 2)
    (line,) = [line for line in driver.said.splitlines() if "error: sbatch failed" in line]
    assert "invalid partition specified: nowhere" in line
    assert arrays(grid) == []
    assert list(grid.results.glob("slurm/*")) == []


def test_a_folder_that_cannot_be_written_to(cluster: Cluster, grid: Grid) -> None:
    grid.results.mkdir()
    (grid.results / slurm.SLURM).write_text("a file")
    driver = started(grid, **ONE)
    assert_in_order(driver, 2)
    assert f"{grid.results / slurm.SLURM}" in driver.said.splitlines()[-1]


def test_odd_names_of_folders(cluster: Cluster, grid: Grid, whole: Whole) -> None:
    """What a shell or Slurm would replace stays as it is."""
    odd = Grid(grid.folder / "50% %a $(touch here) 'x' \"y\"", grid.launch)
    shutil.copytree(grid.work, odd.work)
    driver = started(odd, **ONE)
    assert_in_order(driver, 0)
    begun = {run: whole.scores[run] for run in scores(odd.results)}
    assert len(begun) == 1 and scores(odd.results) == begun
    (script,) = odd.results.glob(f"{slurm.SLURM}/*/{slurm.SCRIPT}")
    assert (script.parent / "0.txt").is_file()


def test_a_run_with_half_the_batch_takes_its_place(tmp_path: Path) -> None:
    """A job that finds no memory does the run once more, with half the batch: the driver looks for that record, too."""
    spec = RunSpec("brain_tumor_finetune", "random_resnet18_half", "mini", 0)
    run = compose_one(spec, Places(None, tmp_path / "results", tmp_path / "work"))
    half = run.with_half_the_batch()
    assert half and slurm._done(run) is None
    run.folder.mkdir(parents=True)
    (run.folder / NO_MEMORY).touch()
    assert slurm._done(run) is None
    assert [ending.failure for ending in local.carry_out([half], [None])] == [""]
    assert slurm._done(run) == half
    (run.folder / NO_MEMORY).unlink()
    assert slurm._done(run) is None
