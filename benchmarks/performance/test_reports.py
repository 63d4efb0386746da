"""Speed of the reports: 100,000 records read and ranked, on one core."""

from __future__ import annotations

import itertools
import json
import random
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lvmmed_backbones.records import read
from reports.__main__ import main

KINDS = {
    "segmentation": ("dice", ["isic2018", "jsrt", "kvasir", "drive", "buid", "prostate"]),
    "volumes": ("iou", ["brats2018", "mmwhs_ct", "mmwhs_mri"]),
    "classification": ("accuracy", ["fgadr", "brain_tumor"]),
}
PROTOCOLS = {"segmentation": ["finetune"], "volumes": ["finetune", "prompt"]}
TASKS = [
    (kind, metric, dataset, protocol)
    for kind, (metric, datasets) in KINDS.items()
    for dataset in datasets
    for protocol in PROTOCOLS.get(kind, ["finetune", "linear"])
]
BACKBONES, FRACTIONS, SEEDS = 50, (0.01, 0.05, 0.1, 0.5, 1.0), 25
RUNS = len(TASKS) * BACKBONES * len(FRACTIONS) * SEEDS
CASES = 20
MACHINE = {
    "platform": "Linux-6.1.0-18-amd64-x86_64-with-glibc2.36",
    "cpu": "AMD EPYC 9B14",
    "cores": 16,
    "gpu": "NVIDIA H100 80GB HBM3",
    "memory_gb": 125.9,
}
PACKAGES = ("python", "torch", "torchvision", "numpy", "mmengine", "mmcv", "mmpretrain", "timm")


def _contents() -> Iterator[dict[str, Any]]:
    """Yield the records of a large study, as `python -m benchmarks run` writes them: 5 KB each."""
    draw = random.Random(0)
    runs = itertools.product(TASKS, range(BACKBONES), FRACTIONS, range(SEEDS))
    for number, ((kind, metric, dataset, protocol), backbone, fraction, seed) in enumerate(runs):
        scores = (metric, "other", f"{metric}/lesion")
        cases = [
            {"case": f"case_{n:03}", **{score: draw.random() for score in scores}}
            for n in range(CASES)
        ]
        metrics = {score: sum(case[score] for case in cases) / CASES for score in scores}
        yield {
            "schema": 3,
            "run": f"{number:016x}",
            "task": f"{dataset}_{protocol}",
            "task_version": 1,
            "dataset": dataset,
            "kind": kind,
            "backbone": {
                "name": f"backbone_{backbone:02}",
                "architecture": "ResNet-50",
                "method": "LVMMed",
                "corpus": "LVM-Med, 1.3 million images of 55 data sets",
                "parameters": 23508032,
                "weights_sha256": f"{backbone:064x}",
            },
            "protocol": protocol,
            "label_fraction": fraction,
            "split": "published",
            "seed": seed,
            "profile": "paper",
            "threads": 4,
            "data_source": "measured",
            "metric": metric,
            "metrics": metrics,
            "cases": cases,
            "data": {
                "fingerprint": f"{dataset:0>64}",
                "complete": True,
                "counts": {"train": 1000, "valid": 100, "test": CASES},
            },
            "provenance": {
                "versions": dict.fromkeys(PACKAGES, "2.11.0"),
                "git_revision": "5a741c2" + "0" * 33,
                "config_sha256": f"{number:064x}",
                "started": "2026-01-01T00:00:00+00:00",
                "machine": MACHINE,
            },
            "cost": {"train_seconds": 123.4, "test_seconds": 5.6, "peak_memory_mb": 12345},
        }


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a large study: beside each record lie a log and a config, as after a run."""
    results = tmp_path_factory.mktemp("study")
    for content in _contents():
        folder = results / "runs" / content["run"]
        folder.mkdir(parents=True)
        (folder / "record.json").write_text(json.dumps(content, indent=1))
        (folder / "run.log").touch()
        (folder / "config.py").touch()
    return results


def test_reading(benchmark, study: Path) -> None:
    """Read and check every record, and measure what all of them take in memory."""
    before = _peak_memory()
    benchmark.group = f"reports, {RUNS} records"
    records, problems = benchmark.pedantic(read, (study,), rounds=1)
    assert (len(records), problems) == (RUNS, [])
    benchmark.extra_info["records_per_second"] = RUNS / benchmark.stats.stats.median
    benchmark.extra_info["peak_memory_mb"] = _peak_memory() - before


def test_leaderboard(benchmark, study: Path) -> None:
    """Run the whole command: read, check, rank, write, print."""
    benchmark.group = f"reports, {RUNS} records"
    words = ["leaderboard", str(study), "--out", str(study.parent / "leaderboard")]
    assert benchmark.pedantic(main, (words,), rounds=1) == 0


def test_tables(benchmark, study: Path) -> None:
    """Write the paper's tables, with an interval for every measured score: each record is read twice."""
    benchmark.group = f"reports, {RUNS} records"
    words = ["tables", str(study), "--out", str(study.parent / "tables"), "--label-fraction", "1"]
    assert benchmark.pedantic(main, (words,), rounds=1) == 0


def _peak_memory() -> float:
    """Return the most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
