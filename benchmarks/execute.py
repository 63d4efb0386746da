"""Carry out one run, in a process of its own: train, test, write the record."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
import time
import traceback
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import mmseg.models  # noqa: F401  the three are imported once, by the process that the runs are forked from
import torch
from mmengine.config import Config
from mmengine.utils import import_modules_from_strings

import tasks.registration  # noqa: F401
from benchmarks import gallery, provenance
from benchmarks.grid import Cell
from benchmarks.record import FILE, SCHEMA, finite, write_json
from lvmmed_backbones import catalogue
from lvmmed_backbones.openmmlab.resumption import CheckedRunner, last_checkpoint

ERROR = "error.txt"
CONFIG = "config.py"


@dataclass(frozen=True)
class Run:
    """A cell of the grid, composed, named and bound to a folder.

    Attributes:
        run_id: identity, 16 hex digits.
        folder: of the run.
        config: as composed and bound; its text lies in the folder for people, and is not read again.
        cell: what it is a run of.
        fingerprint, complete, phantom: of the prepared data set, from its meta.json.
        weights_sha256: of the weights' file, None for random weights.
        git_revision: of the code, when the job began: a run lives on code that was imported then.
        threads: CPU threads that the run may use.
    """

    run_id: str
    folder: Path
    config: Config = field(compare=False)
    cell: Cell
    fingerprint: str
    complete: bool
    phantom: bool
    weights_sha256: str | None
    git_revision: str | None
    threads: int


def execute(run: Run) -> None:
    """Carry out a run; its folder then holds a record, or `error.txt` with the traceback. Exits 1 on an error.

    Everything that the run prints goes to run.log in its folder.
    """
    folder = run.folder
    error = folder / ERROR
    error.unlink(missing_ok=True)
    with (folder / "run.log").open("a") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    try:
        torch.set_num_threads(run.threads)
        write_json(folder / FILE, measure(run))
    except BaseException:
        error.write_text(traceback.format_exc())
        traceback.print_exc()
        sys.exit(1)


def measure(run: Run) -> dict:
    """Train and test, and leave a gallery; the record as a dict."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    config = run.config
    import_modules_from_strings(**config.custom_imports)
    if last := last_checkpoint(run.folder):
        config.load_from, config.resume = str(last), True
    runner = CheckedRunner.from_cfg(config)
    begin = time.monotonic()
    runner.train()
    trained = time.monotonic()
    pixels = gallery.watch(runner)
    metrics = runner.test()
    tested = time.monotonic()
    memory = peak_memory_mb()
    cases = json.loads((run.folder / "cases.json").read_text())
    gallery.write(runner, cases, pixels, run.folder / gallery.FOLDER)
    entry = catalogue.get(run.cell.backbone, run.cell.seed)
    task = config.task
    return {
        "schema": SCHEMA,
        "run": run.run_id,
        "task": task.name,
        "dataset": task.dataset,
        "kind": task.kind,
        "backbone": {
            "name": run.cell.backbone,
            "architecture": entry.architecture,
            "method": entry.method,
            "corpus": entry.corpus,
            "parameters": sum(p.numel() for p in runner.model.backbone.parameters()),
            "weights_sha256": run.weights_sha256,
            "pretraining_seed": entry.pretraining_seed,
        },
        "protocol": task.protocol,
        "label_fraction": run.cell.label_fraction,
        "split": run.cell.split,
        "seed": run.cell.seed,
        "profile": run.cell.profile,
        "figure": "phantom" if run.phantom else "measured",
        "metric": task.headline,
        "metrics": finite(metrics),
        "cases": cases,
        "data": {
            "fingerprint": run.fingerprint,
            "complete": run.complete,
            "counts": {
                split: len(loader.dataset)
                for split, loader in (
                    ("train", runner.train_dataloader),
                    ("test", runner.test_dataloader),
                )
            },
        },
        "provenance": {
            "versions": provenance.versions(),
            "git_revision": run.git_revision,
            "config_sha256": hashlib.sha256((run.folder / CONFIG).read_bytes()).hexdigest(),
            "started": started,
            "machine": provenance.machine() | {"threads": run.threads},
        },
        "cost": {
            "train_seconds": round(trained - begin, 2),
            "test_seconds": round(tested - trained, 2),
            "peak_memory_mb": memory,
        },
    }


def peak_memory_mb() -> float:
    """Largest memory of this process: of its GPU if it has one, else resident."""
    if torch.cuda.is_available():
        return round(torch.cuda.max_memory_allocated() / 2**20, 1)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10, 1)
