"""Carry out one run, in a process of its own: train, test, write the record."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
import time
import traceback
from dataclasses import asdict
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import mmseg.models  # noqa: F401  the three are imported once, by the process that the runs are forked from
import torch
from mmengine.runner import Runner
from mmengine.utils import import_modules_from_strings

import tasks.registration  # noqa: F401
from benchmarks import gallery, provenance
from benchmarks.clock import CLOCK, TrainClock
from benchmarks.labels import patient_of
from benchmarks.record import CASES, CONFIG, ERROR, IDENTITY
from benchmarks.runs import Run
from benchmarks.scheduler.devices import VISIBLE
from benchmarks.scheduler.lease import Lease, claim
from lvmmed_backbones.display import plain
from lvmmed_backbones.files.writing import by_full_disk, sweep, write_json, write_text
from lvmmed_backbones.openmmlab.resumption import CheckedRunner
from lvmmed_backbones.records import (
    FILE,
    Backbone,
    Data,
    Provenance,
    WholeRecord,
    finite,
    read_done,
)
from lvmmed_backbones.records.checked import write_struct
from lvmmed_backbones.records.gallery import FOLDER as GALLERY
from lvmmed_backbones.stopping import die_with_parent
from tasks.hooks import BEST, LAST
from tasks.metrics import case_name

TAKEN = 75  # exit code: another driver was quicker


def execute(run: Run, over: Path | None, gpu: str | None, reason: Connection) -> None:
    """Carry out a run; its folder then holds a record, or `error.txt` with the traceback.

    Exits with 1 on an error, which it sends to `reason` in a line, and with `TAKEN` if another process has the lease.
    Everything that the run prints goes to run.log in its folder.

    Parameters
    ----------
    over : Path or None
        The lease file of a holder that has died.
    gpu : str or None
        The only one that the run may see; None: whatever there is.
    """
    die_with_parent()
    if gpu is not None:
        os.environ[VISIBLE] = gpu
    try:
        lease = claim(run.lease, over)
        if lease is None or is_done(run.folder):
            if lease:
                lease.release()
            sys.exit(TAKEN)
        try:
            carry_out(run, lease)
        finally:
            lease.release()
    except Exception as error:
        reason.send(in_a_line(error, run.folder))
        sys.exit(1)


def carry_out(run: Run, lease: Lease) -> None:
    """Train, test and write the record, or the traceback."""
    folder = run.folder
    (folder / ERROR).unlink(missing_ok=True)
    sweep(folder)
    with (folder / "run.log").open("a") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    try:
        write_text(folder / CONFIG, run.config.pretty_text)
        write_json(folder / IDENTITY, asdict(run.identity))
        torch.set_num_threads(run.identity.threads)
        record = measure(run)
        if not lease.is_mine:
            raise RuntimeError("another driver took this run over while its process was asleep")
        write_struct(folder / FILE, record)
    except BaseException:
        traceback.print_exc()
        (folder / ERROR).write_text(traceback.format_exc())
        raise
    (folder / CLOCK).unlink(missing_ok=True)
    if not run.keep:
        for path in folder.glob("*.pth"):
            if not path.name.startswith(BEST):
                path.unlink()


def is_done(folder: Path) -> bool:
    """Whether a run left its record, whole and of this version."""
    try:
        read_done(folder)
    except (FileNotFoundError, ValueError):
        return False
    return True


def in_a_line(error: Exception, folder: Path) -> str:
    """Why a run failed; that the disk is full, whatever a library made of it."""
    if by_full_disk(error, folder):
        return f"disk full: {plain(folder)} has no room left. Make room and start again"
    return f"{plain(f'{type(error).__name__}: {error}')} (all of it in {ERROR})"


def measure(run: Run) -> WholeRecord:
    """Train and test, and leave a gallery; the record."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    config = run.config
    import_modules_from_strings(**config.custom_imports)
    last = run.folder / LAST
    # Each epoch is seeded: going on gives what a whole run gives. A run by iterations is short, and begins anew.
    if config.train_cfg.type == "EpochBasedTrainLoop" and last.exists():
        config.load_from, config.resume = str(last), True
    else:
        begin_anew(run.folder)
    clock = TrainClock(run.folder / CLOCK)
    runner = CheckedRunner.from_cfg(config)
    runner.register_hook(clock)
    runner.train()
    trained = time.monotonic()
    pixels = gallery.watch(runner)
    metrics = runner.test()
    tested = time.monotonic()
    memory = peak_memory_mb()
    cases = json.loads((run.folder / CASES).read_text())
    gallery.write(runner, cases, pixels, run.folder / GALLERY)
    cost = {
        "train_seconds": round(clock.seconds, 2),
        "test_seconds": round(tested - trained, 2),
        "peak_memory_mb": memory,
    }
    return record_of(run, runner, metrics, cases, started, cost)


def record_of(
    run: Run,
    runner: Runner,
    metrics: dict[str, float],
    cases: list[dict[str, Any]],
    started: str,
    cost: dict[str, float],
) -> WholeRecord:
    """The record of a run that is trained and tested.

    Parameters
    ----------
    runner : Runner
        With the tested model.
    metrics, cases : dict of str to float
        Of the test.
    started : str
        When, as ISO 8601 has it.
    cost : dict of str to float
        Seconds and memory.
    """
    task, named, entry = run.config.task, run.identity, run.backbone
    return WholeRecord(
        run=named.run_id,
        task=task.name,
        task_version=named.task_version,
        dataset=task.dataset,
        kind=task.kind,
        backbone=Backbone(
            name=run.spec.backbone,
            architecture=entry.architecture,
            method=entry.method,
            corpus=entry.corpus,
            parameters=sum(p.numel() for p in runner.model.backbone.parameters()),
            weights_sha256=named.weights_sha256,
            pretraining_seed=entry.pretraining_seed,
        ),
        protocol=task.protocol,
        label_fraction=run.spec.label_fraction,
        split=run.spec.split,
        seed=run.spec.seed,
        profile=run.spec.profile,
        threads=named.threads,
        data_source="phantom" if run.phantom else "measured",
        metric=task.headline,
        metrics=finite(metrics),
        cases=cases,
        data=Data(named.data_fingerprint, run.complete, counts(runner)),
        provenance=Provenance(
            versions=provenance.versions(),
            machine=provenance.machine(),
            git_revision=run.git_revision,
            started=started,
            config_sha256=hashlib.sha256((run.folder / CONFIG).read_bytes()).hexdigest(),
        ),
        cost=cost,
    )


def counts(runner: Runner) -> dict[str, int]:
    """Images by split, each once, and `train_patients` where the task config says how to tell them."""
    train, test = runner.train_dataloader.dataset, runner.test_dataloader.dataset
    while hasattr(train, "dataset"):  # ClassBalancedDataset counts an image as often as it is drawn
        train = train.dataset
    found = {"train": len(train), "test": len(test)}
    if "patient" in runner.cfg.task:
        root = Path(train.data_root)
        images = (train.get_data_info(place)["img_path"] for place in range(len(train)))
        patients = {patient_of(case_name(image), runner.cfg, root) for image in images}
        found["train_patients"] = len(patients)
    return found


def begin_anew(folder: Path) -> None:
    """Remove what an earlier process left that a new one could take for its own."""
    for path in [*folder.glob("*.pth"), folder / CASES, folder / CLOCK]:
        path.unlink(missing_ok=True)


def peak_memory_mb() -> float:
    """Largest memory of this process: of its GPU if it has one, else resident."""
    if torch.cuda.is_available():
        return round(torch.cuda.max_memory_allocated() / 2**20, 1)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10, 1)
