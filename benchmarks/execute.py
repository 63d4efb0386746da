"""Carry out one run, in a process of its own: train, or probe frozen features, test, write the record."""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import traceback
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import lvmmed_backbones.openmmlab  # noqa: F401  before mmseg: see its transformers.py

# isort: split
import mmseg.models  # noqa: F401  the three are imported once, by the process that the runs are forked from
import torch
from mmengine.registry import LOOPS
from mmengine.runner import EpochBasedTrainLoop
from mmengine.utils import import_modules_from_strings

import tasks.registration  # noqa: F401
from benchmarks import gallery
from benchmarks.probing import probe_and_test
from benchmarks.record import CLOCK, TrainClock, counts, peak_memory_mb, record_of
from benchmarks.results import CASES, ERROR, NO_MEMORY, OUT_OF_MEMORY, TAKEN, is_done
from benchmarks.runs import Run
from benchmarks.scheduler.devices import VISIBLE
from benchmarks.scheduler.lease import Lease, claim
from lvmmed_backbones.display import plain
from lvmmed_backbones.files.writing import by_full_disk, sweep, write_json, write_text
from lvmmed_backbones.openmmlab.resumption import CheckedRunner
from lvmmed_backbones.records import CONFIG, FILE, IDENTITY, WholeRecord
from lvmmed_backbones.records.checked import write_struct
from lvmmed_backbones.records.gallery import FOLDER as GALLERY
from lvmmed_backbones.stopping import die_with_parent
from tasks.hooks import BEST, LAST, LAST_SCORES

# What torch says in errors that have no class of their own.
NO_ROOM = ("can't allocate memory", "CUDA out of memory", "CUBLAS_STATUS_ALLOC_FAILED")


def execute(run: Run, over: Path | None, gpu: str | None, reason: Connection) -> None:
    """Carry out a run; its folder then holds a record, or `error.txt` with the traceback.

    The process exits with 1 after an error, with `OUT_OF_MEMORY` after that one, and with `TAKEN` if another process
    has the lease. What the run prints goes to run.log in its folder.

    Parameters
    ----------
    run : Run
        The run.
    over : Path or None
        The lease file of a holder that has died.
    gpu : str or None
        The only GPU that the run may see; None: all that there are.
    reason : Connection
        Receives one line that says why the run failed.
    """
    die_with_parent()
    gc.freeze()  # mmengine collects garbage for each data set: a quarter of a second with all that is imported
    if gpu is not None:
        os.environ[VISIBLE] = gpu
    try:
        lease = claim(run.lease, over)
        if lease is None or is_done(run.folder):
            if lease:
                lease.release()
            sys.exit(TAKEN)
        try:
            _carry_out(run, lease)
        finally:
            lease.release()
    except Exception as error:
        reason.send(_in_a_line(error, run.folder))
        sys.exit(OUT_OF_MEMORY if is_out_of_memory(error) else 1)


def _carry_out(run: Run, lease: Lease) -> None:
    """Train or probe, test, and write the record or the traceback."""
    folder = run.folder
    (folder / ERROR).unlink(missing_ok=True)
    (folder / NO_MEMORY).unlink(missing_ok=True)
    sweep(folder)
    with (folder / "run.log").open("a") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    try:
        write_text(folder / CONFIG, run.config.pretty_text)
        write_json(folder / IDENTITY, run.identity.facts())
        torch.set_num_threads(run.identity.threads)
        if "probe" in run.config:
            _begin_anew(folder)
            record = probe_and_test(run)
        else:
            record = train_and_test(run)
        if not lease.is_mine:
            raise RuntimeError("another driver took this run over while its process was asleep")
        write_struct(folder / FILE, record)
    except BaseException as error:
        traceback.print_exc()
        (folder / ERROR).write_text(traceback.format_exc())
        if is_out_of_memory(error):
            (folder / NO_MEMORY).touch()
        raise
    (folder / CLOCK).unlink(missing_ok=True)
    if not run.keep:
        for path in folder.glob("*.pth"):
            if not path.name.startswith(BEST):
                path.unlink()


def _begin_anew(folder: Path) -> None:
    """Remove what an earlier process of a run left."""
    for path in [*folder.glob("*.pth"), folder / CASES, folder / CLOCK]:
        path.unlink(missing_ok=True)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory was short: Python's, torch's of a GPU, or torch's of the machine."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in NO_ROOM)


def _in_a_line(error: Exception, folder: Path) -> str:
    """Return why a run failed; a full disk is named, whatever error a library made of it."""
    if by_full_disk(error, folder):
        return f"disk full: {plain(folder)} has no room left. Make room and start again"
    return f"{plain(f'{type(error).__name__}: {error}')} (all of it in {ERROR})"


def train_and_test(run: Run) -> WholeRecord:
    """Train and test, write the gallery, and return the record."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    config = run.config
    import_modules_from_strings(**config.custom_imports)
    last = run.folder / LAST
    # Each epoch is seeded, so a run that goes on gives what a whole run gives. A run by iterations is short: it begins
    # anew, without what an earlier process left.
    by_epochs = issubclass(LOOPS.get(config.train_cfg.type), EpochBasedTrainLoop)
    if by_epochs and last.exists():
        config.load_from, config.resume = str(last), True
    else:
        _begin_anew(run.folder)
    clock = TrainClock(run.folder / CLOCK)
    runner = CheckedRunner.from_cfg(config)
    runner.register_hook(clock)
    runner.train()
    pixels = gallery.watch(runner)
    last_scores = runner.message_hub.runtime_info.get(LAST_SCORES, {})
    metrics = runner.test() | last_scores
    cost = {
        "train_seconds": round(clock.seconds, 2),
        "test_seconds": round(time.monotonic() - clock.ended, 2),
        "peak_memory_mb": peak_memory_mb(),
    }
    cases = json.loads((run.folder / CASES).read_text())
    gallery.write(runner, cases, pixels, run.folder / GALLERY)
    return record_of(
        run,
        parameters=sum(p.numel() for p in runner.model.backbone.parameters()),
        images=counts(runner),
        metrics=metrics,
        cases=cases,
        started=started,
        cost=cost,
    )
