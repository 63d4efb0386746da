"""Carry out runs as job arrays of Slurm, a task of an array for each run: Slurm queues, places and requeues them.

An array has a folder RESULTS/slurm/ID: jobs.json says which runs it has, batch.sh is what sbatch was given, NUMBER.txt
what a task printed. The array's name in Slurm holds the ID. So a driver that is started again learns from squeue which
runs are still queued or running, and submits only those that are missing.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks import jobs as plain_jobs
from benchmarks.composing import Places
from benchmarks.results import is_done
from benchmarks.runs import Run
from benchmarks.scheduler.local import Ending
from benchmarks.terminal import say
from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import Refused, read_text
from lvmmed_backbones.files.writing import write_text

SLURM = "slurm"  # the folder, in that of results
JOBS, SCRIPT = "jobs.json", "batch.sh"
NAME = "lvmmed-"  # and the ID: the name of an array in Slurm
POLL = 5.0  # seconds between two looks at the queue
PATIENCE = 120.0  # seconds in which squeue or scontrol answers, else it counts as failed
OPTION = re.compile(r"([a-z][a-z-]*)=(.+)")
OURS = (
    "array",
    "clusters",
    "error",
    "job-name",
    "open-mode",
    "output",
)  # options that are set here
PENDING = "PENDING"
ENDED = {
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED"),
    *("NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED", "TIMEOUT"),
}
GONE = "gone from the queue (cancelled?)"


@dataclass(frozen=True)
class _Task:
    """A task of an array, which carries out a run.

    Attributes
    ----------
    run : Run
        The run.
    folder : Path
        Folder of the array, RESULTS/slurm/ID.
    number : int
        Number in the array.
    job : str
        The number of the array in Slurm.
    """

    run: Run
    folder: Path
    number: int
    job: str


@dataclass(frozen=True)
class _Queued:
    """What squeue says of a task: the number of its array in Slurm, and its state."""

    job: str
    state: str


_Queue = Mapping[tuple[str, int], _Queued]  # by the array's name in Slurm, and the task's number


def check(options: Sequence[str]) -> None:
    """Check what `--slurm` says, and that this machine has Slurm.

    Parameters
    ----------
    options : sequence of str
        NAME=VALUE, as sbatch's option --NAME=VALUE.

    Raises
    ------
    ValueError
        If one is no such option, or is set here.
    FileNotFoundError
        If a command of Slurm is absent.
    """
    for option in options:
        match = OPTION.fullmatch(option)
        if match is None or not option.isprintable():
            raise ValueError(
                f"--slurm {plain(option)}: write NAME=VALUE, an option of sbatch such as partition=gpu"
            )
        if match[1] in OURS:
            raise ValueError(f"--slurm {plain(option)}: `run` sets {match[1]} itself. Leave it out")
    for command in ("sbatch", "squeue", "scontrol"):
        if shutil.which(command) is None:
            raise FileNotFoundError(
                f"--slurm: no {command} on this machine. Start from one that submits jobs to Slurm, or leave it out"
            )


def carry_out(
    runs: Sequence[Run], places: Places, options: Sequence[str], jobs: int | None
) -> Iterator[Ending]:
    """Yield each run as it ends in Slurm; those that an earlier driver submitted are not submitted again.

    Parameters
    ----------
    runs : sequence of Run
        The runs that have no record.
    places : Places
        Folders that all nodes see under the same names.
    options : sequence of str
        Further options of sbatch, NAME=VALUE, as `check` admits them.
    jobs : int or None
        The most at a time; None: as many as there is room for.

    Raises
    ------
    RuntimeError
        If Slurm refuses an array, or does not answer at first.
    OSError
        If RESULTS/slurm cannot be written to.
    """
    folder = places.results.resolve() / SLURM
    tasks = _submitted(runs, folder)
    if tasks:
        say(f"{len(tasks)} runs are in Slurm's queue already, from an earlier start")
    queued = {task.run.folder for task in tasks}
    missing = [run for run in runs if run.folder not in queued]
    most = _largest_array() if missing else 1
    before = None
    for begin in range(0, len(missing), most):
        array = _submit(missing[begin : begin + most], folder, places, options, jobs, before)
        before = array[0].job
        tasks += array
    yield from _endings(tasks)


def _submitted(runs: Sequence[Run], folder: Path) -> list[_Task]:
    """Return the tasks of earlier arrays which have these runs and are queued or running."""
    arrays = {NAME + file.parent.name: file.parent for file in folder.glob(f"*/{JOBS}")}
    queue = _queue(arrays) if arrays else {}
    by_id = {run.identity.run_id: run for run in runs}
    tasks: dict[str, _Task] = {}
    for name in dict.fromkeys(name for name, _ in queue):
        try:
            planned = plain_jobs.read(arrays[name] / JOBS).jobs
        except (FileNotFoundError, Refused) as error:
            say(plain(error))
            continue
        for number, job in enumerate(planned):
            entry = queue.get((name, number))
            if job.run in by_id and entry and entry.state not in ENDED:
                tasks[job.run] = _Task(by_id[job.run], arrays[name], number, entry.job)
    return list(tasks.values())


def _submit(
    runs: Sequence[Run],
    folder: Path,
    places: Places,
    options: Sequence[str],
    jobs: int | None,
    before: str | None,
) -> list[_Task]:
    """Submit an array; if there is a limit of jobs at a time, it begins after the array `before`."""
    array = folder / uuid.uuid4().hex[:12]
    array.mkdir(parents=True)
    script, threads = array / SCRIPT, max(run.identity.threads for run in runs)
    command = [
        "sbatch",
        "--parsable",
        f"--job-name={NAME}{array.name}",
        f"--array=0-{len(runs) - 1}" + (f"%{jobs}" if jobs else ""),
        f"--output={str(array).replace('%', '%%')}/%a.txt",
        "--open-mode=append",
        "--requeue",
        f"--cpus-per-task={threads}",
        *([f"--dependency=afterany:{before}"] if before and jobs else []),
        *(f"--{option}" for option in options),  # of two alike, the last counts
        str(script),
    ]
    plain_jobs.write(plain_jobs.Jobs.of(runs, places), array / JOBS)
    write_text(script, _script(array / JOBS, command))
    try:
        answer = _call(command)
    except RuntimeError:
        shutil.rmtree(array)
        raise
    job = answer.partition(";")[0].strip()
    say(f"submitted to Slurm: {len(runs)} runs as array {job} ({plain(array)})")
    return [_Task(run, array, number, job) for number, run in enumerate(runs)]


def _script(jobs: Path, command: Sequence[str]) -> str:
    """Return the script of an array, and above it, for people, how it was submitted."""
    line = shlex.join([sys.executable, "-m", "benchmarks", "job", str(jobs)])
    return (
        "#!/bin/sh\n"
        "# One run of an array. A run whose job is requeued goes on from its last checkpoint. Submitted by\n"
        f"# {plain(shlex.join(command), most=100_000)}\n"
        f'exec {line} "$SLURM_ARRAY_TASK_ID"\n'
    )


def _endings(tasks: Sequence[_Task]) -> Iterator[Ending]:
    """Yield each run once its record is there, or its task has ended without one."""
    waiting, missed, told = list(tasks), set[_Task](), False
    names = dict.fromkeys(NAME + task.folder.name for task in tasks)
    while waiting:
        try:
            queue: _Queue | None = _queue(names)
        except RuntimeError as error:  # the controller is being started again
            queue = None
            if not told:
                say(f"{error}. The runs go on; asked again every {POLL:.0f} s")
        told = queue is None
        for task in list(waiting):
            entry = (queue or {}).get((NAME + task.folder.name, task.number))
            state = entry.state if entry else GONE
            if state == PENDING:
                continue
            if done := _done(task.run):
                ending = Ending(done)
            elif queue is None or state not in {*ENDED, GONE}:
                missed.discard(task)
                continue
            elif task not in missed:  # what a node writes may be seen here a little later
                missed.add(task)
                continue
            else:
                ending = Ending(task.run, _reason(task, state))
            waiting.remove(task)
            yield ending
        if waiting:
            time.sleep(POLL)


def _done(run: Run) -> Run | None:
    """Return a run if it has its record, or the one with half the batch that took its place; else None."""
    with suppress(OSError):
        next(run.folder.iterdir(), None)  # NFS looks anew at a folder that is listed
    if is_done(run.folder):
        return run
    half = run.with_half_the_batch() if run.found_no_memory else None
    return half if half and is_done(half.folder) else None


def _reason(task: _Task, state: str) -> str:
    """Return why a task left no record: its state, and the last line that it printed."""
    output = task.folder / f"{task.number}.txt"
    try:
        lines = read_text(output, within=task.folder).splitlines()
    except (FileNotFoundError, Refused):
        lines = []
    last = next((line for line in reversed(lines) if line.strip()), "it printed nothing")
    return plain(f"Slurm job {task.job}_{task.number}, {state}: {last.strip()}")


def _queue(names: Mapping[str, object]) -> _Queue:
    """Return what squeue says of the tasks of arrays; those that ended minutes ago it has forgotten.

    Raises
    ------
    RuntimeError
        If it does not answer.
    """
    words = ["--noheader", "--array", "--states=all", "--format=%j|%K|%F|%T"]
    queue = {}
    for line in _call(["squeue", *words, f"--name={','.join(names)}"]).splitlines():
        name, number, job, state = line.split("|")
        if number.isdecimal():  # not so the rest of an array that was cancelled before it began
            queue[name, int(number)] = _Queued(job, state)
    return queue


def _largest_array() -> int:
    """Return how many tasks an array may have."""
    match = re.search(r"^MaxArraySize\s*=\s*(\d+)", _call(["scontrol", "show", "config"]), re.M)
    if match is None or match[1] == "0":
        raise RuntimeError("this Slurm has no job arrays (MaxArraySize of `scontrol show config`)")
    return int(match[1])


def _call(command: Sequence[str]) -> str:
    """Return what a command of Slurm prints.

    Raises
    ------
    RuntimeError
        If it fails, or takes longer than `PATIENCE`; the message is what it says, in a line.
    """
    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuntimeError(plain(f"{command[0]} does not answer: {error}")) from error
    if ended.returncode:
        said = ended.stderr.strip() or f"exit code {ended.returncode}"
        raise RuntimeError(plain(f"{command[0]} failed: {said}"))
    return ended.stdout
