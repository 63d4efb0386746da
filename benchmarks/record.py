"""The record of a run: metrics, provenance, cost."""

from __future__ import annotations

import hashlib
import re
import resource
import time
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from benchmarks.labels import patient_of
from benchmarks.overrides import as_dict
from benchmarks.runs import Run
from lvmmed_backbones.files.outside import Refused, read_json
from lvmmed_backbones.files.writing import write_json
from lvmmed_backbones.provenance import machine, versions
from lvmmed_backbones.records import CONFIG, Backbone, Data, Provenance, WholeRecord, finite
from tasks.metrics import case_name

CLOCK = "train_seconds.json"  # in a run's folder: how long its processes have trained so far
INTERVAL = 5.0  # seconds between two notes of the clock: a kill loses no more
PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "mmengine",
    "mmcv",
    "mmpretrain",
    "mmsegmentation",
    "mmdet",
    "timm",
    "segment-anything",
)


class TrainClock(Hook):
    """Counts the seconds that a run trains, those of its earlier processes included.

    Parameters
    ----------
    file : Path
        Where it notes the seconds while the run trains.

    Attributes
    ----------
    seconds : float
        So far, validation included.
    ended : float
        When the training was over, on the monotonic clock. What other hooks do after it is no part of it: the release
        tests the last epoch there.
    """

    priority = "VERY_HIGH"

    def __init__(self, file: Path) -> None:
        self.file = file
        self.seconds = 0.0
        self.noted = self.ended = 0.0

    def before_train(self, runner: Runner) -> None:
        """Read the seconds of earlier processes, and begin to count."""
        self.earlier = read_note(self.file)
        self.begin = time.monotonic()
        self.noted = self.begin

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch=None, outputs=None
    ) -> None:
        """Note the seconds if the last note is older than `INTERVAL`."""
        now = time.monotonic()
        if now - self.noted > INTERVAL:
            self.noted = now
            self._note()

    def after_train(self, runner: Runner) -> None:
        """Note the seconds of the whole training."""
        self._note()
        self.ended = time.monotonic()

    def _note(self) -> None:
        self.seconds = self.earlier + time.monotonic() - self.begin
        write_json(self.file, self.seconds)


def read_note(file: Path) -> float:
    """Return the seconds that earlier processes noted; 0 if the file is absent or holds no such number."""
    try:
        seconds = read_json(file, "Remove it", within=file.parent, most=4096)
    except (FileNotFoundError, Refused):
        return 0.0
    return float(seconds) if isinstance(seconds, (int, float)) and 0 <= seconds < 1e9 else 0.0


def record_of(
    run: Run,
    *,
    parameters: int,
    images: dict[str, int],
    metrics: dict[str, float],
    cases: list[dict[str, Any]],
    started: str,
    cost: dict[str, float],
) -> WholeRecord:
    """Return the record of a run.

    Parameters
    ----------
    run : Run
        The run; its folder holds the config.
    parameters : int
        Of the backbone.
    images : dict of str to int
        How many there are, as `counts` returns them.
    metrics : dict of str to float
        What the test returned.
    cases : list of dict
        The scores of each test case.
    started : str
        Begin of the run, in ISO 8601.
    cost : dict of str to float
        Seconds and memory.
    """
    task, identity, entry = run.config.task, run.identity, run.backbone
    decoder = run.config.model.get("sam_decoder")
    return WholeRecord(
        run=identity.run_id,
        task=task.name,
        task_version=identity.task_version,
        dataset=task.dataset,
        kind=task.kind,
        backbone=Backbone(
            name=run.spec.backbone,
            architecture=entry.architecture,
            method=entry.method,
            corpus=entry.corpus,
            parameters=parameters,
            weights_sha256=identity.weights_sha256,
            pretraining_seed=entry.pretraining_seed,
            pretraining=run.pretraining,
        ),
        protocol=task.protocol,
        label_fraction=run.spec.label_fraction,
        split=run.spec.split,
        recipe=run.spec.recipe,
        seed=run.spec.seed,
        profile=run.spec.profile,
        threads=identity.threads,
        data_source="phantom" if run.phantom else "measured",
        metric=task.headline,
        metrics=finite(metrics),
        cases=cases,
        data=Data(identity.data_fingerprint, run.complete, images),
        provenance=Provenance(
            versions=versions(PACKAGES),
            machine=machine(),
            git_revision=run.git_revision,
            started=started,
            config_sha256=hashlib.sha256((run.folder / CONFIG).read_bytes()).hexdigest(),
        ),
        cost=cost,
        mask_decoder=(decoder.sha256 if decoder else "random")
        if "embeddings" in run.config
        else None,
        overrides=as_dict(identity.overrides),
    )


def counts(runner: Runner) -> dict[str, int]:
    """Return the number of training and of test images, and of `train_patients` where the task config tells them."""
    train, test = runner.train_dataloader.dataset, runner.test_dataloader.dataset
    while hasattr(train, "dataset"):  # ClassBalancedDataset counts an image as often as it is drawn
        train = train.dataset
    numbers = {"train": len(train), "test": len(test)}
    if "patient" in runner.cfg.task:
        root = Path(train.data_root)
        images = (train.get_data_info(index)["img_path"] for index in range(len(train)))
        patients = {patient_of(case_name(image), runner.cfg, root) for image in images}
        numbers["train_patients"] = len(patients)
    return numbers


def peak_memory_mb() -> float:
    """Return the most memory that this process has held: on its GPU if it has one, else resident.

    On Linux this is VmHWM: a process that another one began starts with that one's ``ru_maxrss``.
    """
    if torch.cuda.is_available():
        return round(torch.cuda.max_memory_allocated() / 2**20, 1)
    status = Path("/proc/self/status")
    kilobytes = (
        re.search(r"^VmHWM:\s*(\d+) kB", status.read_text(), re.MULTILINE)
        if status.exists()
        else None
    )
    peak = int(kilobytes[1]) if kilobytes else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 2**10, 1)
